//! What makes a holder let go.

use crate::plan::registries::find_registry;

/// What can be done about a root.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
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

/// What takes the completer of readline away, which is in the state of that module.
pub fn completer_remedy() -> Remedy {
    Remedy {
        kind: "readline_completer",
        description: "readline.set_completer(None)".to_owned(),
        is_safe: false,
        is_reversible: true,
    }
}
