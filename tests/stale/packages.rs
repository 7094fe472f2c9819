//! flask, requests and jinja2 as `scripts/packages` installs them: nothing of them is called changed,
//! and of one edited function it alone.

use crate::common::{Interpreter, Target, on_interpreters, packages, program};
use crate::{complaints, modules, stale};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// One of each minor version that is supported by all three.
const INTERPRETERS: [&str; 8] = [
    "3.8",
    "3.9",
    "3.10",
    "3.11",
    "3.12",
    "3.13",
    "3.14-debian",
    "3.15-debian",
];
const GROUPS: [&str; 6] = [
    "--group", "flask", "--group", "requests", "--group", "jinja2",
];

/// The same edit in each version: a method that all of them have.
const FILE: &str = "requests/models.py";
const FUNCTION: &str = "RequestHooksMixin.deregister_hook";
const BEFORE: &str = "self.hooks[event].remove(hook)\n            return True";
const AFTER: &str = "self.hooks[event].remove(hook)\n            return None";

#[test]
fn packages_are_current_when_hot_and_traced_and_of_one_edited_function_it_alone_is_named() {
    on_interpreters(&INTERPRETERS, |python| {
        let copy = tempfile::tempdir_in(python.inside(Path::new("/tmp"))).expect("a folder");
        copy_all(&python.inside(&packages(python)), copy.path());
        let below = copy.path().strip_prefix(&python.root);
        let seen = Path::new("/").join(below.expect("below the root"));
        let mut target = Target::start_with(python, &program("web.py"), &[], |command| {
            command.env("PYTHONPATH", &seen);
        });
        all_is_current(&target, python)?;
        target.send("trace");
        target.lines_until("TRACED");
        all_is_current(&target, python)?;
        let file = copy.path().join(FILE);
        let text = fs::read_to_string(&file).expect("it is there");
        let edited = text.replacen(BEFORE, AFTER, 1);
        assert_ne!(text, edited, "{}", python.name);
        fs::write(&file, edited).expect("written");
        it_alone_is_named(&target)
    });
}

fn all_is_current(target: &Target, python: &Interpreter) -> Result<(), String> {
    let (exit, document) = stale(target.pid(), &GROUPS);
    let is_other = |module: &&Value| module["state"] != "current";
    let others = modules(&document).iter().filter(is_other);
    let others: Vec<String> = others.map(Value::to_string).collect();
    let (_, compared) = complaints(&document);
    println!("{}: {compared} functions", python.name);
    match exit == 0 && others.is_empty() && compared > 1000 {
        true => Ok(()),
        false => Err(format!(
            "{compared} {} {}",
            document["warnings"],
            others.join("\n")
        )),
    }
}

fn it_alone_is_named(target: &Target) -> Result<(), String> {
    let (exit, document) = stale(target.pid(), &GROUPS);
    let (bad, _) = complaints(&document);
    let changed = modules(&document)
        .iter()
        .filter_map(|module| module["changed"].as_array());
    let changed: Vec<&Value> = changed.flatten().map(|one| &one["qualname"]).collect();
    match exit == 1 && bad.len() == 1 && changed == [FUNCTION] {
        true => Ok(()),
        false => Err(format!("{exit} {}", bad.join("\n"))),
    }
}

fn copy_all(from: &Path, to: &Path) {
    let copied = std::process::Command::new("cp")
        .arg("-a")
        .arg(from.join("."))
        .arg(to)
        .status();
    assert!(copied.expect("cp runs").success());
}
