//! Floor 4: one object at a time.

pub mod batch;
pub mod class;
pub mod code;
pub mod dict;
pub mod edges;
pub mod error;
pub mod function;
pub mod hash;
pub mod header;
pub mod identify;
pub mod instance;
pub mod int;
pub mod module;
pub mod names;
pub mod repr;
pub mod running;
pub mod sequence;
pub mod text;
