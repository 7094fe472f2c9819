//! Floor 7: pure answers about a change.

pub mod border;
pub mod check;
pub mod cut;
pub mod entries;
pub mod keeper;
pub mod key;
pub mod nearest;
pub mod own;
pub mod predict;
pub mod remedy;
pub mod standing;
pub mod untouchable;
pub mod way;
