//! Packages that people use are unloaded from a program that used them: it comes to what the plan foresees, and the
//! program goes on and can import and use them again.

use crate::common::{Interpreter, Target, interpreters};
use crate::packages::start;
use crate::unloaded::{answer, names_in, pyunload};
use serde_json::Value;

const PACKAGES: [&str; 7] = [
    "json", "email", "logging", "sqlite3", "requests", "flask", "jinja2",
];

/// Their C code cannot leave a process, or keeps other modules for good.
const STAYING: [&str; 2] = ["numpy", "_asyncio"];

/// What `unload` says when it may change nothing, and when it may.
fn unload(target: &mut Target, package: &str, more: &[&str]) -> Result<(Value, i32), String> {
    answer(target, "spin");
    let pid = target.pid().to_string();
    pyunload(&[&["unload", &pid, package], more].concat())
}

fn check(is_right: bool, what: &str, seen: &Value) -> Result<(), String> {
    match is_right {
        true => Ok(()),
        false => Err(format!("{what}: {seen}")),
    }
}

/// The modules that came to this, sorted.
fn that_are(document: &Value, outcome: &str) -> Vec<String> {
    let outcomes = document["outcomes"].as_array().into_iter().flatten();
    let these = outcomes.filter(|one| one["outcome"] == outcome);
    let name = |one: &Value| one["name"].as_str().unwrap_or("?").to_owned();
    let mut names: Vec<String> = these.map(name).collect();
    names.sort();
    names
}

fn foreseen(document: &Value, what: &str) -> Vec<String> {
    let mut names = names_in(&document["plan"]["predicted"][what]);
    names.sort();
    names
}

/// Everything came to what was foreseen, as the program itself sees it.
fn is_as_foreseen(target: &mut Target, document: &Value) -> Result<(), String> {
    for (outcome, what) in [("gone", "gone"), ("mapped", "mapped"), ("ghost", "ghost")] {
        let gone_by_name = that_are(document, "gone_name_only");
        let mut seen = that_are(document, outcome);
        if outcome == "gone" {
            seen.extend(gone_by_name);
            seen.sort();
        }
        let mut foretold = foreseen(document, what);
        if outcome == "mapped" {
            // Of what is left as a ghost the library is mapped besides.
            let ghosts = foreseen(document, "ghost");
            foretold.retain(|name| !ghosts.contains(name));
        }
        check(seen == foretold, outcome, document)?;
    }
    target.send("left");
    let left = target.lines_until("DONE");
    let ghosts = foreseen(document, "ghost");
    let is_ghost = |name: &String| ghosts.contains(name);
    check(
        left.iter().all(is_ghost),
        &format!("{left:?} is left"),
        document,
    )
}

fn goes_on(target: &mut Target) -> Result<(), String> {
    let again = answer(target, "again");
    let wrong = answer(target, "well");
    match (&*again, &*wrong) {
        ("whole", "0") => Ok(()),
        _ => Err(format!("again: {again}, wrong sums: {wrong}")),
    }
}

/// Unloads it once softly, and, when that is refused, once with force. Says what it came to.
fn try_package(interpreter: &Interpreter, package: &str) -> Result<&'static str, String> {
    let mut target = start(interpreter, package);
    let keys = answer(&mut target, "keys");
    let (plan, _) = unload(&mut target, package, &["--dry-run"])?;
    let verdict = plan["plan"]["verdict"].as_str().unwrap_or("?");
    let will_go = matches!(verdict, "clean" | "remediable") && foreseen(&plan, "ghost").is_empty();
    let (done, code) = unload(&mut target, package, &["--yes"])?;
    if will_go {
        check(code == 0, "exit code", &done)?;
        is_as_foreseen(&mut target, &done)?;
        goes_on(&mut target)?;
        return Ok("gone");
    }
    let is_untouched =
        that_are(&done, "unchanged").len() == done["outcomes"].as_array().map_or(0, Vec::len);
    check(code == 1 && is_untouched, "refused", &done)?;
    let after = answer(&mut target, "keys");
    check(
        keys == after,
        &format!("{keys} keys before, {after} after"),
        &done,
    )?;
    goes_on(&mut target)?;
    if STAYING.contains(&package) {
        // From 3.14 on nothing but names in asyncio keeps `_asyncio`: without them only its library stays.
        let is_mapped = !foreseen(&plan, "mapped").is_empty();
        check(verdict == "restart" || is_mapped, "verdict", &plan)?;
        return Ok("refused");
    }
    let (done, _) = unload(&mut target, package, &["--yes", "--force"])?;
    is_as_foreseen(&mut target, &done)?;
    goes_on(&mut target)?;
    Ok("refused; ghosts as foreseen")
}

/// The default tries the smaller ones; `PYUNLOAD_THOROUGH` all.
fn chosen() -> Vec<&'static str> {
    match std::env::var_os("PYUNLOAD_THOROUGH") {
        Some(_) => PACKAGES.into_iter().chain(STAYING).collect(),
        None => vec!["json", "sqlite3", "jinja2", "_asyncio"],
    }
}

fn try_on(name: &str) {
    let all = interpreters();
    let failures: Vec<String> = all
        .iter()
        .filter(|interpreter| interpreter.name == name)
        .flat_map(|interpreter| {
            chosen().into_iter().filter_map(|package| {
                let came_to = try_package(interpreter, package);
                println!("{name} {package}: {came_to:?}");
                Some(format!("{name} {package}: {}", came_to.err()?))
            })
        })
        .collect();
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn packages_in_use_are_unloaded_as_foreseen_on_3_8() {
    try_on("3.8");
}

#[test]
fn packages_in_use_are_unloaded_as_foreseen_on_3_11() {
    try_on("3.11");
}

#[test]
fn packages_in_use_are_unloaded_as_foreseen_on_3_13() {
    try_on("3.13");
}

#[test]
fn packages_in_use_are_unloaded_as_foreseen_on_3_14() {
    try_on("3.14-debian");
}
