//! What is shown on a terminal while a look takes long: it comes, it counts, and nothing of it stays.

use crate::common::{interpreter, program};
use crate::run::{Started, pyunload, run};
use nix::pty::openpty;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// Enough of them that to read them takes seconds.
const OBJECTS: &str = "8000000";

/// To the beginning of the line, and what is on it away.
const CLEAR: &str = "\r\x1b[K";

/// Starts `why plug` with standard error on a terminal of its own.
fn start_on_terminal(target: &Started) -> (Child, File) {
    let terminal = openpty(None, None).expect("a terminal");
    let child = pyunload()
        .args(["why", &target.pid_text(), "plug"])
        .args(["--max-stop", "60000"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::from(terminal.slave))
        .spawn()
        .expect("the program starts");
    (child, File::from(terminal.master))
}

/// What appears on the terminal until `end` does, or until nobody writes to it any more.
fn read_until(terminal: &mut File, end: &str) -> String {
    let mut seen = Vec::new();
    let mut bytes = [0; 4096];
    // A terminal whose last writer has gone answers with an error.
    while let Ok(count @ 1..) = terminal.read(&mut bytes) {
        seen.extend_from_slice(&bytes[..count]);
        if String::from_utf8_lossy(&seen).contains(end) {
            break;
        }
    }
    String::from_utf8(seen).expect("text")
}

/// What a terminal that was written to from an empty line has on it.
fn left_of(written: &str) -> &str {
    written.rsplit(CLEAR).next().unwrap_or_default()
}

/// A target with so many objects, and the folder of its plugin.
fn big() -> Option<(Started, TempDir)> {
    let python = interpreter("3.11")?;
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(&python.program);
    command.arg(program("big.py")).arg(OBJECTS);
    command.env("TMPDIR", folder.path());
    let mut target = Started::new(command.stdin(Stdio::piped()).stdout(Stdio::piped()));
    let mut line = String::new();
    let output = target.0.stdout.as_mut().expect("a pipe");
    let read = BufReader::new(output).read_line(&mut line);
    assert!(read.is_ok() && line.starts_with("READY"), "{line}");
    Some((target, folder))
}

#[test]
fn a_long_look_counts_on_a_terminal_and_leaves_nothing_on_it() {
    let Some((target, _folder)) = big() else {
        return;
    };
    let (child, mut terminal) = start_on_terminal(&target);
    let written = read_until(&mut terminal, "never written");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{output:?}");
    assert!(written.contains(" objects read"), "{written:?}");
    assert_eq!(left_of(&written), "", "{written:?}");
    let answer = String::from_utf8(output.stdout).expect("text");
    assert!(answer.contains("plug"), "{answer}");
    assert!(!answer.contains('\r'), "{answer}");
}

#[test]
fn ctrl_c_leaves_nothing_on_the_line() {
    let Some((mut target, _folder)) = big() else {
        return;
    };
    let (mut child, mut terminal) = start_on_terminal(&target);
    let before = read_until(&mut terminal, " looking");
    assert!(before.contains(" looking"), "{before:?}");
    kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).expect("it is there");
    let written = read_until(&mut terminal, "never written");
    let status = child.wait().expect("it ends");
    assert_eq!(status.signal(), Some(Signal::SIGINT as i32));
    assert!(written.contains(CLEAR), "{written:?}");
    assert_eq!(left_of(&written), "", "{written:?}");
    assert!(matches!(target.0.try_wait(), Ok(None)), "the target lives");
}

#[test]
fn a_long_look_is_silent_where_there_is_no_terminal() {
    let Some((target, _folder)) = big() else {
        return;
    };
    let ended = run(&["why", &target.pid_text(), "plug", "--max-stop", "60000"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(ended.stderr, "");
}
