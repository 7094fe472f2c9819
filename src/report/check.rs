//! `pyunload.check/1`: assertions and whether they hold.

use super::{Ghost, Why};
use schemars::JsonSchema;
use serde::Serialize;

/// The answer of `check`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Checked {
    /// Whether all of them hold.
    pub holds: bool,
    /// How long they were waited for, in milliseconds.
    pub waited_ms: u64,
    /// In the order in which they were given.
    pub assertions: Vec<CheckedAssertion>,
    /// Who holds the modules of those that do not hold, where the heap was looked at for them.
    pub why: Vec<Why>,
    /// The ghosts of those that do not hold.
    pub ghosts: Vec<Ghost>,
}

/// An assertion and whether it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CheckedAssertion {
    /// The assertion.
    pub text: String,
    /// Whether it holds.
    pub holds: bool,
    /// What was found.
    pub evidence: serde_json::Value,
}
