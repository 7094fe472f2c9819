//! Processes that are no Python, or become another one while they are looked at.

use crate::common::{Target, interpreter};
use crate::oracle::{compile, modules};
use pyunload::cpython::locate::LocateError;
use pyunload::pyobject::identify;
use pyunload::target::process::{Process, ProcessError};
use std::process::Command;
use tempfile::TempDir;

#[test]
fn programs_in_rust_and_c_are_no_python() {
    let own = modules(std::process::id() as i32);
    assert_eq!((own.code, own.cause()), (5, "not_python"), "{own:?}");
    let folder = TempDir::new().expect("a folder");
    let mut command = Command::new(compile("host", folder.path()));
    command.arg("ready");
    let target = Target::launch(command, folder);
    let answer = modules(target.pid());
    assert_eq!(
        (answer.code, answer.cause()),
        (5, "not_python"),
        "{answer:?}"
    );
}

#[test]
fn a_process_that_ends_while_it_is_looked_at_is_gone_or_was_read() {
    let Some(python) = interpreter("3.11") else {
        return;
    };
    for turn in 0..20 {
        let mut target = Target::start(&python, &crate::common::program("ending.py"), &[]);
        let process = Process::open(target.pid()).expect("it runs");
        let ender = std::thread::spawn(move || target.send("end"));
        let answer = (0..1000)
            .map(|_| identify::find(&process))
            .find_map(Result::err);
        ender.join().expect("no panic");
        match answer {
            None
            | Some(
                LocateError::NotInitialised { .. }
                | LocateError::NotPython { .. }
                | LocateError::Read(_)
                | LocateError::Process(ProcessError::NotFound { .. }),
            ) => {}
            Some(other) => panic!("turn {turn}: {other}"),
        }
    }
}

/// A program that starts itself anew for ever: every look is at some moment of a start.
#[test]
fn a_process_that_execs_for_ever_is_never_misread() {
    let text = "import os, sys\n\
                n = int(sys.argv[1])\n\
                n == 1 and os.write(1, b'READY\\n')\n\
                n < 400 and os.execv(sys.executable, [sys.executable, '-S', '-c', sys.argv[2], str(n + 1), sys.argv[2]])\n\
                os.read(0, 1)";
    for name in ["3.9", "3.11-debian"] {
        let Some(python) = interpreter(name) else {
            continue;
        };
        let mut command = Command::new(&python.program);
        command.args(["-S", "-c", text, "1", text]);
        let target = Target::launch(command, TempDir::new().expect("a folder"));
        let process = Process::open(target.pid()).expect("it runs");
        let mut read = 0;
        for _ in 0..300 {
            match identify::find(&process) {
                Ok(located) => {
                    assert_eq!(located.python.version.to_string(), python.version);
                    read += 1;
                }
                // Before its libraries are mapped it is not a Python; then it is not one yet.
                Err(
                    LocateError::NotPython { .. }
                    | LocateError::NotInitialised { .. }
                    | LocateError::Moving { .. },
                ) => {}
                Err(other) => panic!("{name}: {other}"),
            }
        }
        println!("{name}: read {read} times of 300");
        assert!(read > 0);
    }
}

#[test]
fn a_process_that_forks_for_ever_is_read_every_time() {
    let text = "import os\n\
                os.write(1, b'READY\\n')\n\
                while True:\n\
                \x20   pid = os.fork()\n\
                \x20   pid or os._exit(0)\n\
                \x20   os.waitpid(pid, 0)";
    for name in ["2.7", "3.12", "3.14-debian"] {
        let Some(python) = interpreter(name) else {
            continue;
        };
        let mut command = if python.root.as_os_str() == "/" {
            Command::new(&python.program)
        } else {
            let mut chroot = Command::new("chroot");
            chroot.arg(&python.root).arg(&python.program);
            chroot
        };
        command.args(["-c", text]);
        let target = Target::launch(command, TempDir::new().expect("a folder"));
        let process = Process::open(target.pid()).expect("it runs");
        for _ in 0..100 {
            let found = identify::find(&process).map(|located| located.python.version.minor_pair());
            assert_eq!(found.ok(), Some(python.minor()), "{name}");
        }
    }
}
