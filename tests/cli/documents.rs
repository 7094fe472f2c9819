//! Every document is what `schema` says it is, with its fields in the promised order.

use crate::common::{Interpreter, interpreter, on_every_interpreter, program};
use crate::run::{Ended, Started, run};
use serde_json::Value;
use std::process::Command;
use std::time::Duration;

const PROGRAM: &str = "\
import json, sys, time
sys.modules['odd\\x1b[2J'] = None
print('READY')
sys.stdout.flush()
time.sleep(1000)
";

fn target(python: &Interpreter) -> Started {
    let mut command = match python.root.to_str() {
        Some("/") => Command::new(&python.program),
        _ => {
            let mut command = Command::new("chroot");
            command.arg(&python.root).arg(&python.program);
            command
        }
    };
    Started::ready(command.args(["-c", PROGRAM]))
}

fn validator(of: &str) -> jsonschema::Validator {
    let schema = run(&["schema", of]);
    assert_eq!(schema.code, 0, "{schema:?}");
    jsonschema::validator_for(&schema.document()).expect("a valid schema")
}

pub fn check(of: &str, document: &Value) -> Result<(), String> {
    let errors: Vec<String> = validator(of)
        .iter_errors(document)
        .map(|error| format!("{error} at {}", error.instance_path()))
        .collect();
    match errors.is_empty() {
        true => Ok(()),
        false => Err(format!("{of}: {}", errors.join("; "))),
    }
}

pub fn fields(document: &Value) -> Vec<&str> {
    let object = document.as_object().expect("an object");
    object.keys().map(String::as_str).collect()
}

fn succeeded(ended: Ended) -> Result<Value, String> {
    match ended.code {
        0 => Ok(ended.document()),
        code => Err(format!("exit code {code}: {}", ended.stdout)),
    }
}

#[test]
fn the_documents_of_every_interpreter_are_what_their_schemas_say() {
    on_every_interpreter(|python| {
        if python.build == "embed" {
            return Ok(());
        }
        let target = target(python);
        let pid = target.pid_text();
        for (command, arguments) in [
            ("modules", vec!["modules", &pid, "--json"]),
            ("doctor", vec!["doctor", &pid, "--json"]),
            ("ps", vec!["ps", "--json"]),
            ("attach", vec!["attach", &pid, "--json"]),
        ] {
            let document = succeeded(run(&arguments))?;
            assert_eq!(document["schema"], format!("pyunload.{command}/1"));
            check(command, &document)?;
            if command != "ps" {
                assert_eq!(document["target"]["python"], python.version.as_str());
            }
        }
        Ok(())
    });
}

#[test]
fn fields_stand_in_the_promised_order() {
    let Some(python) = interpreter("3.11") else {
        return;
    };
    let target = target(&python);
    let document = run(&["modules", &target.pid_text(), "--json"]).document();
    let envelope = ["schema", "target", "consistency", "stopped_us", "warnings"];
    assert_eq!(fields(&document)[..5], envelope);
    assert_eq!(fields(&document)[5], "modules");
    let of_target = [
        "pid",
        "core",
        "python",
        "implementation",
        "build",
        "interpreter",
        "interpreters",
    ];
    assert_eq!(fields(&document["target"]), of_target);
    let of_module = [
        "name",
        "name_is_repr",
        "kind",
        "type",
        "address",
        "dict",
        "refcount",
        "immortal",
        "file",
        "cached",
        "origin",
        "loader",
        "version",
        "package",
        "aliases",
    ];
    assert_eq!(fields(&document["modules"][0]), of_module);
}

#[test]
fn an_error_document_is_what_its_schema_says() {
    let document = run(&["modules", "99999999", "--json"]).document();
    check("error", &document).expect("valid");
    let broken = serde_json::json!({"schema": "pyunload.error/1", "error": {"code": "3"}});
    check("error", &broken).expect_err("a schema that lets everything pass is none");
}

#[test]
fn several_targets_are_answered_one_document_a_line() {
    let Some(python) = interpreter("3.11") else {
        return;
    };
    let (first, second) = (target(&python), target(&python));
    let ended = run(&[
        "modules",
        &first.pid_text(),
        "99999999",
        &second.pid_text(),
        "json",
        "--json",
    ]);
    assert_eq!(ended.code, 3, "the first failure is the end of all");
    let documents = ended.documents();
    let pids: Vec<&Value> = documents.iter().map(|d| &d["target"]["pid"]).collect();
    assert_eq!(pids[0], first.pid());
    assert_eq!(documents[1]["error"]["pid"], 99_999_999);
    assert_eq!(pids[2], second.pid());
    for document in [&documents[0], &documents[2]] {
        assert_eq!(document["modules"].as_array().map(Vec::len), Some(1));
        assert_eq!(document["modules"][0]["name"], "json");
    }
}

#[test]
fn plain_columns_of_several_targets_are_one_table() {
    let Some(python) = interpreter("3.11") else {
        return;
    };
    let (first, second) = (target(&python), target(&python));
    let (first, second) = (first.pid_text(), second.pid_text());
    let ended = run(&["modules", &first, &second, "json", "sys"]);
    let column = |line: &str| line.split('\t').next().map(str::to_owned);
    let pids: Vec<String> = ended.stdout.lines().filter_map(column).collect();
    assert_eq!(pids, ["PID", &first, &first, &second, &second]);
}

#[test]
fn children_are_answered_for_and_what_is_no_python_is_passed_over() {
    let Some(python) = interpreter("3.11") else {
        return;
    };
    let source = "import os, subprocess, sys, time\n\
        subprocess.Popen(['sleep', '1000'])\n\
        r, w = os.pipe()\n\
        if os.fork() == 0:\n    os.write(w, b'x')\n    os.read(0, 1)\n    os._exit(0)\n\
        os.read(r, 1)\n\
        print('READY', flush=True)\n\
        os.read(0, 1)\n";
    let target = Started::ready(Command::new(&python.program).args(["-c", source]));
    let ended = run(&["modules", &target.pid_text(), "--children", "--json", "os"]);
    let documents = ended.documents();
    // The sleep has to be ended by its pid; it is the child that is no Python.
    for about in pyunload::target::about::About::all() {
        if about.parent == target.pid() && about.command == "sleep 1000" {
            let pid = about.pid.to_string();
            Command::new("kill").arg(pid).status().expect("kill runs");
        }
    }
    assert_eq!(ended.code, 0, "{}", ended.stdout);
    assert_eq!(documents.len(), 2, "{}", ended.stdout);
    assert_eq!(documents[0]["target"]["pid"], target.pid());
}

#[test]
fn no_match_is_a_no() {
    let Some(python) = interpreter("3.11") else {
        return;
    };
    let target = target(&python);
    let pid = target.pid_text();
    assert_eq!(run(&["modules", &pid, "no.such.*"]).code, 1);
    assert_eq!(run(&["modules", &pid, "js*"]).code, 0);
}

#[test]
fn plain_columns_carry_nothing_that_steers_a_terminal() {
    let Some(python) = interpreter("3.11") else {
        return;
    };
    let target = target(&python);
    let ended = run(&["modules", &target.pid_text()]);
    assert!(
        ended.stdout.contains("odd\\x1b[2J\tblocked\t"),
        "{}",
        ended.stdout
    );
    assert!(!ended.stdout.contains('\u{1b}'));
    let columns = |line: &str| line.split('\t').count();
    assert!(ended.stdout.lines().all(|line| columns(line) == 5));
}

#[test]
fn all_python_processes_of_the_machine_are_found() {
    let Some(python) = interpreter("3.11") else {
        return;
    };
    let target = target(&python);
    // Other tests' targets come and go meanwhile; ours is there all the time.
    let documents = run(&["modules", "--all", "--json", "sys"]).documents();
    let ours = |d: &&Value| d["target"]["pid"] == target.pid();
    assert_eq!(documents.iter().filter(ours).count(), 1);
}

/// Longer than reading a file takes.
const LONGER_THAN_A_FILE: Duration = Duration::from_millis(100);

/// What the main thread does, and how code would come to run in it.
const STATES: [(&str, &str); 4] = [
    (
        "while True: pass",
        "yes, by pending_call: the main thread runs",
    ),
    (
        "import threading; lock = threading.Lock(); lock.acquire(); lock.acquire()",
        "yes, by pending_call: the main thread waits, and would be woken",
    ),
    (
        "import time; time.sleep(1000)",
        "yes, by parked_thread: the main thread waits",
    ),
    ("import signal; signal.pause()", "later, by pending_call: "),
];

#[test]
fn doctor_foretells_how_code_comes_to_run() {
    for name in ["3.8", "3.11", "3.13"] {
        for (source, expected) in STATES {
            is_foretold(name, "", source, expected);
        }
    }
}

#[test]
fn doctor_foretells_that_an_event_loop_is_woken_by_its_own_pipe() {
    let expected = "yes, by pending_call: the main thread waits in an event loop of asyncio";
    for name in ["3.7", "3.12"] {
        let source = "asyncio.new_event_loop().run_forever()";
        let document = is_foretold(name, "import asyncio", source, expected);
        let wake = document.map(|document| document["injection"]["wake"].clone());
        assert!(wake.is_none_or(|wake| wake == "self_pipe"), "{name}");
    }
}

/// What becomes of code in a program that was made ready by `first` and does `source`; it is what was foretold.
fn is_foretold(name: &str, first: &str, source: &str, expected: &str) -> Option<Value> {
    let python = interpreter(name)?;
    let source = format!("{first}\nprint('READY', flush=True)\n{source}");
    let target = Started::ready(Command::new(&python.program).args(["-c", &source]));
    let syscall = format!("/proc/{}/syscall", target.pid());
    let look = || std::fs::read_to_string(&syscall).unwrap_or_default();
    crate::run::until("it does what it is for", || {
        let call = look();
        std::thread::sleep(LONGER_THAN_A_FILE);
        // It also waits for the files of what it imports, but not for long.
        look() == call && call.starts_with("running") == expected.contains("runs")
    });
    let document = run(&["doctor", &target.pid_text(), "--json"]).document();
    let route = document["route"].as_str().expect("a route");
    assert!(route.starts_with(expected), "{name}: {route}");
    Some(happens(&format!("{name}: {source}"), &target, expected))
}

#[test]
fn doctor_foretells_that_a_seccomp_filter_may_forbid_what_a_change_needs() {
    let Some(python) = interpreter("3.11") else {
        return;
    };
    for (answer, code) in [("allow", 0), ("fail", 6)] {
        let mut command = Command::new(&python.program);
        let target = Started::ready(command.arg(program("filtered.py")).arg(answer));
        let document = run(&["doctor", &target.pid_text(), "--json"]).document();
        let route = document["route"].as_str().expect("a route");
        assert!(route.contains("if the seccomp filter forbids"), "{route}");
        assert_eq!(run(&["exec", &target.pid_text(), "6 * 7"]).code, code);
    }
    let free = target(&python);
    let document = run(&["doctor", &free.pid_text(), "--json"]).document();
    assert!(!document["route"].to_string().contains("seccomp"));
}

/// What was foretold is what happens.
fn happens(case: &str, target: &Started, foretold: &str) -> Value {
    let run = run(&[
        "exec",
        &target.pid_text(),
        "6 * 7",
        "--limit",
        "5",
        "--json",
    ]);
    if foretold.starts_with("later") {
        assert_eq!(run.code, 6, "{case}: {}", run.document());
        return run.document();
    }
    let document = run.document();
    assert_eq!(document["value"], "42", "{case}: {document}");
    let route = document["injection"]["route"].as_str().expect("a route");
    assert!(
        foretold.contains(&format!("by {route}:")),
        "{case}: {document}"
    );
    document
}
