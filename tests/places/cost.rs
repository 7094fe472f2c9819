//! What a look costs: system calls, counted by strace, and the calls that must not be there.

use crate::common::{Target, interpreter};
use crate::copies::{library_of, prefix};
use crate::oracle::{command, compile, must};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// How often each system call was made by `modules --json` on a process.
fn calls(pid: i32) -> BTreeMap<String, u64> {
    let folder = TempDir::new().expect("a folder");
    let trace = folder.path().join("trace");
    let mut strace = command(&["strace", "-f", "-o"]);
    strace.arg(&trace).arg(env!("CARGO_BIN_EXE_pyunload"));
    let output = strace
        .args(["modules", "--json", &pid.to_string()])
        .output();
    output.expect("strace runs");
    let text = fs::read_to_string(trace).expect("a trace");
    let mut counts = BTreeMap::new();
    for line in text.lines() {
        let call = line
            .split_whitespace()
            .nth(1)
            .and_then(|rest| rest.split('(').next());
        *counts
            .entry(call.unwrap_or_default().to_owned())
            .or_default() += 1;
    }
    counts
}

fn total(counts: &BTreeMap<String, u64>) -> u64 {
    counts.values().sum()
}

/// A host that loaded `count` libraries, each from a file of its own, and then Python.
fn host_with_libraries(count: usize) -> Option<Target> {
    let python = interpreter("3.12")?;
    let folder = TempDir::new().expect("a folder");
    let first = folder.path().join("library0.so");
    let source = folder.path().join("library.c");
    fs::write(
        &source,
        "int data[1000] = { 1 }; int f(void) { return data[7]; }",
    )
    .expect("written");
    let mut gcc = command(&["gcc", "-shared", "-fPIC", "-o"]);
    must(gcc.arg(&first).arg(&source));
    let mut command = Command::new(compile("host", folder.path()));
    for index in 0..count {
        let library = folder.path().join(format!("library{index}.so"));
        if index > 0 {
            fs::copy(&first, &library).expect("a copy");
        }
        command.arg(format!("open:{}", library.display()));
    }
    let libpython = library_of(&python).expect("a shared library");
    command.env("PYTHONHOME", prefix(&python));
    // By the seed of the hashes a key stands on the way to another one, or not: then it is read as well.
    command.env("PYTHONHASHSEED", "1");
    command
        .arg(format!("open:{}", libpython.display()))
        .args(["init", "ready"]);
    Some(Target::launch(command, folder))
}

/// Reads and questions by which two processes that are alike may differ: far fewer than one for each library. Where
/// objects lie is chance, and what lies close together is read by one call; so is what is mapped near a library.
const CHANCE: u64 = 10;

/// How many libraries more one of two processes has.
const MORE: u64 = 299;

#[test]
fn three_hundred_libraries_more_cost_one_question_each_and_no_other_system_calls() {
    let (Some(few), Some(many)) = (host_with_libraries(1), host_with_libraries(300)) else {
        return;
    };
    let (mut few, mut many) = (calls(few.pid()), calls(many.pid()));
    // What is mapped is asked for, one question for the data of each, or read: then the text is longer.
    let questions = |counts: &mut BTreeMap<String, u64>| counts.remove("ioctl").unwrap_or(0);
    let (few_questions, many_questions) = (questions(&mut few), questions(&mut many));
    assert!(
        many_questions <= few_questions + MORE + CHANCE,
        "{few_questions}, {many_questions}"
    );
    let reads = |counts: &BTreeMap<String, u64>| counts.get("process_vm_readv").copied();
    println!("few: {few:?}\nmany: {many:?}");
    let (few_reads, many_reads) = (reads(&few).unwrap_or(0), reads(&many).unwrap_or(0));
    assert!(few_reads > 0, "{few:?}");
    assert!(
        many_reads.abs_diff(few_reads) <= CHANCE,
        "few: {few:?}\nmany: {many:?}"
    );
    assert!(total(&many) < total(&few) + 200, "{many:?}");
    assert!(total(&many) < 700, "{many:?}");
}

#[test]
fn a_program_that_is_no_python_is_dismissed_with_few_system_calls() {
    let folder = TempDir::new().expect("a folder");
    let mut command = Command::new(compile("host", folder.path()));
    command.arg("ready");
    let target = Target::launch(command, folder);
    let counts = calls(target.pid());
    println!("{counts:?}");
    assert!(
        counts.get("process_vm_readv").copied().unwrap_or(0) < 30,
        "{counts:?}"
    );
}

#[test]
fn a_look_stops_nothing_and_writes_nothing() {
    let Some(python) = interpreter("3.11") else {
        return;
    };
    let target = Target::start(&python, &crate::common::program("names.py"), &[]);
    let counts = calls(target.pid());
    for forbidden in [
        "ptrace",
        "process_vm_writev",
        "kill",
        "tgkill",
        "pidfd_send_signal",
    ] {
        assert!(!counts.contains_key(forbidden), "{forbidden}: {counts:?}");
    }
}

/// Where `process_vm_readv` is not there, or forbidden, memory is read through `/proc`.
#[test]
fn a_kernel_without_the_quick_way_to_read_is_no_obstacle() {
    let Some(python) = interpreter("3.10") else {
        return;
    };
    let known = crate::oracle::Known::start(&python, |_| {});
    for errno in ["ENOSYS", "EPERM"] {
        let mut strace = command(&["strace", "-f", "-o", "/dev/null", "-e"]);
        strace.arg(format!("inject=process_vm_readv:error={errno}"));
        strace.arg(Path::new(env!("CARGO_BIN_EXE_pyunload")));
        known.assert_read_by(&mut strace);
    }
}
