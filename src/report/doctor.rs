//! `pyunload.doctor/1`: the preconditions.

use super::Envelope;
use schemars::JsonSchema;
use serde::Serialize;

/// The answer of `doctor`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Doctor {
    /// What every document begins with.
    #[serde(flatten)]
    pub envelope: Envelope,
    /// Whether every precondition for looking holds.
    pub can_look: bool,
    /// One per precondition, in the order in which they were tested.
    pub checks: Vec<Check>,
    /// Which way a change would take into the process, in words.
    pub route: String,
}

/// One precondition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Check {
    /// A stable name.
    pub name: String,
    /// Whether it holds; `null` for a fact that is neither good nor bad.
    pub ok: Option<bool>,
    /// What was found.
    pub detail: String,
    /// What would help, where it does not hold.
    pub help: Option<String>,
}

impl Check {
    /// A precondition that holds.
    pub fn holds(name: &str, detail: impl Into<String>) -> Self {
        Check {
            name: name.to_owned(),
            ok: Some(true),
            detail: detail.into(),
            help: None,
        }
    }

    /// A precondition that fails.
    pub fn fails(name: &str, detail: impl Into<String>, help: impl Into<String>) -> Self {
        Check {
            name: name.to_owned(),
            ok: Some(false),
            detail: detail.into(),
            help: Some(help.into()),
        }
    }

    /// A fact worth knowing.
    pub fn fact(name: &str, detail: impl Into<String>) -> Self {
        Check {
            name: name.to_owned(),
            ok: None,
            detail: detail.into(),
            help: None,
        }
    }
}
