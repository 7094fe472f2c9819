//! The rows: what is seen after a module was edited and reloaded, by the mildest strength that can.

use crate::common::{Target, interpreter, on_every_interpreter, program};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The interpreters of the matrix.
const INTERPRETERS: [&str; 4] = ["3.8", "3.11", "3.13", "3.14-debian"];

/// What a row says of itself in front of its sources.
struct Row {
    text: String,
}

impl Row {
    fn read(name: &str) -> Row {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reload/rows");
        let text = fs::read_to_string(folder.join(name).with_extension("py")).expect("a row");
        Row { text }
    }

    fn word(&self, name: &str) -> Option<&str> {
        let start = format!("{name} = ");
        let line = self
            .text
            .lines()
            .find_map(|line| line.strip_prefix(&start))?;
        Some(line.trim_matches('\''))
    }
}

/// Runs `reload` and gives its document and exit code.
pub fn reload(pid: i32, arguments: &[&str]) -> (Value, i32) {
    let output = Command::new(env!("CARGO_BIN_EXE_pyunload"))
        .args([
            "reload",
            &pid.to_string(),
            "--yes",
            "--json",
            "--limit",
            "60",
        ])
        .args(["--max-stop", "5000"])
        .args(arguments)
        .output()
        .expect("the tool runs");
    let document = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {output:?}"));
    check_schema("reload", &document);
    (document, output.status.code().unwrap_or(-1))
}

/// The document is what its schema says.
pub fn check_schema(command: &str, document: &Value) {
    let command = match document["schema"] == "pyunload.error/1" {
        true => "error",
        false => command,
    };
    let output = Command::new(env!("CARGO_BIN_EXE_pyunload"))
        .args(["schema", command])
        .output()
        .expect("the tool runs");
    let schema: Value = serde_json::from_slice(&output.stdout).expect("a schema");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let errors: Vec<String> = validator
        .iter_errors(document)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}: {document}");
}

fn check(name: &str) {
    let row = Row::read(name);
    let only = std::env::var("PYUNLOAD_ONLY").ok();
    for which in INTERPRETERS {
        let is_left_out = |only: &String| !only.split(',').any(|chosen| chosen == which);
        if only.as_ref().is_some_and(is_left_out) {
            continue;
        }
        if let Some(found) = interpreter(which) {
            let mut target = Target::start(&found, &program("reload.py"), &[]);
            check_row(&row, &mut target).unwrap_or_else(|why| panic!("{which}: {why}"));
        }
    }
}

fn ask(target: &mut Target, order: &str) -> String {
    target.send(order);
    target.line()
}

fn check_row(row: &Row, target: &mut Target) -> Result<(), String> {
    let hex: String = row.text.bytes().map(|byte| format!("{byte:02x}")).collect();
    let held = ask(target, &hex);
    if held != "held" {
        return Err(held);
    }
    ask(target, "edit");
    let strength = match row.word("strength") {
        Some("execute") => &["--execute"][..],
        Some("whole") => &["--execute", "--whole"],
        Some("fresh") => &["--fresh"],
        _ => &[],
    };
    let (document, exit) = reload(target.pid(), &[&["row"], strength].concat());
    let expected = row.word("exit").unwrap_or("0");
    if exit.to_string() != expected {
        return Err(format!("exit code {exit}: {document}"));
    }
    let is_fresh = row.word("strength") == Some("fresh");
    if exit != 0 && !is_fresh && ask(target, "same") != "True" {
        return Err(format!("something was changed: {document}"));
    }
    let seen = ask(target, "seen");
    if seen != "True" {
        return Err(format!("saw {seen}: {document}"));
    }
    check_words(row, &document)
}

/// What the answer has to tell.
fn check_words(row: &Row, document: &Value) -> Result<(), String> {
    let kinds = |list: &Value| -> Vec<String> {
        let list = list.as_array().into_iter().flatten();
        list.map(|one| one["kind"].as_str().unwrap_or_default().to_owned())
            .collect()
    };
    let told = kinds(&document["stale_references"]);
    if let Some(stale) = row.word("stale") {
        // Before 3.11 the object that is in flight is its frame.
        let is_told = told.iter().any(|kind| kind == stale)
            || stale.to_lowercase() != stale
                && told
                    .iter()
                    .any(|kind| *kind == stale.to_lowercase() || kind == "in_flight");
        if !is_told {
            return Err(format!("{stale} is not told: {document}"));
        }
    }
    if let Some(blocked) = row.word("blocked")
        && !kinds(&document["plan"]["blockers"])
            .iter()
            .any(|kind| kind == blocked)
    {
        return Err(format!("{blocked} is no reason: {document}"));
    }
    if let Some(cause) = row.word("cause")
        && document["error"]["cause"] != cause
    {
        return Err(format!("{cause} is not the cause: {document}"));
    }
    Ok(())
}

macro_rules! rows {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            check(stringify!($name));
        }
    )*};
}

rows! {
    added_function
    added_method
    annotations_kept
    async_in_flight
    audit_hook
    base_changed
    base_changed_execute
    cached_file_tells_removed_call
    cached_file_tells_state
    cached_file_tells_statement
    cached_file_tells_statement_execute
    circular_import
    class_attribute
    class_method
    constant_that_is_state
    dataclass_equal
    dataclass_field_execute
    dataclass_method
    decorated_without_wraps
    decorator_changed
    default_argument
    descriptor
    doc
    enum_identity
    everything
    existing_closure
    failing_reload
    foreign_subclass_instance
    fresh
    fresh_half
    from_imported_constant
    from_imported_decorated
    from_imported_function
    generator_in_flight
    instance_method
    isinstance_old_new
    issubclass_foreign_new
    lambda_by_name
    line_tables
    lock
    lock_whole
    lru_cache_result
    metaclass
    missing_file
    module_constant
    module_function
    mutable_state
    new_class
    new_import
    new_statement
    new_statement_execute
    partial
    pickle_old_instance
    property_on_old_instance
    removed_function
    removed_function_held
    removed_method
    replaced_at_run_time
    same_module_object
    same_module_subclass_isinstance
    same_module_subclass_method
    same_size_same_second
    signature
    signature_execute
    slots_changed
    slots_class
    specialised
    star_import
    static_method
    stored_bound_method
    super_method
    syntax_error
    user_attribute
}

/// Interpreters into which nothing can be brought are refused, and left as they are.
#[test]
fn everything_moves_at_once_on_every_interpreter() {
    let row = Row::read("everything");
    on_every_interpreter(|found| {
        if found.minor() < (3, 0) || found.build == "embed" {
            return Ok(());
        }
        let mut target = Target::start(found, &program("reload.py"), &[]);
        let why = match check_row(&row, &mut target) {
            Err(why) if why.contains("\"code\":6") => ask(&mut target, "same"),
            other => return other,
        };
        println!("{} is refused", found.name);
        (why == "True").then_some(()).ok_or(why)
    });
}

#[test]
fn every_row_is_tested() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reload/rows");
    let this = include_str!("rows.rs");
    for entry in fs::read_dir(folder).expect("the rows") {
        let name = entry
            .expect("a row")
            .file_name()
            .into_string()
            .expect("text");
        let name = name.trim_end_matches(".py");
        assert!(
            this.contains(&format!("    {name}\n")),
            "{name} is not tested"
        );
    }
}
