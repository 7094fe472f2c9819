//! Floor 7: pure answers about a change.

pub mod check;
pub mod cut;
pub mod key;
pub mod nearest;
pub mod untouchable;
