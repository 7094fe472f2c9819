//! What is no CPython that can be read: for each the exit code, the cause and the remedy.

use crate::common::interpreter;
use crate::run::{Started, run, until};
use serde_json::Value;
use snapbox::{assert_data_eq, str};
use std::process::{Command, Stdio};

/// What `modules --json` says of a pid, after checking that the text says the same.
fn failure_of(pid: &str) -> (i32, Value) {
    let text = run(&["modules", pid]);
    let ended = run(&["modules", pid, "--json"]);
    let error = ended.document()["error"].clone();
    assert_eq!(error["code"], ended.code);
    assert_eq!(text.code, ended.code, "{text:?}");
    assert_eq!(text.stdout, "");
    assert_eq!(text.stderr.lines().count(), 2, "{text:?}");
    for field in ["why", "help"] {
        let words = error[field].as_str().unwrap_or_default();
        assert!(!words.is_empty() && text.stderr.contains(words), "{field}");
    }
    (ended.code, error)
}

#[test]
fn a_program_that_is_no_python_is_told_so() {
    let sleep = Started::new(Command::new("sleep").arg("1000"));
    let comm = format!("/proc/{}/comm", sleep.pid());
    until("sleep runs", || {
        std::fs::read_to_string(&comm).is_ok_and(|name| name == "sleep\n")
    });
    let (code, error) = failure_of(&sleep.pid_text());
    assert_eq!((code, &error["cause"]), (5, &"not_python".into()));
    assert_data_eq!(
        run(&["modules", &sleep.pid_text()]).stderr,
        str![[r#"
error: cannot look at [..]: process [..] is not a CPython
  help  choose a Python process: pyunload ps

"#]]
    );
}

#[test]
fn a_kernel_thread_has_no_memory_to_look_at() {
    let is_kernel_thread = |pid: i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let behind_name = stat.rsplit(')').next().unwrap_or_default();
        let flags = behind_name.split_whitespace().nth(6);
        flags
            .and_then(|flags| flags.parse::<u32>().ok())
            .unwrap_or(0)
            & 0x0020_0000
            != 0
    };
    let Some(pid) = (1..400).find(|&pid| is_kernel_thread(pid)) else {
        println!("no kernel thread is shown here: not tested");
        return;
    };
    let (code, error) = failure_of(&pid.to_string());
    assert_eq!((code, &error["cause"]), (5, &"kernel_thread".into()));
}

#[test]
fn a_zombie_has_ended() {
    let child = Started::new(&mut Command::new("true"));
    let stat = format!("/proc/{}/stat", child.pid());
    until("true has ended", || {
        std::fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") Z "))
    });
    let (code, error) = failure_of(&child.pid_text());
    assert_eq!((code, &error["cause"]), (3, &"ended".into()));
}

#[test]
fn a_process_that_has_vanished_is_not_there() {
    let mut child = Started::new(&mut Command::new("true"));
    child.0.wait().expect("our child");
    let (code, error) = failure_of(&child.pid_text());
    assert_eq!((code, &error["cause"]), (3, &"no_such_process".into()));
}

#[test]
fn a_thread_is_not_a_process_and_its_process_is_named() {
    let Some(python) = interpreter("3.11") else {
        return;
    };
    let source = "import threading, time\n\
                  t = threading.Thread(target=time.sleep, args=(1000,), daemon=True)\n\
                  t.start()\nprint('READY', flush=True)\ntime.sleep(1000)";
    let target = Started::ready(Command::new(&python.program).args(["-c", source]));
    let tasks = std::fs::read_dir(format!("/proc/{}/task", target.pid())).expect("it runs");
    let thread = tasks
        .filter_map(|task| task.ok()?.file_name().into_string().ok())
        .find(|thread| *thread != target.pid_text())
        .expect("two threads");
    let ended = run(&["modules", &thread]);
    assert_eq!(ended.code, 3);
    assert!(
        ended.stderr.contains(&target.pid_text()),
        "{}",
        ended.stderr
    );
}

/// A libpython in a process that never calls it: as an embedding program before Py_Initialize.
#[test]
fn a_python_before_its_initialisation_is_told_so() {
    for (name, library) in [
        ("3.8", "lib/libpython3.8.so.1.0"),
        ("3.11", "lib/libpython3.11.so.1.0"),
        ("3.13", "lib/libpython3.13.so.1.0"),
    ] {
        let Some(python) = interpreter(name) else {
            continue;
        };
        let prefix = python.program.parent().and_then(|bin| bin.parent());
        let library = prefix.expect("a prefix").join(library);
        let sleep = Started::new(
            Command::new("sleep")
                .arg("1000")
                .env("LD_PRELOAD", &library),
        );
        let syscall = format!("/proc/{}/syscall", sleep.pid());
        until("sleep sleeps", || {
            // clock_nanosleep: everything is loaded.
            std::fs::read_to_string(&syscall).is_ok_and(|call| call.starts_with("230 "))
        });
        let (code, error) = failure_of(&sleep.pid_text());
        let found = (code, &error["cause"]);
        assert_eq!(found, (6, &"not_initialised".into()), "{name}: {error}");
    }
}

/// The C library's exit handlers run after Py_Finalize; the last one here waits for ever.
#[test]
fn a_python_after_its_finalisation_is_told_so() {
    let source = "import ctypes\n\
        c = ctypes.CDLL(None)\n\
        c.strdup.restype = ctypes.c_void_p\n\
        add = c.__cxa_atexit\n\
        add.argtypes = [ctypes.c_void_p] * 3\n\
        at = lambda f: ctypes.cast(f, ctypes.c_void_p)\n\
        add(at(c.pause), None, None)\n\
        add(at(c.fflush), None, None)\n\
        add(at(c.puts), c.strdup(b'READY'), None)\n";
    for name in ["2.7", "3.8", "3.11", "3.12", "3.13", "3.11-debian"] {
        let Some(python) = interpreter(name) else {
            continue;
        };
        let target = Started::ready(Command::new(&python.program).args(["-c", source]));
        let (code, error) = failure_of(&target.pid_text());
        let found = (code, &error["cause"]);
        assert_eq!(found, (6, &"not_initialised".into()), "{name}: {error}");
    }
}

#[test]
fn an_interpreter_that_is_not_there_is_a_wrong_usage() {
    let Some(python) = interpreter("3.11") else {
        return;
    };
    let source = "print('READY', flush=True); import time; time.sleep(1000)";
    let target = Started::ready(Command::new(&python.program).args(["-c", source]));
    let ended = run(&["modules", &target.pid_text(), "--interpreter", "7"]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("it has: 0"), "{}", ended.stderr);
}

#[test]
fn a_closed_pipe_is_no_error() {
    let Some(python) = interpreter("3.11") else {
        return;
    };
    let source = "print('READY', flush=True); import time; time.sleep(1000)";
    let target = Started::ready(Command::new(&python.program).args(["-c", source]));
    let mut command = crate::run::pyunload();
    let mut child = command
        .args(["modules", &target.pid_text(), "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("the program ends");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
