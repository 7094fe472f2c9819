//! The main thread, parked in a system call with the GIL released, runs the code itself.

mod arm;
mod methods;
mod recognise;
mod stack;

pub(super) use arm::{Left, MECHANISM, ParkedCall, give_back, is_open_to};
pub use recognise::{Parked, Unproven};
pub use stack::{Sight, foresee, main_frames};
