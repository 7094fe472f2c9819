//! `attach`: commands from `-c`, from a script, from standard input.

use crate::common::interpreter;
use crate::run::{Started, run, run_with_input};
use snapbox::{assert_data_eq, str};
use std::process::Command;

fn target() -> Option<Started> {
    let python = interpreter("3.11")?;
    let source = "import json, time\nprint('READY', flush=True)\ntime.sleep(1000)";
    Some(Started::ready(
        Command::new(python.program).args(["-c", source]),
    ))
}

#[test]
fn a_summary_comes_first_then_each_command_is_answered() {
    let Some(target) = target() else { return };
    let ended = run(&["attach", &target.pid_text(), "-c", "modules json"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    assert_data_eq!(
        ended.stdout,
        str![[r#"
CPython 3.11.[..] (release, shared libpython), pid [..], up [..]: [..]
[..] modules: [..] source, [..]. 1 thread.
NAME	KIND	REFS	VERSION	FILE
json	source	[..]	2.0.9	[..]/json/__init__.py

"#]]
    );
}

#[test]
fn lines_of_a_pipe_and_of_a_script_are_commands_too() {
    let Some(target) = target() else { return };
    let lines = "# what is loaded\n\nmodules 'json.*'\nquit\nmodules os\n";
    let piped = run_with_input(&["attach", &target.pid_text()], lines);
    assert_eq!(piped.code, 0);
    assert!(
        piped.stdout.contains("\njson.decoder\t"),
        "{}",
        piped.stdout
    );
    assert!(!piped.stdout.contains("\nos\t"), "quit ends the session");
    let script = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(script.path(), lines).expect("our file");
    let path = script.path().to_str().expect("a path");
    let scripted = run(&["attach", &target.pid_text(), "--script", path]);
    assert_eq!(scripted.code, 0);
    assert!(scripted.stdout.contains("\njson.decoder\t"));
}

#[test]
fn documents_of_a_session_say_which_command_they_answer() {
    let Some(target) = target() else { return };
    let ended = run(&[
        "attach",
        &target.pid_text(),
        "--json",
        "-c",
        "modules json",
        "-c",
        "wrong",
        "-c",
        "doctor",
    ]);
    assert_eq!(ended.code, 2, "the first failure is the end of all");
    let documents = ended.documents();
    let seen: Vec<_> = documents
        .iter()
        .map(|document| {
            let text = |field| document[field].as_str().unwrap_or_default();
            (text("schema"), text("command"))
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("pyunload.attach/1", "attach"),
            ("pyunload.modules/1", "modules json"),
            ("pyunload.error/1", "wrong"),
            ("pyunload.doctor/1", "doctor"),
        ]
    );
}

#[test]
fn a_session_ends_when_its_process_does() {
    let Some(python) = interpreter("3.11") else {
        return;
    };
    let source = "import sys\nprint('READY', flush=True)\nsys.stdin.read()";
    let mut target = Started::ready(Command::new(python.program).args(["-c", source]));
    let mut command = crate::run::pyunload();
    let mut session = command
        .args(["attach", &target.pid_text(), "--json"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut input = session.stdin.take().expect("a pipe");
    let output = std::io::BufReader::new(session.stdout.take().expect("a pipe"));
    let mut lines = std::io::BufRead::lines(output).map_while(Result::ok);
    let summary = lines.next().expect("a summary");
    assert!(summary.contains("pyunload.attach/1"), "{summary}");
    drop(target.0.stdin.take());
    target.0.wait().expect("our child");
    use std::io::Write;
    writeln!(input, "modules").expect("the session reads");
    let failure = lines.next().expect("an answer");
    assert!(failure.contains("target_changed"), "{failure}");
    assert_eq!(session.wait().expect("it ends").code(), Some(8));
}

#[test]
fn a_session_on_nothing_does_not_begin() {
    let ended = run(&["attach", "99999999", "-c", "modules"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (3, ""));
}
