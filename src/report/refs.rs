//! `pyunload.refs/1`: the references to a module, accounted for.

use super::{Object, ReportAddress};
use schemars::JsonSchema;
use serde::Serialize;

/// The answer of `refs`: the module object first, then its globals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Refs {
    /// The module object.
    #[serde(flatten)]
    pub module: Accounted,
    /// Its globals; `null` when the value in sys.modules has none.
    pub globals: Option<Accounted>,
}

/// An object and who refers to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Accounted {
    /// The object.
    pub object: Counted,
    /// Every reference to it that was found.
    pub references: Vec<HeldBy>,
    /// How many of its references were found.
    pub explained: u64,
    /// Its reference count minus those that were found: held from C when above 0; negative when
    /// more were found than are counted. `null` when CPython does not count them.
    pub unexplained: Option<i64>,
}

/// An object with its reference count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Counted {
    /// Name of the module.
    pub name: String,
    /// Where it is.
    pub address: ReportAddress,
    /// References to it, as CPython counts them.
    pub refcount: Option<i64>,
    /// Whether CPython has stopped counting them.
    pub immortal: bool,
}

/// One reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HeldBy {
    /// What refers to the object.
    pub holder: Object,
    /// What the reference is called: `['json']`, `.__globals__`, `[3]`.
    pub edge: String,
    /// Where the reference lies.
    pub via: Via,
    /// The module in whose namespace the holder lives.
    pub module: Option<String>,
}

/// Where a reference lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// In an object.
    Heap,
    /// In a frame.
    Frame,
    /// In the state of the interpreter or of a thread.
    Interpreter,
    /// In static data of a C library.
    Static,
    /// On the C stack of a thread.
    Stack,
}
