//! Before `Py_Initialize`, after `Py_Finalize`, and within it.

use crate::common::{Interpreter, Target, interpreters, on_every_interpreter, program};
use crate::copies::{copy, library_of, prefix};
use crate::oracle::{compile, modules, must};
use pyunload::cpython::locate::LocateError;
use pyunload::cpython::phase::Phase;
use pyunload::pyobject::identify;
use pyunload::target::process::Process;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// A host in the root of an interpreter, which does these steps about its libpython.
pub fn host(interpreter: &Interpreter, steps: &[&str]) -> Option<Target> {
    let library = library_of(interpreter)?;
    let folder = TempDir::new_in(interpreter.root.join("tmp")).expect("a folder");
    let built = compile("host", folder.path());
    let mut command = if interpreter.root == Path::new("/") {
        Command::new(built)
    } else {
        let mut chroot = Command::new("chroot");
        let inside = built.strip_prefix(&interpreter.root).expect("below it");
        chroot
            .arg(&interpreter.root)
            .arg(Path::new("/").join(inside));
        chroot
    };
    command.env("PYTHONHOME", prefix(interpreter));
    command
        .arg(format!("open:{}", library.display()))
        .args(steps);
    Some(Target::launch(command, folder))
}

/// The interpreters that have a libpython to embed.
fn embeddable() -> impl Iterator<Item = Interpreter> {
    let release = |interpreter: &Interpreter| interpreter.build == "release";
    let all = interpreters().into_iter();
    all.filter(move |interpreter| release(interpreter) && library_of(interpreter).is_some())
}

fn phase_of(target: &Target) -> Result<bool, Phase> {
    let process = Process::open(target.pid()).expect("it runs");
    match identify::find(&process) {
        Ok(located) => Ok(located.python.finalizing),
        Err(LocateError::NotInitialised { when, .. }) => Err(when),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_runtime_is_told_apart_before_during_and_after_its_life() {
    let mut seen = 0;
    for interpreter in embeddable() {
        let name = &interpreter.name;
        let steps = ["ready", "init", "ready", "final", "ready", "init", "ready"];
        let mut host = host(&interpreter, &steps).expect("it has a libpython");
        assert_eq!(phase_of(&host), Err(Phase::Before), "{name}");
        let answer = modules(host.pid());
        assert_eq!(
            (answer.code, answer.cause()),
            (6, "not_initialised"),
            "{name}"
        );
        assert!(
            answer.why().contains("not been initialised yet"),
            "{answer:?}"
        );

        go_on(&mut host);
        assert_eq!(phase_of(&host), Ok(false), "{name}");
        assert_eq!(modules(host.pid()).code, 0, "{name}");

        go_on(&mut host);
        assert_eq!(phase_of(&host), Err(Phase::After), "{name}");
        let answer = modules(host.pid());
        assert_eq!(
            (answer.code, answer.cause()),
            (6, "not_initialised"),
            "{name}"
        );
        assert!(answer.why().contains("has been finalised"), "{answer:?}");

        go_on(&mut host);
        assert_eq!(phase_of(&host), Ok(false), "{name}, a second time");
        seen += 1;
    }
    println!("{seen} libraries");
}

/// Without symbols 2.7 and 3.6 show neither their list of interpreters nor a runtime.
#[test]
fn an_old_runtime_without_symbols_is_told_apart_too() {
    for name in ["2.7", "3.6"] {
        let Some(copy) = copy(name) else {
            continue;
        };
        must(Command::new("strip").arg(copy.runtime()));
        let folder = TempDir::new().expect("a folder");
        let mut command = Command::new(compile("host", folder.path()));
        command.env("PYTHONHOME", &copy.home);
        command.arg(format!("open:{}", copy.runtime().display()));
        command.args(["ready", "init", "ready", "final", "ready"]);
        let mut host = Target::launch(command, folder);
        assert_eq!(phase_of(&host), Err(Phase::Before), "{name}");
        go_on(&mut host);
        assert_eq!(phase_of(&host), Ok(false), "{name}");
        go_on(&mut host);
        assert_eq!(phase_of(&host), Err(Phase::After), "{name}");
    }
}

fn go_on(host: &mut Target) {
    host.send("on");
    host.lines_until("READY");
}

/// A destructor that runs while modules are taken apart waits for ever.
#[test]
fn a_python_that_is_being_finalised_is_told_so() {
    on_every_interpreter(|interpreter| {
        let target = Target::start(interpreter, &program("ending.py"), &[]);
        let answer = modules(target.pid());
        let warnings = &answer.document["warnings"];
        if !answer.why().contains("being finalised")
            && !warnings.to_string().contains("being finalised")
        {
            return Err(format!("nothing is said: {}", answer.document));
        }
        let process = Process::open(target.pid()).map_err(|error| error.to_string())?;
        match identify::find(&process) {
            Ok(located) if located.python.finalizing => Ok(()),
            Ok(_) => Err("it counts as running".into()),
            Err(LocateError::NotInitialised {
                when: Phase::Ending,
                ..
            }) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    });
}
