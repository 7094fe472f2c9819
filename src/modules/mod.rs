//! Floor 6: what a person means by a module.

mod attributes;
mod builtin_names;
pub mod inventory;
pub mod kind;
mod reading;
pub mod row;
mod specs;
mod two_readers;
