//! A target that imports and drops modules as fast as it can, read without stopping it.

mod common;

use common::{Interpreter, Target, on_every_interpreter, program};
use pyunload::modules::inventory::{Inventory, inventory};
use pyunload::modules::row::ModuleRow;
use pyunload::pyobject::identify;
use pyunload::target::process::Process;
use serde_json::{Value, json};
use std::collections::HashMap;

/// How often each target is read: 50 times, which makes more than 1,000 for all interpreters, unless
/// `PYUNLOAD_READS` says otherwise.
fn reads() -> usize {
    let asked = std::env::var("PYUNLOAD_READS").ok();
    asked.and_then(|asked| asked.parse().ok()).unwrap_or(50)
}

fn parse(line: &String) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

fn as_printed(row: &ModuleRow) -> Value {
    json!({
        "name": row.name,
        "address": row.address.value(),
        "dict": row.dict.map(|dict| dict.value()),
        "file": row.file,
        "version": row.version,
    })
}

/// The number of a churning module with this name, when there ever is one.
fn churning_number(name: &str) -> Option<usize> {
    let number: usize = name
        .strip_prefix("churn_")?
        .split('_')
        .next()?
        .parse()
        .ok()?;
    let letter = char::from(b"abcdefghij"[number % 10]);
    let filler: String = vec![letter; number % 7 * 5].into_iter().collect();
    (number < 40 && name == format!("churn_{number}_{filler}_end")).then_some(number)
}

/// A row of a churning module is one that existed, with the attributes that one had, or had not yet.
fn check_churning(row: &ModuleRow) -> Result<(), String> {
    let number = churning_number(&row.name).ok_or(format!("never existed: {row:?}"))?;
    let file_name = format!("/{}.py", row.name);
    let is_file_right = row
        .file
        .as_ref()
        .is_none_or(|file| file.ends_with(&file_name));
    let version = format!("{number}.2");
    let is_version_right = row.version.as_ref().is_none_or(|found| *found == version);
    let is_class_right = row.class.as_deref() == Some("module");
    if is_file_right && is_version_right && is_class_right {
        return Ok(());
    }
    Err(format!("a row that never was: {row:?}"))
}

fn by_name(mut rows: Vec<Value>) -> Vec<Value> {
    rows.sort_by_key(|row| row["name"].to_string());
    rows
}

fn check(
    inventory: &Inventory,
    stable: &[Value],
    others: &HashMap<String, u64>,
) -> Result<(), String> {
    let is_stable = |row: &&ModuleRow| row.name.starts_with("stable_");
    let found: Vec<Value> = inventory
        .rows
        .iter()
        .filter(is_stable)
        .map(as_printed)
        .collect();
    let expected: Vec<Value> = stable.to_vec();
    // On 2.7 the order of a dict is that of its hash table, which changes as it grows.
    if by_name(found.clone()) != by_name(expected) {
        let names = |rows: &[Value]| rows.len();
        return Err(format!(
            "{} stable rows, {} expected; warnings {:?}",
            names(&found),
            names(stable),
            inventory.warnings
        ));
    }
    for row in &inventory.rows {
        match others.get(&row.name) {
            Some(&address) if address == row.address.value() => {}
            Some(_) => return Err(format!("{} is elsewhere", row.name)),
            None => check_churning(row)?,
        }
    }
    Ok(())
}

fn churn(interpreter: &Interpreter, arguments: &[&str], reads: usize) -> Result<(), String> {
    let mut target = Target::start(interpreter, &program("churn.py"), arguments);
    let stable: Vec<Value> = target.printed().iter().map(parse).collect();
    let process = Process::open(target.pid()).map_err(|error| error.to_string())?;
    let found = identify::find(&process).map_err(|error| error.to_string())?;
    let main = found.python.main();
    let read = || inventory(&process, &found.python, main).map_err(|error| error.to_string());
    // Every module that is not called churning is as stable as those that say so.
    let others: HashMap<String, u64> = read()?
        .rows
        .iter()
        .filter(|row| !row.name.starts_with("churn_"))
        .map(|row| (row.name.clone(), row.address.value()))
        .collect();
    let (mut churning, mut left_out) = (0, 0);
    for count in 0..reads {
        let inventory = read().map_err(|error| format!("read {count}: {error}"))?;
        check(&inventory, &stable, &others).map_err(|error| format!("read {count}: {error}"))?;
        churning += inventory.rows.len() - others.len();
        left_out += usize::from(!inventory.warnings.is_empty());
    }
    println!(
        "{} {arguments:?}: {churning} churning rows in {reads} reads, {left_out} reads with warnings",
        interpreter.name
    );
    if !target.is_alive() {
        return Err("the target ended".into());
    }
    Ok(())
}

#[test]
fn rows_that_never_change_are_exact_while_modules_are_made_and_dropped() {
    on_every_interpreter(|interpreter| churn(interpreter, &[], reads()));
}

#[test]
fn rows_that_never_change_are_exact_while_modules_are_imported_and_dropped() {
    on_every_interpreter(|interpreter| churn(interpreter, &["import"], reads() / 4));
}
