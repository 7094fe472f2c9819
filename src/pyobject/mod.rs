//! Floor 4: one object at a time.

pub mod batch;
pub mod dict;
pub mod error;
pub mod header;
pub mod identify;
pub mod int;
pub mod text;
