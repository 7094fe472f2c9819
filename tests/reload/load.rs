//! A group of five modules under load: nobody sees an error, and whoever begins after the swap sees
//! new code only.

use crate::common::{Target, interpreter, program};
use crate::rows::reload;
use std::process::Command;

/// How often the group is reloaded; `PYUNLOAD_RELOADS` says otherwise.
const RELOADS: u32 = 30;
/// Memory is compared with that after this reload.
const SETTLED: u32 = 10;

fn ask(target: &mut Target, order: &str) -> String {
    target.send(order);
    target.line()
}

/// Errors, calls, calls that ran over a swap, blocks in use.
fn state(target: &mut Target) -> [u64; 4] {
    let line = ask(target, "state");
    let numbers: Vec<u64> = line
        .split(' ')
        .map(|word| word.parse().expect("a number"))
        .collect();
    numbers.try_into().expect("four of them")
}

fn ghosts(pid: i32) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_pyunload"))
        .args(["ghosts", &pid.to_string(), "--json", "--max-stop", "5000"])
        .output()
        .expect("the tool runs");
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a document");
    let ghosts = document["ghosts"].as_array().expect("a list").iter();
    let names = ghosts.map(|ghost| ghost["name"].as_str().unwrap_or_default().to_owned());
    names.filter(|name| name.starts_with("group")).collect()
}

fn moves_under_load(which: &str) {
    let Some(found) = interpreter(which) else {
        return;
    };
    let reloads = std::env::var("PYUNLOAD_RELOADS").ok();
    let reloads: u32 = reloads.map_or(RELOADS, |text| text.parse().expect("a number"));
    let mut target = Target::start(&found, &program("reload_load.py"), &[]);
    let mut settled = 0;
    for version in 2..reloads + 2 {
        ask(&mut target, &format!("write {version}"));
        let (document, exit) = reload(target.pid(), &["--group", "group"]);
        assert_eq!(exit, 0, "{document}");
        ask(&mut target, &format!("done {version}"));
        if version == SETTLED {
            settled = state(&mut target)[3];
        }
    }
    let [errors, calls, mixed, blocks] = state(&mut target);
    println!(
        "{which}: {reloads} reloads, {calls} calls, {mixed} ran over a swap, {settled} blocks, then {blocks}"
    );
    assert_eq!(errors, 0, "{}", ask(&mut target, "errors"));
    assert!(calls > 1000, "only {calls} calls");
    let more = blocks.saturating_sub(settled);
    // What stays of a reload is less than one object for each of the functions moved.
    assert!(
        more < u64::from(reloads) * 10 + 500,
        "{settled} blocks became {blocks}"
    );
    assert_eq!(ghosts(target.pid()), "");
}

#[test]
fn a_group_moves_under_load_on_3_8() {
    moves_under_load("3.8");
}

#[test]
fn a_group_moves_under_load_on_3_11() {
    moves_under_load("3.11");
}

#[test]
fn a_group_moves_under_load_on_3_13() {
    moves_under_load("3.13");
}

/// Only in the long form, which `PYUNLOAD_RELOADS` asks for.
#[test]
fn a_group_moves_under_load_on_3_14() {
    if std::env::var_os("PYUNLOAD_RELOADS").is_some() {
        moves_under_load("3.14-debian");
    }
}
