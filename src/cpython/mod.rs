//! Floor 3: where CPython keeps things. No objects yet.

pub mod layout;
pub mod python;
pub mod tables;
pub mod version;
