//! Assertions about modules: their grammar, and whether they hold.

mod assertion;
mod judge;
mod parse;
mod size;
mod version;

pub use assertion::{Assertion, Comparison, Name};
pub use judge::{Facts, GhostFact, Judged, judge};
pub use parse::{ParseError, parse};
