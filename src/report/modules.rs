//! `pyunload.modules/1`: sys.modules.

use super::{Envelope, ReportAddress, Rows};
use crate::modules::kind::Kind;
use crate::modules::row::ModuleRow;
use schemars::JsonSchema;
use serde::Serialize;

/// The answer of `modules`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Modules {
    /// What every document begins with.
    #[serde(flatten)]
    pub envelope: Envelope,
    /// The entries of sys.modules, in its order.
    #[schemars(with = "Vec<Module>")]
    pub modules: Rows<Module>,
    /// How many entries sys.modules has, also those that no pattern asked for.
    pub total: usize,
}

/// One entry of sys.modules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Module {
    /// The key; in Python's `repr` form where it is not an ordinary str.
    pub name: String,
    /// Whether `name` is in `repr` form.
    pub name_is_repr: bool,
    /// What a person would call it.
    pub kind: ModuleKind,
    /// Name of its class.
    #[serde(rename = "type")]
    pub class: Option<String>,
    /// The object.
    pub address: ReportAddress,
    /// Its globals.
    pub dict: Option<ReportAddress>,
    /// References to it, as CPython counts them.
    pub refcount: Option<i64>,
    /// Whether CPython has stopped counting them.
    pub immortal: bool,
    /// `__file__`.
    pub file: Option<String>,
    /// `__cached__`.
    pub cached: Option<String>,
    /// `__spec__.origin`.
    pub origin: Option<String>,
    /// Name of the class of its loader.
    pub loader: Option<String>,
    /// `__version__`.
    pub version: Option<String>,
    /// `__package__`.
    pub package: Option<String>,
    /// Other keys of the same object.
    pub aliases: Vec<String>,
}

/// What a person would call an entry of sys.modules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ModuleKind {
    /// From a `.py` file.
    Source,
    /// From a `.pyc` file alone.
    Sourceless,
    /// From a shared library.
    Extension,
    /// Compiled into the interpreter.
    Builtin,
    /// Bytecode compiled into the interpreter.
    Frozen,
    /// A package without a file of its own.
    Namespace,
    /// The None that Python 2 leaves for a failed implicit relative import.
    Stub,
    /// A None that blocks the import of this name.
    Blocked,
    /// Anything else; `type` says what.
    Other,
}

impl From<ModuleRow> for Module {
    fn from(row: ModuleRow) -> Self {
        Module {
            name: row.name,
            name_is_repr: row.name_is_repr,
            kind: row.kind.into(),
            class: row.class,
            address: row.address.into(),
            dict: row.dict.map(ReportAddress),
            refcount: row.refcount,
            immortal: row.immortal,
            file: row.file,
            cached: row.cached,
            origin: row.origin,
            loader: row.loader,
            version: row.version,
            package: row.package,
            aliases: row.aliases,
        }
    }
}

impl From<Kind> for ModuleKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Source => ModuleKind::Source,
            Kind::Sourceless => ModuleKind::Sourceless,
            Kind::Extension => ModuleKind::Extension,
            Kind::Builtin => ModuleKind::Builtin,
            Kind::Frozen => ModuleKind::Frozen,
            Kind::Namespace => ModuleKind::Namespace,
            Kind::Stub => ModuleKind::Stub,
            Kind::Blocked => ModuleKind::Blocked,
            Kind::Other => ModuleKind::Other,
        }
    }
}
