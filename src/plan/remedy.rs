//! The places in which the standard library and the interpreter keep other people's functions and
//! classes, and what makes them let go.
//!
//! This table is the only place where names of modules mean anything. It is told to users in
//! `docs/UNLOADING.md`.

/// What can be done about a root.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Remedy {
    /// A word for scripts.
    pub kind: &'static str,
    /// What would be done, for a person.
    pub description: String,
    /// Whether the program does not notice.
    pub is_safe: bool,
    /// Whether it can be put back.
    pub is_reversible: bool,
}

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

/// A function that a module made from C keeps for others where Python has no name for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateHook {
    /// The module.
    pub module: &'static str,
    /// Where in the state of the module it is, in bytes; on 2.7 it is a variable.
    pub offset: u32,
    /// A word for scripts.
    pub kind: &'static str,
    /// What makes it let go.
    pub remedy: &'static str,
}

const fn readline(offset: u32, remedy: &'static str) -> StateHook {
    StateHook {
        module: "readline",
        offset,
        kind: "readline_hook",
        remedy,
    }
}

/// Where `completer` is in the state of `readline`.
pub const COMPLETER: u32 = 24;

/// All of them (`readlinestate` in `Modules/readline.c`).
pub const STATE_HOOKS: &[StateHook] = &[
    readline(0, "readline.set_completion_display_matches_hook(None)"),
    readline(8, "readline.set_startup_hook(None)"),
    readline(16, "readline.set_pre_input_hook(None)"),
    readline(COMPLETER, "readline.set_completer(None)"),
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

/// A part of the interpreter that keeps functions of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hook {
    /// Its name in the layout.
    pub member: &'static str,
    /// A word for scripts.
    pub kind: &'static str,
    /// What it is, for a person.
    pub what: &'static str,
    /// What makes it let go; nothing where there is no way.
    pub remedy: Option<&'static str>,
    /// Whether it can be put back.
    pub is_reversible: bool,
}

const fn hook(
    member: &'static str,
    kind: &'static str,
    what: &'static str,
    remedy: Option<&'static str>,
) -> Hook {
    Hook {
        member,
        kind,
        what,
        remedy,
        is_reversible: true,
    }
}

/// All of them.
pub const HOOKS: &[Hook] = &[
    hook(
        "before_forkers",
        "fork_hook",
        "a hook that runs before a fork",
        None,
    ),
    hook(
        "after_forkers_parent",
        "fork_hook",
        "a hook that runs in the parent after a fork",
        None,
    ),
    hook(
        "after_forkers_child",
        "fork_hook",
        "a hook that runs in the child after a fork",
        None,
    ),
    hook("audit_hooks", "audit_hook", "an audit hook", None),
    hook(
        "codec_search_path",
        "codec",
        "a codec search function",
        Some("codecs.unregister(...)"),
    ),
    hook(
        "codec_search_cache",
        "codec",
        "the cache of codecs",
        Some("codecs.unregister(...) of any search function empties it"),
    ),
    hook(
        "codec_error_registry",
        "codec_error",
        "a handler of codec errors",
        Some("codecs.register_error(name, codecs.strict_errors)"),
    ),
    hook(
        "atexit_callbacks",
        "atexit",
        "an exit handler",
        Some("atexit.unregister(...)"),
    ),
    hook(
        "modules_by_index",
        "modules_by_index",
        "the interpreter's index of C modules",
        None,
    ),
    hook(
        "monitoring_callables",
        "monitoring",
        "a callback of sys.monitoring",
        Some("sys.monitoring.register_callback(tool, event, None)"),
    ),
];

/// Parts of the state of a thread. What makes one let go has to run in that thread.
pub const THREAD_HOOKS: &[Hook] = &[
    hook(
        "dict",
        "thread_local",
        "a value of threading.local",
        Some("delete the value from threading.local in this thread"),
    ),
    hook(
        "context",
        "context_variable",
        "a value of a context variable",
        Some("set the context variable to something else in this context"),
    ),
    hook(
        "c_profileobj",
        "profile_function",
        "the profiling function of a thread",
        Some("sys.setprofile(None) in this thread"),
    ),
    hook(
        "c_traceobj",
        "trace_function",
        "the tracing function of a thread",
        Some("sys.settrace(None) in this thread"),
    ),
    hook(
        "async_gen_firstiter",
        "asyncgen_hooks",
        "a hook of asynchronous generators",
        Some("sys.set_asyncgen_hooks(firstiter=None) in this thread"),
    ),
    hook(
        "async_gen_finalizer",
        "asyncgen_hooks",
        "a hook of asynchronous generators",
        Some("sys.set_asyncgen_hooks(finalizer=None) in this thread"),
    ),
    hook(
        "coroutine_wrapper",
        "coroutine_wrapper",
        "the wrapper of coroutines",
        Some("sys.set_coroutine_wrapper(None) in this thread"),
    ),
];

/// Whether this is the function in which `threading` begins a thread: `_bootstrap`, on 2.7 `__bootstrap`.
pub fn is_thread_body(name: &str) -> bool {
    name.starts_with("threading.") && name.ends_with("_bootstrap")
}

/// The registry that a way begins in.
pub fn find_registry(module: &str, name: &str) -> Option<&'static Registry> {
    REGISTRIES
        .iter()
        .find(|registry| registry.module == module && registry.name == name)
}

/// The hook with this name in the layout.
pub fn find_hook(member: &str) -> Option<&'static Hook> {
    HOOKS.iter().find(|hook| hook.member == member)
}

/// The hook with this name in the layout of thread states.
pub fn find_thread_hook(member: &str) -> Option<&'static Hook> {
    THREAD_HOOKS.iter().find(|hook| hook.member == member)
}

/// The hook at this offset of the state of a module.
pub fn find_state_hook(module: &str, offset: u32) -> Option<Remedy> {
    let is_it = |hook: &&StateHook| hook.module == module && hook.offset == offset;
    STATE_HOOKS.iter().find(is_it).map(Remedy::from)
}

/// A hook of a module made from C whose variables do not tell which one it is.
pub fn find_variable_hook(module: &str) -> Option<Remedy> {
    let of_module = || STATE_HOOKS.iter().filter(|hook| hook.module == module);
    let remedies: Vec<&str> = of_module().map(|hook| hook.remedy).collect();
    let first = of_module().next()?;
    Some(Remedy {
        description: format!("the one of these that set it: {}", remedies.join(", ")),
        ..first.into()
    })
}

/// What empties an `lru_cache` that a name of a module leads to. Those of `typing` are emptied
/// together: it keeps the functions that do it (`_cleanups`), and most of the caches in closures.
pub fn cache_remedy(module: &str, name: &str) -> Remedy {
    let of_typing = find_registry(module, "_cleanups");
    let description = || format!("clear the cache that {module}.{name} leads to: cache_clear()");
    Remedy {
        kind: of_typing.map_or("lru_cache", |registry| registry.kind),
        description: of_typing.map_or_else(description, |registry| registry.remedy.to_owned()),
        is_safe: true,
        is_reversible: false,
    }
}

/// What takes the handler of a signal away.
pub fn signal_remedy(number: u32) -> Remedy {
    Remedy {
        kind: "signal_handler",
        description: format!(
            "signal.signal({number}, signal.SIG_DFL), or the handler that was there before"
        ),
        is_safe: false,
        is_reversible: true,
    }
}

impl Hook {
    /// What can be done, when anything can.
    pub fn remedy(&self) -> Option<Remedy> {
        Some(Remedy {
            kind: self.kind,
            description: self.remedy?.to_owned(),
            is_safe: false,
            is_reversible: self.is_reversible,
        })
    }
}

impl From<&StateHook> for Remedy {
    fn from(hook: &StateHook) -> Self {
        Remedy {
            kind: hook.kind,
            description: hook.remedy.to_owned(),
            is_safe: false,
            is_reversible: true,
        }
    }
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
        let members: HashSet<_> = HOOKS.iter().map(|hook| hook.member).collect();
        assert_eq!(members.len(), HOOKS.len());
    }
}
