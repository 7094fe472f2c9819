//! One case for each holder: what is said of it, and what then really is left.

use crate::common::{Interpreter, Target, interpreters, program};
use crate::seen::look_at;
use std::collections::BTreeSet;

/// A case of `tests/targets/holders.py`, and the roots that it has.
struct Case {
    name: &'static str,
    roots: &'static [&'static str],
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
        "the completer of readline",
        &["registry remedy readline_completer"],
    ),
    case("a thread local value", &["thread remedy thread_local"]),
    case("a context variable", &["thread remedy context_variable"]),
    case("the last exception", &["registry remedy last_exception"]),
    case("a profiling function", &["thread remedy profile_function"]),
    case("a tracing function", &["thread remedy trace_function"]),
    case(
        "a tracing function of threading",
        &["registry remedy threading_trace"],
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
];

/// The same where frames are objects, to 3.10: what runs in a thread is found through `threading`.
const TO_3_10: &[Case] = &[
    case(
        "a running thread",
        &["frame blocked frame", "module_table blocked reference"],
    ),
    case("a timer", &["module_table blocked reference"]),
];

/// On 2.7 the C code that started a thread holds its function, and exit handlers are a list.
const ON_2_7: &[Case] = &[
    case(
        "a running thread",
        &[
            "c_held permanent",
            "frame blocked frame",
            "module_table blocked reference",
        ],
    ),
    case(
        "an exit handler that nobody kept",
        &["registry remedy atexit"],
    ),
];

/// The case with this name, as it is in this version.
fn find_case(name: &str, minor: (u8, u8)) -> Option<&'static Case> {
    let tables = [
        (minor <= (2, 7)).then_some(ON_2_7),
        (minor <= (3, 10)).then_some(TO_3_10),
        Some(CASES),
    ];
    let mut all = tables.into_iter().flatten().flatten();
    all.find(|case| case.name == name)
}

/// What is wrong with one case.
fn try_case(target: &mut Target, case: &Case) -> Result<(), String> {
    target.send(&format!("case {}", case.name));
    let name = target.lines_until("DONE").join("");
    let seen = look_at(target.pid(), &name)?;
    target.send("drop");
    let left = target.lines_until("DONE").join("");
    let wanted: BTreeSet<String> = case.roots.iter().map(|&root| root.to_owned()).collect();
    let mut wrong = Vec::new();
    if seen.roots != wanted {
        wrong.push(format!(
            "roots {:?}\n    {}",
            seen.roots,
            seen.ways.join("\n    ")
        ));
    }
    if seen.left != left {
        wrong.push(format!("predicted {} and {left} was left", seen.left));
    }
    if seen.is_cut {
        wrong.push("cut short".into());
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(wrong.join("; ")),
    }
}

fn try_all(interpreter: &Interpreter) -> Vec<String> {
    let mut target = Target::start(interpreter, &program("holders.py"), &[]);
    target.send("cases");
    let names = target.lines_until("DONE");
    let mut failures = Vec::new();
    for name in names {
        let Some(case) = find_case(&name, interpreter.minor()) else {
            failures.push(format!("{name}: not in the table"));
            continue;
        };
        if let Err(wrong) = try_case(&mut target, case) {
            eprintln!("{} {name}: {wrong}", interpreter.name);
            failures.push(format!("{} {name}: {wrong}", interpreter.name));
        }
    }
    failures
}

fn try_on(name: &str) {
    let all = interpreters();
    let failures: Vec<String> = all
        .iter()
        .filter(|interpreter| interpreter.name == name)
        .flat_map(try_all)
        .collect();
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

/// One test for each version, so that they run at the same time.
macro_rules! versions {
    ($($test:ident: $name:literal,)*) => {
        $(#[test]
        fn $test() {
            try_on($name);
        })*
    };
}

versions! {
    every_holder_is_named_and_what_is_left_is_predicted_on_2_7: "2.7",
    every_holder_is_named_and_what_is_left_is_predicted_on_3_6: "3.6",
    every_holder_is_named_and_what_is_left_is_predicted_on_3_8: "3.8",
    every_holder_is_named_and_what_is_left_is_predicted_on_3_11: "3.11",
    every_holder_is_named_and_what_is_left_is_predicted_on_3_13: "3.13",
    every_holder_is_named_and_what_is_left_is_predicted_on_3_14: "3.14-debian",
    every_holder_is_named_and_what_is_left_is_predicted_on_3_15: "3.15-debian",
}
