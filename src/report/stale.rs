//! `pyunload.stale/1`: loaded code against the files.

use super::Envelope;
use crate::modules::stale::judge::What;
use crate::modules::stale::survey::{Checked, Evidence, State};
use schemars::JsonSchema;
use serde::Serialize;

/// The answer of `stale`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Stale {
    /// What every document begins with.
    #[serde(flatten)]
    pub envelope: Envelope,
    /// The modules that were asked for, in the order of sys.modules.
    pub modules: Vec<StaleModule>,
    /// Whether a group was asked for and, as a whole, is stale: it is as soon as one member is.
    pub group_stale: Option<bool>,
}

/// One module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StaleModule {
    /// Its key in sys.modules.
    pub name: String,
    /// `__file__`.
    pub file: Option<String>,
    /// How the code in memory stands to the file.
    pub state: StaleState,
    /// What the state is told from.
    pub evidence: StaleEvidence,
    /// The functions and classes that are otherwise.
    pub changed: Vec<StaleChange>,
    /// Attributes that were replaced by functions of other modules.
    pub patched: Vec<StalePatch>,
    /// Functions that run in the module and were never of its file.
    pub memory_only: Vec<String>,
    /// How many functions were compared.
    pub compared: usize,
    /// How many of these are equal, but stand at other lines of the file now.
    pub moved_lines: usize,
    /// What else there is to say.
    pub detail: Option<String>,
}

/// How the code in memory stands to the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StaleState {
    /// It is that of the file.
    Current,
    /// It is not.
    Changed,
    /// There is no file any more.
    Missing,
    /// The file is at another place now.
    Moved,
    /// The file is of another version, of Python or of the package.
    OtherVersion,
    /// The file cannot be read, or is no Python.
    Unreadable,
    /// It cannot be told.
    Unknown,
}

/// A member of a group that is stale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StaleMember {
    /// Its key in sys.modules.
    pub name: String,
    /// How the code in memory stands to the file.
    pub state: StaleState,
    /// The functions and classes that are otherwise.
    pub changed: Vec<StaleChange>,
}

impl From<StaleModule> for StaleMember {
    fn from(module: StaleModule) -> Self {
        StaleMember {
            name: module.name,
            state: module.state,
            changed: module.changed,
        }
    }
}

/// What a state is told from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StaleEvidence {
    /// Code objects were compared.
    Code,
    /// Only the file was looked at.
    File,
    /// Build ids were compared.
    BuildId,
}

/// A function or class that is otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StaleChange {
    /// Its qualified name.
    pub qualname: String,
    /// Its line in the file; of a removed one in the file that was loaded.
    pub line: u32,
    /// What is otherwise.
    pub what: StaleWhat,
}

/// What is otherwise about a function or class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StaleWhat {
    /// It does something else.
    Code,
    /// It is in the file and not in memory.
    Added,
    /// It is in memory and not in the file any more.
    Removed,
    /// It is a constant with another value.
    Constant,
}

/// An attribute that was replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StalePatch {
    /// Its qualified name.
    pub attribute: String,
    /// The module of the foreign function, or the file that its code is from.
    pub by: String,
}

impl StaleState {
    /// Whether the process runs something else than the file holds.
    pub fn is_stale(self) -> bool {
        matches!(
            self,
            StaleState::Changed
                | StaleState::Missing
                | StaleState::Moved
                | StaleState::OtherVersion
        )
    }
}

impl From<Checked> for StaleModule {
    fn from(checked: Checked) -> Self {
        let found = checked.judgement;
        let change = |change: crate::modules::stale::judge::Change| StaleChange {
            qualname: change.qualname,
            line: change.line,
            what: change.what.into(),
        };
        let patch = |patch: crate::modules::stale::judge::Patch| StalePatch {
            attribute: patch.attribute,
            by: patch.by,
        };
        StaleModule {
            name: checked.name,
            file: checked.file,
            state: checked.state.into(),
            evidence: match checked.evidence {
                Evidence::Code => StaleEvidence::Code,
                Evidence::File => StaleEvidence::File,
                Evidence::BuildId => StaleEvidence::BuildId,
            },
            changed: found.changed.into_iter().map(change).collect(),
            patched: found.patched.into_iter().map(patch).collect(),
            memory_only: found.memory_only,
            compared: found.compared,
            moved_lines: found.moved_lines,
            detail: checked.detail,
        }
    }
}

impl From<What> for StaleWhat {
    fn from(what: What) -> Self {
        match what {
            What::Code => StaleWhat::Code,
            What::Added => StaleWhat::Added,
            What::Removed => StaleWhat::Removed,
            What::Constant => StaleWhat::Constant,
        }
    }
}

impl From<State> for StaleState {
    fn from(state: State) -> Self {
        match state {
            State::Current => StaleState::Current,
            State::Changed => StaleState::Changed,
            State::Missing => StaleState::Missing,
            State::Moved => StaleState::Moved,
            State::OtherVersion => StaleState::OtherVersion,
            State::Unreadable => StaleState::Unreadable,
            State::Unknown => StaleState::Unknown,
        }
    }
}
