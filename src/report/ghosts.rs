//! `pyunload.ghosts/1`: code that is alive under names that sys.modules no longer gives.

use super::{ReportAddress, Root};
use schemars::JsonSchema;
use serde::Serialize;

/// The answer of `ghosts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Ghosts {
    /// The name asked for; `null` for all.
    pub name: Option<String>,
    /// By name, the oldest generation first.
    pub ghosts: Vec<Ghost>,
}

/// Code of a module that was unloaded or replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Ghost {
    /// What it is.
    pub kind: GhostKind,
    /// Its name: of the module; of a class with its module in front.
    pub name: String,
    /// The module it is of.
    pub module: String,
    /// Whether sys.modules gives another module of this name.
    pub replaced: bool,
    /// Its number among those of the same name, the oldest is 1; `null` when their order is not
    /// known.
    pub generation: Option<u64>,
    /// Where it is.
    pub address: ReportAddress,
    /// Functions that run in it.
    pub functions: u64,
    /// Classes that belong to it.
    pub classes: u64,
    /// Instances of these classes.
    pub instances: u64,
    /// Bytes that would be free if it were gone; `null` when that was not worked out.
    pub retained_bytes: Option<u64>,
    /// Why it is still there.
    pub state: GhostState,
    /// Who holds it.
    pub holders: Vec<Root>,
}

/// What a ghost is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GhostKind {
    /// A globals dict that functions run in.
    Globals,
    /// A module object.
    Module,
    /// A class.
    Class,
}

impl GhostKind {
    /// Its stable name, as in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            GhostKind::Globals => "globals",
            GhostKind::Module => "module",
            GhostKind::Class => "class",
        }
    }
}

/// Why a ghost is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GhostState {
    /// Something holds it.
    Held,
    /// Nothing holds it: the next collection takes it.
    Garbage,
    /// Nothing holds it, and the collector is switched off.
    CollectorOff,
    /// `gc.freeze` keeps it from the collector.
    Frozen,
}
