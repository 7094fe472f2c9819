//! Floor 3: where CPython keeps things. No objects yet.

pub mod layout;
pub mod tables;
