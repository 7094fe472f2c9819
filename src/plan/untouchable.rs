//! The modules that are never unloaded, each with what would break.

use super::key::Key;

/// A module, with everything below it, that a running interpreter cannot do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Untouchable {
    /// Its name.
    pub name: &'static str,
    /// What its removal would break.
    pub reason: &'static str,
}

const CORE: &str = "the interpreter itself looks it up, and cannot import it again";
const IMPORT: &str = "it is part of the import system: without it nothing can be imported again";
const TEXT: &str = "the codec registry keeps its old functions for good, so text would be decoded by \
                    code that no import can reach";
const STREAMS: &str = "the standard streams and every open file are made of its classes";
const THREADS: &str =
    "it keeps the list of living threads, for which the interpreter waits at its end";
const EXIT: &str = "it holds what is to run when the process ends";
const ONE_COPY: &str = "it registers with the process once; a second copy would not";
const CLASSES: &str =
    "classes everywhere are registered with its own: a second copy would not know them";
const PATHS: &str = "the import system and the program's idea of its files rest on it";
const START: &str = "importing it again would change sys.path once more";

/// All of them. A name stands for everything below it too.
pub const UNTOUCHABLE: &[Untouchable] = &[
    is("sys", CORE),
    is("builtins", CORE),
    is("__builtin__", CORE),
    is("exceptions", CORE),
    is("__main__", "it is the program itself"),
    is(
        "__mp_main__",
        "it is the program itself, in a worker process",
    ),
    is("_frozen_importlib", IMPORT),
    is("_frozen_importlib_external", IMPORT),
    is("importlib", IMPORT),
    is("_imp", IMPORT),
    is("imp", IMPORT),
    is("zipimport", IMPORT),
    is("marshal", IMPORT),
    is("_warnings", IMPORT),
    is("_weakref", IMPORT),
    is(
        "warnings",
        "it holds the filters of the program, which the interpreter itself consults",
    ),
    is("_thread", THREADS),
    is("thread", THREADS),
    is("threading", THREADS),
    is("_io", STREAMS),
    is("io", STREAMS),
    is("codecs", TEXT),
    is("_codecs", TEXT),
    is("encodings", TEXT),
    is("abc", CLASSES),
    is("_abc", CLASSES),
    is("_collections_abc", CLASSES),
    is("collections.abc", CLASSES),
    is("_weakrefset", CLASSES),
    is(
        "copyreg",
        "it holds every registered way to pickle: a second copy would be empty",
    ),
    is(
        "copy_reg",
        "it holds every registered way to pickle: a second copy would be empty",
    ),
    is(
        "weakref",
        "what is to be finalized at exit is registered with it",
    ),
    is("atexit", EXIT),
    is(
        "gc",
        "unloading needs it, and its callbacks belong to the program",
    ),
    is("signal", ONE_COPY),
    is("_signal", ONE_COPY),
    is("faulthandler", ONE_COPY),
    is("os", PATHS),
    is("posix", PATHS),
    is("posixpath", PATHS),
    is("site", START),
    is("sitecustomize", START),
    is("usercustomize", START),
];

const fn is(name: &'static str, reason: &'static str) -> Untouchable {
    Untouchable { name, reason }
}

/// Why `key` is never unloaded; `None` when it may be.
pub fn find(key: &Key) -> Option<&'static Untouchable> {
    UNTOUCHABLE
        .iter()
        .find(|untouchable| key.is_within(&Key::new(untouchable.name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_below_an_untouchable_module_is_untouchable() {
        let name_of = |name| find(&Key::new(name)).map(|found| found.name);
        assert_eq!(name_of("encodings.utf_8"), Some("encodings"));
        assert_eq!(name_of("importlib._bootstrap"), Some("importlib"));
        assert_eq!(name_of("importlib_metadata"), None);
        assert_eq!(name_of("oslo"), None);
    }

    #[test]
    fn no_module_is_listed_twice() {
        let mut names: Vec<&str> = UNTOUCHABLE.iter().map(|entry| entry.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), UNTOUCHABLE.len());
    }
}
