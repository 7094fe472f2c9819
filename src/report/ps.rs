//! `pyunload.ps/1`: the Python processes of this machine.

use super::Envelope;
use schemars::JsonSchema;
use serde::Serialize;

/// The answer of `ps`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Ps {
    /// What every document begins with; `target` is `null`.
    #[serde(flatten)]
    pub envelope: Envelope,
    /// In the order of their pids.
    pub processes: Vec<PsProcess>,
}

/// One Python process, or one that looks like it and may not be looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PsProcess {
    /// Its pid.
    pub pid: i32,
    /// Its command line, or its name where it has none.
    pub command: String,
    /// Python version; `null` where it could not be looked at.
    pub python: Option<String>,
    /// How many entries sys.modules of the main interpreter has.
    pub modules: Option<u64>,
    /// Whether it can be looked at.
    pub look: Ability,
    /// Whether it can be changed.
    pub change: Ability,
}

/// Whether something can be done, or the one reason why not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Ability {
    /// Whether it can; `null` where that was not assessed.
    pub ok: Option<bool>,
    /// The reason why not, as a stable name.
    pub kind: Option<String>,
    /// The reason why not, in words.
    pub why: Option<String>,
    /// What would help.
    pub help: Option<String>,
}

impl Ability {
    /// It can be done.
    pub fn yes() -> Self {
        Ability {
            ok: Some(true),
            kind: None,
            why: None,
            help: None,
        }
    }

    /// It cannot be done.
    pub fn no(kind: &str, why: String, help: String) -> Self {
        Ability {
            ok: Some(false),
            kind: Some(kind.to_owned()),
            why: Some(why),
            help: Some(help),
        }
    }
}
