//! The places in which the standard library keeps other people's functions and classes.
//!
//! These tables, and those of [`hooks`](super::hooks), are the only places where names of modules mean anything.
//! They are told to users in `docs/UNLOADING.md`.

use crate::plan::remedy::Remedy;

/// A registry of the standard library: a name in a module, under which it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Registry {
    /// The module.
    pub module: &'static str,
    /// The name in it; the way goes on from its value.
    pub name: &'static str,
    /// A word for scripts.
    pub kind: &'static str,
    /// What makes it let go.
    pub remedy: &'static str,
    /// Whether the program does not notice.
    pub is_safe: bool,
    /// Whether it can be put back.
    pub is_reversible: bool,
}

const fn harmless(
    module: &'static str,
    name: &'static str,
    kind: &'static str,
    remedy: &'static str,
) -> Registry {
    Registry {
        module,
        name,
        kind,
        remedy,
        is_safe: true,
        is_reversible: true,
    }
}

const fn noticed(
    module: &'static str,
    name: &'static str,
    kind: &'static str,
    remedy: &'static str,
) -> Registry {
    Registry {
        is_safe: false,
        ..harmless(module, name, kind, remedy)
    }
}

/// All of them.
pub const REGISTRIES: &[Registry] = &[
    harmless(
        "typing",
        "_overload_registry",
        "typing_overloads",
        "drop the rows of the module in typing._overload_registry",
    ),
    harmless(
        "typing",
        "_cleanups",
        "typing_caches",
        "clear the caches of typing: call every function in typing._cleanups",
    ),
    harmless(
        "typing",
        "_caches",
        "typing_caches",
        "clear the caches of typing: call every function in typing._cleanups",
    ),
    noticed(
        "copyreg",
        "dispatch_table",
        "copyreg",
        "remove the class from copyreg.dispatch_table",
    ),
    noticed(
        "copy_reg",
        "dispatch_table",
        "copyreg",
        "remove the class from copy_reg.dispatch_table",
    ),
    noticed(
        "multiprocessing.reduction",
        "ForkingPickler",
        "forking_pickler",
        "remove the class from ForkingPickler._extra_reducers",
    ),
    noticed(
        "multiprocessing.util",
        "_finalizer_registry",
        "multiprocessing_finalizer",
        "remove the entry from multiprocessing.util._finalizer_registry",
    ),
    noticed(
        "sqlite3",
        "adapters",
        "sqlite3_adapter",
        "remove the entry from sqlite3.adapters",
    ),
    noticed(
        "sqlite3.dbapi2",
        "adapters",
        "sqlite3_adapter",
        "remove the entry from sqlite3.adapters",
    ),
    noticed(
        "_sqlite3",
        "adapters",
        "sqlite3_adapter",
        "remove the entry from sqlite3.adapters",
    ),
    noticed(
        "sqlite3",
        "converters",
        "sqlite3_converter",
        "remove the entry from sqlite3.converters",
    ),
    noticed(
        "sqlite3.dbapi2",
        "converters",
        "sqlite3_converter",
        "remove the entry from sqlite3.converters",
    ),
    noticed(
        "_sqlite3",
        "converters",
        "sqlite3_converter",
        "remove the entry from sqlite3.converters",
    ),
    noticed(
        "logging",
        "_handlers",
        "logging_handler",
        "remove the handler from its logger, and close it",
    ),
    noticed(
        "logging",
        "_handlerList",
        "logging_handler",
        "remove the handler from its logger, and close it",
    ),
    noticed(
        "logging",
        "root",
        "logging_handler",
        "remove the handler from its logger, and close it",
    ),
    noticed(
        "logging",
        "Logger",
        "logging_handler",
        "remove the handler from its logger, and close it",
    ),
    noticed(
        "threading",
        "_threading_atexits",
        "threading_atexit",
        "remove the element from threading._threading_atexits",
    ),
    noticed(
        "threading",
        "_trace_hook",
        "threading_trace",
        "threading.settrace(None)",
    ),
    noticed(
        "threading",
        "_profile_hook",
        "threading_profile",
        "threading.setprofile(None)",
    ),
    noticed(
        "threading",
        "excepthook",
        "excepthook",
        "put threading.__excepthook__ back",
    ),
    harmless(
        "ctypes",
        "_pointer_type_cache",
        "ctypes_cache",
        "ctypes._reset_cache()",
    ),
    noticed(
        "warnings",
        "filters",
        "warnings_filter",
        "remove the filter from warnings.filters",
    ),
    noticed(
        "_warnings",
        "filters",
        "warnings_filter",
        "remove the filter from warnings.filters",
    ),
    noticed(
        "sys",
        "meta_path",
        "meta_path",
        "remove the finder from sys.meta_path",
    ),
    noticed(
        "sys",
        "path_hooks",
        "path_hook",
        "remove the hook from sys.path_hooks",
    ),
    harmless(
        "sys",
        "path_importer_cache",
        "path_importer_cache",
        "remove the entry from sys.path_importer_cache",
    ),
    noticed(
        "sys",
        "excepthook",
        "excepthook",
        "put sys.__excepthook__ back",
    ),
    noticed(
        "sys",
        "unraisablehook",
        "unraisablehook",
        "put sys.__unraisablehook__ back",
    ),
    noticed(
        "sys",
        "displayhook",
        "displayhook",
        "put sys.__displayhook__ back",
    ),
    harmless("sys", "last_exc", "last_exception", "delete sys.last_exc"),
    harmless(
        "sys",
        "last_value",
        "last_exception",
        "delete sys.last_value",
    ),
    harmless("sys", "last_type", "last_exception", "delete sys.last_type"),
    harmless(
        "sys",
        "last_traceback",
        "last_exception",
        "delete sys.last_traceback",
    ),
    noticed(
        "gc",
        "callbacks",
        "gc_callback",
        "remove the function from gc.callbacks",
    ),
    noticed(
        "weakref",
        "finalize",
        "finalizer",
        "call detach() on the weakref.finalize object",
    ),
    noticed(
        "atexit",
        "_exithandlers",
        "atexit",
        "atexit.unregister(...)",
    ),
];

/// A registry that every instance of a class of the standard library has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnRegistry {
    /// The class, or, for a function that keeps its registry in a closure, its `__qualname__`.
    pub of: &'static str,
    /// The module of it.
    pub module: &'static str,
    /// The attribute or the closure.
    pub attribute: &'static str,
    /// A word for scripts.
    pub kind: &'static str,
    /// What makes it let go.
    pub remedy: &'static str,
}

const DISPATCH: OwnRegistry = OwnRegistry {
    of: "singledispatch.<locals>.register",
    module: "functools",
    attribute: "__closure__",
    kind: "singledispatch",
    remedy: "remove the class from the registry of the generic function, and call its _clear_cache()",
};

/// All of them.
pub const OWN_REGISTRIES: &[OwnRegistry] = &[
    OwnRegistry {
        of: "Logger",
        module: "logging",
        attribute: "handlers",
        kind: "logging_handler",
        remedy: "remove the handler from its logger, and close it",
    },
    DISPATCH,
    OwnRegistry {
        attribute: "registry",
        ..DISPATCH
    },
    OwnRegistry {
        of: "singledispatch.<locals>.dispatch",
        ..DISPATCH
    },
    OwnRegistry {
        of: "singledispatch.<locals>.wrapper",
        ..DISPATCH
    },
];

/// The registry that a way begins in.
pub fn find_registry(module: &str, name: &str) -> Option<&'static Registry> {
    REGISTRIES
        .iter()
        .find(|registry| registry.module == module && registry.name == name)
}

impl From<&OwnRegistry> for Remedy {
    fn from(registry: &OwnRegistry) -> Self {
        Remedy {
            kind: registry.kind,
            description: registry.remedy.to_owned(),
            is_safe: false,
            is_reversible: true,
        }
    }
}

impl From<&Registry> for Remedy {
    fn from(registry: &Registry) -> Self {
        Remedy {
            kind: registry.kind,
            description: registry.remedy.to_owned(),
            is_safe: registry.is_safe,
            is_reversible: registry.is_reversible,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_place_is_listed_twice() {
        let places: HashSet<_> = REGISTRIES
            .iter()
            .map(|one| (one.module, one.name))
            .collect();
        assert_eq!(places.len(), REGISTRIES.len());
    }
}
