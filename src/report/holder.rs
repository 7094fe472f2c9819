//! What `why`, `ghosts` and `refs` share: an object, a step of a path, a root with its remedy.

use super::ReportAddress;
use schemars::JsonSchema;
use serde::Serialize;

/// Something in the target that refers or is referred to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Object {
    /// What it is: `module`, `globals`, `function`, `class`, `instance`, `frame`, `dict`, `list`, ..;
    /// for what is no Python object `interpreter`, `thread` or `static`.
    pub kind: String,
    /// What it is called; of an instance the name of its class; `null` for what has no name.
    pub name: Option<String>,
    /// Where it is; `null` for what is no single object.
    pub address: Option<ReportAddress>,
}

/// An object on a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Step {
    /// The object.
    pub object: Object,
    /// The reference by which the path leaves it for the next step, as Python would write it:
    /// `['key']`, `.__globals__`, `[3]`; `null` at the end of the path.
    pub edge: Option<String>,
}

/// A place outside a module from which it is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Root {
    /// From the root to the globals of the module.
    pub path: Vec<Step>,
    /// What kind of place it is.
    pub root_kind: RootKind,
    /// The place in words, as `an exit handler`; `null` where the kind says it all.
    pub holder: Option<String>,
    /// The module in whose namespace the root lies.
    pub module: Option<String>,
    /// How many references enter the module from it.
    pub count: u64,
    /// Instances of classes of the module that it holds.
    pub instances: Option<Instances>,
    /// Whether unload takes this away by itself: the entries of the module in sys.modules, and the
    /// attribute of its parent package.
    pub detached_by_unload: bool,
    /// What would release the module from it; `null` where nothing is known to.
    pub remedy: Option<RootRemedy>,
}

/// What kind of place a root is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RootKind {
    /// The table of modules: a module that is loaded refers to it.
    ModuleTable,
    /// A running frame.
    Frame,
    /// The state of a thread: hooks, contexts, thread-local values, an exception.
    Thread,
    /// A table or a hook of the interpreter.
    Interpreter,
    /// A registry or a cache of the standard library.
    Registry,
    /// The state of an extension module, or what the interpreter saved for it.
    Extension,
    /// A reference that no object in memory explains: C code holds it.
    CHeld,
    /// Nothing: it waits for the collector, or is kept from it.
    Collector,
    /// Anything else.
    Other,
}

impl RootKind {
    /// Its stable name, as in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            RootKind::ModuleTable => "module_table",
            RootKind::Frame => "frame",
            RootKind::Thread => "thread",
            RootKind::Interpreter => "interpreter",
            RootKind::Registry => "registry",
            RootKind::Extension => "extension",
            RootKind::CHeld => "c_held",
            RootKind::Collector => "collector",
            RootKind::Other => "other",
        }
    }
}

/// Instances of one class, counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Instances {
    /// Name of the class.
    pub class: String,
    /// How many there are.
    pub count: u64,
}

/// What would release a module from a root.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, JsonSchema)]
pub struct RootRemedy {
    /// A stable name.
    pub kind: String,
    /// What is to be done, in words or as Python.
    pub description: String,
    /// Whether it cannot break anything, so that unload may do it.
    pub safe: bool,
    /// Whether it can be taken back.
    pub reversible: bool,
}
