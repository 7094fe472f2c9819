//! Floor 6: what a person means by a module.

mod attributes;
pub mod inventory;
pub mod kind;
mod reading;
pub mod row;
mod two_readers;
