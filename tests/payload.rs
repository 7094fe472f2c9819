//! The program that unloads from inside, run by every interpreter on itself: what it does, what it
//! refuses, and that it leaves no trace.

mod common;

use common::{Interpreter, Target, on_every_interpreter, program};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use pyunload::address::Address;
use pyunload::change::answer::{Answer, Done, parse};
use pyunload::change::source;
use pyunload::plan::cut::{Cut, Entry, Kind, cut};
use pyunload::plan::key::Key;
use pyunload::pyobject::text::Text;
use serde_json::Value;
use std::collections::HashSet;

/// What the interpreter says of its modules.
struct Seen {
    table: Address,
    entries: Vec<Entry>,
    document: Value,
}

fn read(line: &str) -> Seen {
    let document: Value = serde_json::from_str(line).expect("a document");
    let rows = document["rows"].as_array().expect("rows").iter();
    Seen {
        table: address(&document["table"]),
        entries: rows.map(entry).collect(),
        document,
    }
}

fn entry(row: &Value) -> Entry {
    let is_module = row[2].is_u64();
    Entry {
        key: Key::from(&Text::Surrogates(points(&row[0]))),
        value: address(&row[1]),
        dict: is_module.then(|| address(&row[2])),
        kind: if is_module {
            Kind::Module
        } else {
            Kind::Nothing
        },
        own_name: row[3].as_str().map(Key::new),
    }
}

fn points(list: &Value) -> Vec<u32> {
    let list = list.as_array().expect("a list").iter();
    list.map(|point| point.as_u64().expect("a number") as u32)
        .collect()
}

fn address(value: &Value) -> Address {
    Address::new(value.as_u64().expect("an id"))
}

impl Seen {
    fn keys(&self) -> HashSet<Key> {
        self.entries.iter().map(|entry| entry.key.clone()).collect()
    }
}

/// A request without remedies.
fn request(table: Address, cut: &Cut) -> source::Request<'_> {
    source::Request {
        table,
        number: 1,
        cut,
        steps: &[],
    }
}

/// Runs a case: what was there, what the program said, what was there afterwards.
fn run(target: &mut Target, case: &str, name: &str) -> (Seen, Cut, Answer, Seen) {
    target.send(case);
    let before = read(&target.line());
    let cut = cut(&before.entries, &[Key::new(name)], |_, _, _| true).expect("may go");
    let table = if case == "table" {
        before.table.offset(8)
    } else {
        before.table
    };
    let hex: String = source::unload(request(table, &cut))
        .bytes()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    target.send(&hex);
    let after = read(&target.line());
    let result = after.document["result"].as_str().expect("a result");
    let answer = parse(result.as_bytes(), cut.entries().count());
    let answer = answer.unwrap_or_else(|| panic!("no answer: {result}"));
    (before, cut, answer, after)
}

fn check(condition: bool, what: &str, answer: &Answer) -> Result<(), String> {
    if condition {
        Ok(())
    } else {
        Err(format!("{what}: {answer:?}"))
    }
}

fn done(answer: &Answer) -> Result<&Done, String> {
    match answer {
        Answer::Done(done) => Ok(done),
        other => Err(format!("{other:?}")),
    }
}

fn unloads_a_package(target: &mut Target, is_old: bool) -> Result<(), String> {
    let (before, cut, answer, after) = run(target, "package", "shop");
    let gone: HashSet<Key> = cut.entries().map(|entry| entry.key.clone()).collect();
    let expected: HashSet<Key> = before.keys().difference(&gone).cloned().collect();
    let differ: Vec<String> = after
        .keys()
        .symmetric_difference(&expected)
        .map(Key::to_string)
        .collect();
    if !differ.is_empty() {
        return Err(format!("other keys than planned: {differ:?}"));
    }
    let (alias, namesake) = (Key::new("alias"), Key::new("shop2"));
    check(gone.contains(&alias), "the alias stayed", &answer)?;
    check(after.keys().contains(&namesake), "shop2 went", &answer)?;
    check(before.table == after.table, "another table", &answer)?;
    let classes = after.document["classes"].as_array().expect("a list");
    check(classes.is_empty(), "classes are alive", &answer)?;
    let has_gc = after.document["has_gc"].as_bool();
    check(has_gc == Some(false), "it registered gc", &answer)?;
    let done = done(&answer)?;
    let nothing_alive = done.alive.is_empty() && done.functions_alive.is_empty();
    // On 2.7 a module takes no weak reference, and functions of it can be held by what was
    // borrowed for its implicit relative imports.
    check(is_old || nothing_alive, "something is alive", &answer)?;
    check(done.collector_enabled, "the collector is off", &answer)
}

fn sees_what_is_held(target: &mut Target) -> Result<(), String> {
    let (_, cut, answer, _) = run(target, "held", "shop");
    let done = done(&answer)?;
    let held = |index: &usize| cut.entries().nth(*index).map(|entry| &entry.key);
    let names: Vec<_> = done.functions_alive.iter().filter_map(held).collect();
    let expected = Key::new("shop.b");
    check(names == [&expected], "another namespace is held", &answer)
}

fn removes_the_attribute_of_a_parent(target: &mut Target) -> Result<(), String> {
    let (_, _, answer, after) = run(target, "attribute", "outer.plug");
    let has_attribute = after.document["has_attribute"].as_bool();
    check(
        has_attribute == Some(false),
        "the attribute stayed",
        &answer,
    )?;
    check(done(&answer)?.attributes == 1, "not counted", &answer)
}

/// Cases in which nothing may change.
fn refuses(target: &mut Target, is_old: bool) -> Result<(), String> {
    let raised = Answer::Failed("ZeroDivisionError".into());
    let mut cases = vec![
        ("table", "outer.plug", Answer::Moved),
        ("value", "outer.plug", Answer::Changed),
        ("trace", "outer.plug", raised),
        ("running", "inner", Answer::Running(0)),
    ];
    cases.extend((!is_old).then_some(("importing", "slow", Answer::Importing(Some(0)))));
    for (case, name, expected) in cases {
        let (before, _, answer, after) = run(target, case, name);
        check(answer == expected, case, &answer)?;
        check(before.keys() == after.keys(), "keys changed", &answer)?;
        let attribute = after.document["has_attribute"].as_bool();
        let is_there = attribute == Some(name == "outer.plug");
        check(is_there, "the attribute changed", &answer)?;
    }
    Ok(())
}

/// What raises behind the point of no return undoes nothing, and is told.
fn tells_of_a_late_interruption(target: &mut Target) -> Result<(), String> {
    let (_, _, answer, after) = run(target, "late", "outer.plug");
    let done = done(&answer)?;
    check(
        done.interrupted && done.attributes == 1,
        "not told",
        &answer,
    )?;
    let has_key = after.keys().contains(&Key::new("outer.plug"));
    check(!has_key, "the key is back", &answer)
}

fn takes_any_name(target: &mut Target) -> Result<(), String> {
    let (before, cut, answer, after) = run(target, "odd names", "odd");
    done(&answer)?;
    let told: Vec<Vec<u32>> = after.document["keys"]
        .as_array()
        .expect("a list")
        .iter()
        .map(points)
        .collect();
    let sent: Vec<Vec<u32>> = cut.entries().map(|e| e.key.points().to_vec()).collect();
    check(told == sent && sent.len() == 5, "names differ", &answer)?;
    let left = before.entries.len() - after.entries.len();
    check(left == 5, "not all of them went", &answer)
}

fn behaves(interpreter: &Interpreter) -> Result<(), String> {
    let is_old = interpreter.minor() < (3, 0);
    let mut target = Target::start(interpreter, &program("payload.py"), &[]);
    unloads_a_package(&mut target, is_old)?;
    removes_the_attribute_of_a_parent(&mut target)?;
    refuses(&mut target, is_old)?;
    tells_of_a_late_interruption(&mut target)?;
    if !is_old {
        sees_what_is_held(&mut target)?;
        takes_any_name(&mut target)?;
    }
    target.send("");
    if target.finish() {
        Ok(())
    } else {
        Err("the target did not end well".into())
    }
}

#[test]
fn the_program_inside_does_what_was_planned_or_nothing() {
    on_every_interpreter(behaves);
}

/// Python reads back every name that the program is given, whatever it is made of.
fn reads_names_back(interpreter: &Interpreter) -> Result<(), String> {
    if interpreter.minor() < (3, 0) {
        return Ok(());
    }
    let mut runner = TestRunner::deterministic();
    let any_name = proptest::collection::vec(0u32..0x11_0000, 0..30);
    let entries: Vec<Entry> = (0..300)
        .map(|number| {
            let points = any_name.new_tree(&mut runner).expect("a name").current();
            let mut name = Key::new("pkg.").points().to_vec();
            name.extend(points);
            Entry {
                key: Key::from(&Text::Surrogates(name)),
                value: Address::new(number),
                dict: None,
                kind: Kind::Other,
                own_name: None,
            }
        })
        .collect();
    let cut = cut(&entries, &[Key::new("pkg")], |_, _, _| false).expect("may go");
    let mut target = Target::start(interpreter, &program("payload.py"), &[]);
    target.send("nothing");
    target.line();
    let hex: String = source::unload(request(Address::new(1), &cut))
        .bytes()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    target.send(&hex);
    let after = read(&target.line());
    let told = after.document["keys"].as_array().expect("a list").iter();
    let told: Vec<Vec<u32>> = told.map(points).collect();
    let sent: Vec<Vec<u32>> = cut.entries().map(|e| e.key.points().to_vec()).collect();
    if told == sent {
        Ok(())
    } else {
        Err("a name was read back differently".into())
    }
}

#[test]
fn any_name_reaches_the_program_as_it_is() {
    on_every_interpreter(reads_names_back);
}
