//! Floor 10: do a plan, and prove it.

pub mod answer;
pub mod behind;
mod detach;
pub mod error;
pub mod look;
pub mod outcome;
pub mod plan;
pub mod prove;
pub mod record;
pub mod reload;
pub mod reload_answer;
pub mod reload_child;
pub mod reload_error;
pub mod reload_files;
pub mod reload_source;
pub mod source;
pub mod target;
pub mod unload;
pub mod verify;
