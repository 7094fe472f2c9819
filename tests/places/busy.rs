//! Targets that change what is looked at, as fast as they can.

use crate::common::{Interpreter, Target, interpreters};
use pyunload::pyobject::identify;
use pyunload::target::process::Process;
use std::fs;
use tempfile::TempDir;

const LOOKS: usize = 100;

/// Looks at a program, which runs on, in every interpreter.
fn look_at(program: &str, only: impl Fn(&Interpreter) -> bool) {
    for interpreter in interpreters()
        .iter()
        .filter(|interpreter| only(interpreter))
    {
        let folder = TempDir::new_in(interpreter.root.join("tmp")).expect("a folder");
        let file = folder.path().join("busy.py");
        fs::write(&file, program).expect("written");
        let mut target = Target::start(interpreter, &file, &[]);
        let process = Process::open(target.pid()).expect("it runs");
        for look in 0..LOOKS {
            let found = identify::find(&process).unwrap_or_else(|error| {
                panic!("{}, look {look}: {error}", interpreter.name);
            });
            let python = found.python;
            assert_eq!(python.version.minor_pair(), interpreter.minor());
            assert_eq!(python.main().id, 0);
            assert!(!python.finalizing, "{}", interpreter.name);
        }
        assert!(target.is_alive(), "{}", interpreter.name);
    }
}

#[test]
fn a_collector_that_never_rests_hides_nothing() {
    let program = "import gc, os\n\
                   kept = [[i] for i in range(200000)]\n\
                   os.write(1, b'READY\\n')\n\
                   while True:\n\
                   \x20   gc.collect()\n";
    look_at(program, |_| true);
}

#[test]
fn threads_that_come_and_go_hide_nothing() {
    let program = "import os, threading\n\
                   os.write(1, b'READY\\n')\n\
                   while True:\n\
                   \x20   some = [threading.Thread(target=len, args=('',)) for _ in range(4)]\n\
                   \x20   [thread.start() for thread in some]\n\
                   \x20   [thread.join() for thread in some]\n";
    look_at(program, |_| true);
}

#[test]
fn sub_interpreters_that_come_and_go_hide_nothing() {
    let program = "import os\n\
                   try:\n    import _interpreters as all\n\
                   except ImportError:\n    import _xxsubinterpreters as all\n\
                   os.write(1, b'READY\\n')\n\
                   while True:\n\
                   \x20   all.destroy(all.create())\n";
    look_at(program, |interpreter| {
        interpreter.minor() >= (3, 8) && interpreter.build != "embed"
    });
}
