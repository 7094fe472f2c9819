//! One entry of `sys.modules`, as read.

use crate::address::Address;
use crate::modules::kind::Kind;

/// One entry of `sys.modules`. What could not be read is `None`, and a warning says why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleRow {
    /// The key; in Python's `repr` form when it is no `str` or has lone surrogates.
    pub name: String,
    /// Whether `name` is in `repr` form.
    pub name_is_repr: bool,
    /// What a person would call it.
    pub kind: Kind,
    /// `type(value).__name__`.
    pub class: Option<String>,
    /// The value.
    pub address: Address,
    /// Its globals, when it is a module object that has them.
    pub dict: Option<Address>,
    /// `sys.getrefcount(value)` without the reference of that call. Of an immortal object: what its
    /// memory holds.
    pub refcount: Option<i64>,
    /// Whether CPython does not count its references.
    pub immortal: bool,
    /// `__file__`, when it is a `str`.
    pub file: Option<String>,
    /// `__cached__`, else `__spec__.cached` as far as it was computed.
    pub cached: Option<String>,
    /// `__spec__.origin`.
    pub origin: Option<String>,
    /// The name of the class of its loader, or of the loader when that is a class:
    /// `__spec__.loader`, else `__loader__`.
    pub loader: Option<String>,
    /// `__version__`, when it is a `str`.
    pub version: Option<String>,
    /// `__package__`, when it is a `str`.
    pub package: Option<String>,
    /// Other keys of the same object, in their order. None of these for the value `None`.
    pub aliases: Vec<String>,
}

impl ModuleRow {
    /// Whether two readings agree: on all but the references, which come and go as code runs.
    pub fn agrees_with(&self, other: &ModuleRow) -> bool {
        self.name == other.name
            && self.name_is_repr == other.name_is_repr
            && self.kind == other.kind
            && self.class == other.class
            && self.address == other.address
            && self.dict == other.dict
            && self.texts() == other.texts()
    }

    /// The row without the attributes that another reading of the same entry disagrees on.
    pub fn common_with(mut self, other: &ModuleRow) -> ModuleRow {
        let both = [
            (&mut self.file, &other.file),
            (&mut self.cached, &other.cached),
            (&mut self.origin, &other.origin),
            (&mut self.loader, &other.loader),
            (&mut self.version, &other.version),
            (&mut self.package, &other.package),
        ];
        for (ours, theirs) in both {
            if ours != theirs {
                *ours = None;
            }
        }
        self
    }

    /// The attributes that are text.
    fn texts(&self) -> [Option<&str>; 6] {
        [
            self.file.as_deref(),
            self.cached.as_deref(),
            self.origin.as_deref(),
            self.loader.as_deref(),
            self.version.as_deref(),
            self.package.as_deref(),
        ]
    }
}
