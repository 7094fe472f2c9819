//! Floor 7: pure answers about a change.

pub mod border;
pub mod check;
pub mod cut;
pub mod entries;
pub mod forced_steps;
pub mod hook_steps;
pub mod hooks;
pub mod hops;
pub mod keeper;
pub mod key;
pub mod leads;
pub mod nearest;
pub mod own;
pub mod predict;
pub mod registries;
pub mod registry_steps;
pub mod remedy;
pub mod standing;
pub mod step;
pub mod steps;
pub mod untouchable;
pub mod way;
