//! Floor 10: do a plan, and prove it.

pub mod answer;
pub mod error;
pub mod outcome;
pub mod source;
pub mod target;
pub mod unload;
pub mod verify;
