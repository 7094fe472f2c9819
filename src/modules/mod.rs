//! Floor 6: what a person means by a module.

mod attributes;
pub mod describe;
pub mod ghosts;
pub mod inventory;
pub mod kind;
pub mod namespaces;
pub mod picture;
mod reading;
pub mod row;
mod two_readers;
