//! The short form of `scripts/soak`: a few runs in every kind of state. Each is done or refused with a
//! reason, and the target is as well afterwards as before.

use std::path::Path;
use std::process::Command;

/// States of which the run must be done, not refused.
const REACHED: &str = "busy,contended,malloc,sleep,lock,queue,condition,event,asyncio,poll,epoll,read,accept,recv,\
subprocess,timer,gc,imports,traced,shadowed,subinterpreters,forking,registers,registers-released,greenlet,mdwe";
/// States in which nothing may be run.
const CLOSED: &str = "pause,audited,seccomp-kill";

/// The rows that `scripts/soak` prints: state, done, refused, and the whole row.
fn rows(interpreter: &str, states: &str) -> Vec<(String, u32, u32, String)> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/soak");
    rows_of(&mut Command::new(script), interpreter, states)
}

fn rows_of(
    script: &mut Command,
    interpreter: &str,
    states: &str,
) -> Vec<(String, u32, u32, String)> {
    let output = script
        .args(["--rounds", "3", "--only", interpreter, "--states", states])
        .args(["--tool", env!("CARGO_BIN_EXE_pyunload")])
        .output()
        .expect("scripts/soak starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");
    let rows: Vec<_> = text.lines().map(parsed).collect();
    assert_eq!(rows.len(), states.split(',').count(), "{text}{errors}");
    rows
}

fn parsed(line: &str) -> (String, u32, u32, String) {
    let cells: Vec<&str> = line.split('|').map(str::trim).collect();
    let number = |index: usize| cells[index].parse().expect("a number");
    (cells[2].to_owned(), number(3), number(4), line.to_owned())
}

#[test]
fn code_runs_in_every_state_that_has_a_way_and_harms_none() {
    for interpreter in ["3.11", "3.13"] {
        for (state, done, refused, row) in rows(interpreter, REACHED) {
            assert_eq!((done, refused), (3, 0), "{interpreter}, {state}: {row}");
        }
    }
}

#[test]
fn a_state_without_a_way_is_refused_with_its_reason_and_stays_as_it_is() {
    // From 3.14 on the hook stops the script of the interface for debuggers, and CPython says so.
    for (interpreter, states) in [("3.11", CLOSED), ("3.14-debian", "audited")] {
        for (state, done, refused, row) in rows(interpreter, states) {
            assert_eq!((done, refused), (0, 3), "{interpreter}, {state}: {row}");
            let reason = row.split('|').nth(8).unwrap_or_default().trim();
            assert!(reason.len() > 10, "{interpreter}, {state}: {row}");
        }
    }
}

#[test]
fn a_call_that_holds_the_gil_is_waited_for_until_the_time_is_over_and_what_is_withdrawn_never_runs()
{
    for (state, done, refused, row) in rows("3.11", "gil-call") {
        // The second of the three has not the time to see its end; the third counts those that ran.
        assert!(done >= 2 && done + refused <= 3, "{state}: {row}");
    }
}

/// Such a program has no handler of a signal, and without one musl does not let its waits end.
#[test]
fn nothing_is_queued_for_a_lock_of_musl_in_a_program_that_was_started_with_sigint_ignored() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/soak");
    let mut ignoring = Command::new("sh");
    ignoring
        .args(["-c", "trap '' INT; exec \"$0\" \"$@\""])
        .arg(script);
    for (_, done, refused, row) in rows_of(&mut ignoring, "3.13-musl", "lock,condition") {
        assert_eq!((done, refused), (0, 3), "{row}");
    }
}
