//! Floor 6: what a person means by a module.

mod attributes;
mod builtin_names;
pub mod describe;
mod draft;
pub mod ghosts;
pub mod group;
pub mod inventory;
pub mod kind;
pub mod namespaces;
pub mod picture;
mod reading;
pub mod row;
mod specs;
pub mod stale;
mod two_readers;
mod variables;
