//! `check`: assertions about a process, from the command line and from a test suite.

use crate::common::interpreter;
use crate::run::{Started, ended, pyunload, run, until};
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const PROGRAM: &str = "\
import json, sys
print('READY')
sys.stdout.flush()
for line in sys.stdin:
    if line == 'drop\\n':
        for key in [key for key in sys.modules if key.split('.')[0] == 'json']:
            del sys.modules[key]
";

fn target(python: &str) -> Option<Started> {
    let python = interpreter(python)?;
    Some(Started::ready(
        Command::new(python.program).args(["-c", PROGRAM]),
    ))
}

#[test]
fn what_needs_no_graph_is_answered_without_a_stop() {
    for python in ["2.7", "3.8", "3.11", "3.13"] {
        let Some(target) = target(python) else {
            continue;
        };
        let pid = target.pid_text();
        let ended = run(&[
            "check",
            &pid,
            "loaded json",
            "absent jso",
            "version json == 2.0.9",
            "refcount json >= 1",
            "--json",
        ]);
        assert_eq!(ended.code, 0, "{python}: {}", ended.stdout);
        let document = ended.document();
        assert_eq!(document["holds"], true);
        assert_eq!(document["stopped_us"], 0);
        assert_eq!(document["consistency"], "live");
        assert_eq!(
            document["assertions"][2]["evidence"],
            json!({"version": "2.0.9"})
        );
    }
}

#[test]
fn one_that_does_not_hold_is_a_no_with_its_evidence() {
    let Some(target) = target("3.11") else { return };
    let pid = target.pid_text();
    let ended = run(&["check", &pid, "absent json", "loaded json", "--json"]);
    assert_eq!(ended.code, 1);
    let document = ended.document();
    assert_eq!(document["holds"], false);
    let holds: Vec<&Value> = (0..2)
        .map(|n| &document["assertions"][n]["holds"])
        .collect();
    assert_eq!(holds, [false, true]);
    let loaded = document["assertions"][0]["evidence"]["loaded"].as_array();
    let loaded = loaded.expect("a list");
    assert!(loaded.contains(&"json.decoder".into()), "{loaded:?}");
    // The same in columns.
    let ended = run(&["check", &pid, "absent", "json"]);
    assert_eq!(ended.code, 1);
    assert!(
        ended.stdout.contains("\nno\tabsent json\tloaded: json"),
        "{}",
        ended.stdout
    );
}

#[test]
fn an_assertion_that_is_none_is_a_wrong_usage_that_says_where() {
    let ended = run(&["check", "1", "refcount json 3", "--json"]);
    assert_eq!(ended.code, 2);
    let error = &ended.document()["error"];
    let message = "expected one of == != < <= > >= after 'refcount json', found '3'";
    assert_eq!(error["message"], message);
    assert_eq!(run(&["check", "1"]).code, 2);
    assert_eq!(run(&["check", "absent json"]).code, 2);
    assert_eq!(run(&["check", "1", "absent json", "--wait", "-1"]).code, 2);
}

#[test]
fn waiting_ends_when_all_of_them_hold_and_not_before() {
    let Some(mut target) = target("3.11") else {
        return;
    };
    let pid = target.pid_text();
    let ended = run(&["check", &pid, "absent json", "--wait", "0.5", "--json"]);
    assert_eq!(ended.code, 1);
    let waited = ended.document()["waited_ms"].as_u64().expect("a time");
    assert!(waited >= 500, "{waited}");
    let waiting =
        std::thread::spawn(move || run(&["check", &pid, "absent json", "--wait", "60", "--json"]));
    let input = target.0.stdin.as_mut().expect("a pipe");
    input.write_all(b"drop\n").expect("it reads");
    let ended = waiting.join().expect("it ends");
    assert_eq!(ended.code, 0, "{}", ended.stdout);
    let waited = ended.document()["waited_ms"].as_u64().expect("a time");
    assert!(waited < 30_000, "{waited}");
}

#[test]
fn a_process_that_ends_while_it_is_waited_for_is_told() {
    let Some(mut target) = target("3.11") else {
        return;
    };
    let mut command = pyunload();
    command.args([
        "check",
        &target.pid_text(),
        "absent json",
        "--wait",
        "60",
        "--json",
    ]);
    let waiting = Started::new(command.stdout(Stdio::piped()));
    let syscall = format!("/proc/{}/syscall", waiting.pid());
    until("it has looked, and sleeps", || {
        let number = std::fs::read_to_string(&syscall).unwrap_or_default();
        number.starts_with("230 ") || number.starts_with("35 ")
    });
    target.0.stdin = None;
    target.0.wait().expect("it ends");
    let ended = waiting.end();
    let code = ended.document()["error"]["code"].clone();
    assert_eq!((ended.code, code), (8, json!(8)), "{}", ended.stdout);
}

#[test]
fn a_session_checks_too() {
    let Some(target) = target("3.11") else { return };
    let pid = target.pid_text();
    let line = "check 'loaded json' absent shop";
    let ended = run(&["attach", &pid, "-c", line, "--json"]);
    assert_eq!(ended.code, 0, "{}", ended.stdout);
    let documents = ended.documents();
    assert_eq!(documents[1]["schema"], "pyunload.check/1");
    assert_eq!(documents[1]["command"], line);
    let ended = run(&["attach", &pid, "-c", "check absent json"]);
    assert_eq!(ended.code, 1);
}

#[test]
fn a_test_suite_asserts_that_a_plugin_host_unloads_its_plugins() {
    for python in ["3.8", "3.11", "3.13"] {
        let Some(python) = interpreter(python) else {
            continue;
        };
        let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pytest/test_plugin_host.py");
        let has_pytest =
            ended(Command::new(&python.program).args(["-c", "import pytest"])).code == 0;
        let mut command = Command::new(&python.program);
        if has_pytest {
            command.args(["-m", "pytest", "-q", "-p", "no:cacheprovider"]);
        }
        command
            .arg(suite)
            .env("PYUNLOAD", env!("CARGO_BIN_EXE_pyunload"))
            .env("PYTHONDONTWRITEBYTECODE", "1");
        let ended = ended(&mut command);
        let text = format!("{}{}", ended.stdout, ended.stderr);
        assert_eq!(ended.code, 0, "{}: {text}", python.name);
        let passed = match has_pytest {
            true => text.contains("3 passed"),
            false => text.matches("passed: test_").count() == 3,
        };
        assert!(passed, "{}: {text}", python.name);
    }
}
