//! More than one Python in a process, and more than one interpreter in a Python.

use crate::common::{Interpreter, Target, interpreter, interpreters};
use crate::copies::{library_of, prefix};
use crate::oracle::{compile, modules};
use crate::phases::host;
use pyunload::pyobject::identify;
use pyunload::target::process::Process;
use std::process::Command;
use tempfile::TempDir;

/// The steps that load and start an interpreter of its own version.
fn steps(interpreter: &Interpreter, how: &str) -> [String; 3] {
    let library = library_of(interpreter).expect("a shared library");
    [
        format!("env:PYTHONHOME={}", prefix(interpreter).display()),
        format!("{how}:{}", library.display()),
        "init".into(),
    ]
}

#[test]
fn two_pythons_of_two_versions_are_refused_by_name() {
    for (one, two) in [("3.8", "3.11"), ("2.7", "3.9"), ("3.13", "3.6")] {
        let (Some(first), Some(second)) = (interpreter(one), interpreter(two)) else {
            continue;
        };
        let folder = TempDir::new().expect("a folder");
        let mut command = Command::new(compile("host", folder.path()));
        command.args(steps(&first, "open"));
        command.args(steps(&second, "open")).arg("ready");
        let target = Target::launch(command, folder);
        let answer = modules(target.pid());
        assert_eq!(
            (answer.code, answer.cause()),
            (6, "two_pythons"),
            "{answer:?}"
        );
        for interpreter in [first, second] {
            let library = library_of(&interpreter).expect("a shared library");
            assert!(
                answer.why().contains(library.to_str().expect("text")),
                "{answer:?}"
            );
        }
    }
}

#[test]
fn one_libpython_loaded_twice_is_two_pythons() {
    let Some(python) = interpreter("3.11") else {
        return;
    };
    let folder = TempDir::new().expect("a folder");
    let mut command = Command::new(compile("host", folder.path()));
    command.args(steps(&python, "open"));
    command.args(steps(&python, "again")).arg("ready");
    let target = Target::launch(command, folder);
    let answer = modules(target.pid());
    assert_eq!(
        (answer.code, answer.cause()),
        (6, "two_pythons"),
        "{answer:?}"
    );
}

#[test]
fn a_second_libpython_that_nobody_started_is_no_second_python() {
    let (Some(first), Some(second)) = (interpreter("3.10"), interpreter("3.12")) else {
        return;
    };
    let folder = TempDir::new().expect("a folder");
    let mut command = Command::new(compile("host", folder.path()));
    command.args(steps(&first, "open"));
    command.args(&steps(&second, "open")[..2]).arg("ready");
    let target = Target::launch(command, folder);
    let answer = modules(target.pid());
    assert_eq!(answer.code, 0, "{answer:?}");
    assert_eq!(answer.document["target"]["python"], first.version);
}

/// The numbers of the interpreters found, main first.
fn ids(target: &Target) -> Vec<i64> {
    let process = Process::open(target.pid()).expect("it runs");
    let located = identify::find(&process).expect("a Python");
    let interpreters = &located.python.interpreters;
    assert!(interpreters.iter().all(|one| one.modules.may_be_object()));
    interpreters.iter().map(|one| one.id).collect()
}

#[test]
fn sub_interpreters_of_an_embedding_program_are_listed_after_the_main_one() {
    for interpreter in interpreters() {
        if interpreter.build != "release" || library_of(&interpreter).is_none() {
            continue;
        }
        let steps = ["init", "sub", "sub", "ready"];
        let host = host(&interpreter, &steps).expect("it has a libpython");
        assert_eq!(ids(&host), [0, 1, 2], "{}", interpreter.name);
        let answer = modules(host.pid());
        assert_eq!(answer.document["target"]["interpreters"], 3, "{answer:?}");
        assert_eq!(answer.document["target"]["interpreter"], 0);
    }
}

#[test]
fn sub_interpreters_have_the_numbers_that_python_gives_them() {
    let text = "try:\n    import _interpreters as all\n\
                except ImportError:\n    import _xxsubinterpreters as all\n\
                import sys\n\
                one, two, three = [all.create() for _ in range(3)]\n\
                all.destroy(two)\n\
                listed = [one[0] if isinstance(one, tuple) else int(one) for one in all.list_all()]\n\
                print(sorted(listed))\nprint('READY')\nsys.stdout.flush()\nsys.stdin.readline()";
    for interpreter in interpreters() {
        if interpreter.minor() < (3, 8) || interpreter.build == "embed" {
            continue;
        }
        let folder = TempDir::new_in(interpreter.root.join("tmp")).expect("a folder");
        std::fs::write(folder.path().join("subs.py"), text).expect("written");
        let target = Target::start(&interpreter, &folder.path().join("subs.py"), &[]);
        let printed = target.printed().last().expect("a line");
        assert_eq!(
            format!("{:?}", ids(&target)),
            *printed,
            "{}",
            interpreter.name
        );
        assert_eq!(ids(&target).len(), 3, "{}", interpreter.name);
    }
}
