//! The parts of the interpreter and of its threads that keep other people's functions.

use crate::plan::remedy::Remedy;

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

/// Whether this is the function in which `threading` begins a thread: `_bootstrap`, on 2.7 `__bootstrap`.
pub fn is_thread_body(name: &str) -> bool {
    name.starts_with("threading.") && name.ends_with("_bootstrap")
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_hook_is_listed_twice() {
        let members: HashSet<_> = HOOKS.iter().map(|hook| hook.member).collect();
        assert_eq!(members.len(), HOOKS.len());
    }
}
