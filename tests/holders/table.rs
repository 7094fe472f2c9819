//! What is said of each holder, as `docs/HOLDERS.md` tells people.

use std::collections::{BTreeMap, BTreeSet};

/// A case of `tests/targets/holders.py`, and the roots that it has.
pub struct Case {
    pub name: &'static str,
    pub roots: &'static [&'static str],
}

const fn case(name: &'static str, roots: &'static [&'static str]) -> Case {
    Case { name, roots }
}

const CASES: &[Case] = &[
    case("nothing", &[]),
    case("a code object", &[]),
    case("copied constants", &[]),
    case("its spec", &[]),
    case("an abc that knows it", &[]),
    case("a subclass of a foreign class", &[]),
    case("lines in linecache", &[]),
    case("a logger of its name", &[]),
    case("a type hint", &[]),
    case("an interned name", &[]),
    case("the caches of inspect", &[]),
    case("a pattern of its name", &[]),
    case("a generic alias", &[]),
    case("specialised bytecode", &[]),
    case("an extension code of copyreg", &[]),
    case("a warning that was shown", &[]),
    case("a check of collections abc", &[]),
    case("an enumeration in it", &[]),
    case("a data class in it", &[]),
    case("an alias key", &[]),
    case(
        "imported by another module",
        &["module_table remedy delete_name"],
    ),
    case(
        "a function imported from it",
        &["module_table remedy delete_name"],
    ),
    case(
        "a class imported from it",
        &["module_table remedy delete_name"],
    ),
    case(
        "a class without methods imported from it",
        &["module_table remedy delete_name"],
    ),
    case(
        "an attribute set on a foreign module",
        &["module_table remedy delete_name"],
    ),
    case(
        "an attribute set on builtins",
        &["module_table remedy delete_name"],
    ),
    case("an instance", &["module_table blocked instance"]),
    case("instances in a list", &["module_table blocked instance"]),
    case(
        "an exception that is stored",
        &["module_table blocked instance"],
    ),
    case("a subclass elsewhere", &["module_table blocked subclass"]),
    case("a bound method", &["module_table blocked reference"]),
    case("a partial", &["module_table blocked reference"]),
    case(
        "a wrapper made by its decorator",
        &["module_table blocked reference"],
    ),
    case(
        "a wrapper that looks like what it wraps",
        &["module_table blocked reference"],
    ),
    case("its dict", &["module_table blocked reference"]),
    case(
        "a registry of subclasses",
        &["module_table blocked reference"],
    ),
    case(
        "a class that registers itself",
        &["module_table blocked reference"],
    ),
    case("a weakref callback", &["module_table blocked reference"]),
    case(
        "an executor with an initializer",
        &["module_table blocked reference"],
    ),
    case(
        "an attribute set on a foreign class",
        &["module_table remedy delete_attribute"],
    ),
    case("a running thread", &["frame blocked frame"]),
    case("a timer", &["frame blocked frame"]),
    case("a suspended generator", &["module_table blocked task"]),
    case("a suspended coroutine", &["module_table blocked task"]),
    case("a pending task", &["module_table blocked task"]),
    case(
        "a task that only its loop knows",
        &["module_table blocked task"],
    ),
    case(
        "a call that a loop has to make",
        &["module_table blocked reference"],
    ),
    case("a thread local value", &["thread remedy thread_local"]),
    case("a value of another thread", &["thread blocked thread"]),
    case("a context variable", &["thread remedy context_variable"]),
    case("the last exception", &["registry remedy last_exception"]),
    case(
        "a variable of another context",
        &["module_table blocked reference"],
    ),
    case(
        "the last exception alone",
        &["registry remedy last_exception"],
    ),
    case("a profiling function", &["thread remedy profile_function"]),
    case("a tracing function", &["thread remedy trace_function"]),
    case(
        "a tracing function of threading",
        &["registry remedy threading_trace"],
    ),
    case(
        "a profiling function of threading",
        &["registry remedy threading_profile"],
    ),
    case("a monitoring callback", &["registry remedy monitoring"]),
    case("async generator hooks", &["thread remedy asyncgen_hooks"]),
    case(
        "an exit handler",
        &["registry remedy atexit", "module_table blocked reference"],
    ),
    case("an exit handler that nobody kept", &["registry permanent"]),
    case("a fork hook", &["registry permanent"]),
    case("an audit hook", &["registry permanent"]),
    case("a codec search function", &["registry remedy codec"]),
    case("the cache of codecs", &["registry remedy codec"]),
    case(
        "an error handler of codecs",
        &["registry remedy codec_error"],
    ),
    case("a signal handler", &["registry remedy signal_handler"]),
    case("a finder in meta path", &["registry remedy meta_path"]),
    case("a path hook", &["registry remedy path_hook"]),
    case(
        "a value of the importer cache",
        &["registry remedy path_importer_cache"],
    ),
    case("the exception hook", &["registry remedy excepthook"]),
    case(
        "the exception hook of threading",
        &["registry remedy excepthook"],
    ),
    case(
        "the hook of exceptions that cannot be raised",
        &["registry remedy unraisablehook"],
    ),
    case("a collector callback", &["registry remedy gc_callback"]),
    case("a weakref finalizer", &["registry remedy finalizer"]),
    case("a readline completer", &["registry remedy readline_hook"]),
    case("a ctypes callback", &["module_table blocked callback"]),
    case("overloads", &["registry remedy typing_overloads"]),
    case("typing caches", &["registry remedy typing_caches"]),
    case("an lru cache elsewhere", &["registry remedy lru_cache"]),
    case(
        "a singledispatch elsewhere",
        &["registry remedy singledispatch"],
    ),
    case("copyreg", &["registry remedy copyreg"]),
    case(
        "a pickler of multiprocessing",
        &["registry remedy forking_pickler"],
    ),
    case("a sqlite3 adapter", &["registry remedy sqlite3_adapter"]),
    case(
        "a sqlite3 converter",
        &["registry remedy sqlite3_converter"],
    ),
    case("a logging handler", &["registry remedy logging_handler"]),
    case(
        "a finalizer of multiprocessing",
        &["registry remedy multiprocessing_finalizer"],
    ),
    case(
        "an exit handler of threading",
        &["registry remedy threading_atexit"],
    ),
    case("a warnings filter", &["registry remedy warnings_filter"]),
    case(
        "the cache of ctypes pointers",
        &["registry remedy ctypes_cache"],
    ),
    case(
        "a function in two registries",
        &["registry remedy excepthook", "registry remedy path_hook"],
    ),
    case(
        "an object in two registries",
        &[
            "registry remedy meta_path",
            "registry remedy path_importer_cache",
        ],
    ),
    case(
        "a registry under another name",
        &["registry remedy meta_path"],
    ),
    case("a pointer of C code", &["static permanent"]),
    case("memory of C code", &["c_held permanent"]),
    case("the index of modules", &["registry permanent"]),
    case(
        "the copy of a dict",
        &["registry permanent", "static permanent"],
    ),
    case("a file that stays mapped", &[]),
];

/// The same where frames are objects, to 3.10: what runs in a thread is found through `threading` as well.
const TO_3_10: &[Case] = &[
    case(
        "a running thread",
        &["frame blocked frame", "module_table blocked reference"],
    ),
    case(
        "a timer",
        &["frame blocked frame", "module_table blocked reference"],
    ),
];

/// On 2.7 exit handlers are a list, and the C code that calls a function has it.
const ON_2_7: &[Case] = &[
    case(
        "an exit handler that nobody kept",
        &["registry remedy atexit"],
    ),
    case(
        "a running thread",
        &[
            "frame blocked frame",
            "module_table blocked reference",
            "stack blocked frame",
        ],
    ),
];

/// From 3.14 on a class of `ctypes` has its pointer type itself.
const FROM_3_14: &[Case] = &[case("the cache of ctypes pointers", &[])];

/// The case with this name, as it is in this version.
pub fn find_case(name: &str, minor: (u8, u8)) -> Option<&'static Case> {
    let tables = [
        (minor <= (2, 7)).then_some(ON_2_7),
        (minor <= (3, 10)).then_some(TO_3_10),
        (minor >= (3, 14)).then_some(FROM_3_14),
        Some(CASES),
    ];
    let mut all = tables.into_iter().flatten().flatten();
    all.find(|case| case.name == name)
}

/// The rows of the document: what its second column names, with the roots in its last.
fn documented(text: &str) -> BTreeMap<&str, BTreeSet<&str>> {
    let rows = text.lines().filter_map(|line| {
        let cells: Vec<&str> = line
            .strip_prefix("| ")?
            .strip_suffix(" |")?
            .split(" | ")
            .collect();
        let [_, name, roots] = cells[..] else {
            return None;
        };
        let roots = roots.split(", ").filter(|&root| root != "none");
        (name != "Case").then(|| (name, roots.collect()))
    });
    rows.collect()
}

fn listed(cases: &[Case]) -> BTreeMap<&str, BTreeSet<&str>> {
    let rows = cases.iter();
    rows.map(|case| (case.name, case.roots.iter().copied().collect()))
        .collect()
}

#[test]
fn every_holder_of_the_document_has_its_case_and_every_case_its_row() {
    let document = include_str!("../../docs/HOLDERS.md");
    let (all, differing) = document
        .split_once("## Where versions differ")
        .expect("both parts");
    assert_eq!(documented(all), listed(CASES));
    for cases in [TO_3_10, ON_2_7, FROM_3_14] {
        for case in cases {
            let row = format!("| {} |", case.name);
            let roots = if case.roots.is_empty() {
                "none".to_owned()
            } else {
                case.roots.join(", ")
            };
            let is_it =
                |line: &str| line.starts_with(&row) && line.ends_with(&format!("| {roots} |"));
            assert!(differing.lines().any(is_it), "{} is not told", case.name);
        }
    }
}
