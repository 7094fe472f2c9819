//! Packages that people use, imported and used: the globals dicts that are foreseen to be left of one
//! are those that are left when the program deletes its keys.

use crate::common::{Interpreter, Target, interpreters, packages, program};
use crate::seen::{Globals, globals_left};
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;

const PACKAGES: [&str; 11] = [
    "json", "email", "xml", "asyncio", "logging", "sqlite3", "random", "requests", "flask",
    "jinja2", "numpy",
];

/// Remedies that must be named for a package, each for a root of its own.
fn remedies_of(package: &str) -> &'static [&'static str] {
    match package {
        "flask" | "jinja2" => &["typing_overloads", "typing_caches"],
        _ => &[],
    }
}

pub fn start(interpreter: &Interpreter, package: &str) -> Target {
    let folder = packages(interpreter);
    Target::start_with(
        interpreter,
        &program("packages.py"),
        &[package],
        |command| {
            command.env("PYTHONPATH", folder);
            command.env("OPENBLAS_NUM_THREADS", "1");
        },
    )
}

/// The kinds of the remedies that `plan` names.
fn planned(pid: i32, package: &str) -> Result<BTreeSet<String>, String> {
    let output = Command::new(env!("CARGO_BIN_EXE_pyunload"))
        .args([
            "plan",
            &pid.to_string(),
            package,
            "--json",
            "--max-stop",
            "60000",
        ])
        .output()
        .map_err(|error| error.to_string())?;
    let plan: Value = serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
    let remedies = plan["remedies"].as_array().ok_or("no remedies")?.iter();
    let kinds = remedies.filter_map(|remedy| Some(remedy["kind"].as_str()?.to_owned()));
    Ok(kinds.collect())
}

fn compare(foreseen: &Globals, left: &[String]) -> Result<(), String> {
    if foreseen.names == left {
        return Ok(());
    }
    let only = |these: &[String], others: &[String]| -> Vec<String> {
        let missing = these.iter().filter(|name| !others.contains(name));
        missing.cloned().collect()
    };
    Err(format!(
        "{} foreseen, {} left; only foreseen {:?}, only left {:?}",
        foreseen.names.len(),
        left.len(),
        only(&foreseen.names, left),
        only(left, &foreseen.names),
    ))
}

fn try_package(interpreter: &Interpreter, package: &str) -> Result<(), String> {
    let mut target = start(interpreter, package);
    let foreseen = globals_left(target.pid(), package)?;
    let plan = match remedies_of(package) {
        [] => BTreeSet::new(),
        _ => planned(target.pid(), package)?,
    };
    target.send("drop");
    let left = target.lines_until("DONE");
    println!("{} {package}: {} left", interpreter.name, left.len());
    compare(&foreseen, &left)?;
    for remedy in remedies_of(package) {
        let words = format!("registry remedy {remedy}");
        if !foreseen.roots.contains(&words) || !plan.contains(*remedy) {
            return Err(format!(
                "{remedy} is not named: {:?}, {plan:?}",
                foreseen.roots
            ));
        }
    }
    Ok(())
}

fn try_all(name: &str) {
    let all = interpreters();
    for interpreter in all.iter().filter(|interpreter| interpreter.name == name) {
        let failures: Vec<String> = PACKAGES
            .iter()
            .filter_map(|package| {
                let wrong = try_package(interpreter, package).err()?;
                Some(format!("{name} {package}: {wrong}"))
            })
            .collect();
        assert!(failures.is_empty(), "\n{}", failures.join("\n"));
    }
}

#[test]
fn what_is_left_of_packages_in_use_is_foreseen_on_3_11() {
    try_all("3.11");
}

#[test]
fn what_is_left_of_packages_in_use_is_foreseen_on_3_13() {
    try_all("3.13");
}
