//! An unload that cannot be carried through, or whose tool is killed in the middle, leaves everything as it
//! was: shown by the identity and order of whatever it may touch.

use crate::common::{Target, interpreter, program};
use crate::unloaded::{answer, pyunload};
use std::process::{Command, Output};

/// The cases of which something is taken away in each way: rows of dicts and lists, replaced names, calls.
const CASES: &[&str] = &[
    "a collector callback",
    "a finder in meta path",
    "a logging handler",
    "a signal handler",
    "a singledispatch elsewhere",
    "a sqlite3 adapter",
    "a tracing function of threading",
    "a warnings filter",
    "an error handler of codecs",
    "copyreg",
    "overloads",
    "the exception hook",
];

fn start(version: &str) -> Option<Target> {
    let interpreter = interpreter(version)?;
    Some(Target::start(&interpreter, &program("holders.py"), &[]))
}

fn drive(target: &Target, name: &str, what: &str) -> Output {
    let ourselves = std::env::current_exe().expect("a test has a path");
    let folder = ourselves.parent().and_then(|deps| deps.parent());
    Command::new(
        folder
            .expect("a target folder")
            .join("examples/unload_driver"),
    )
    .args([&target.pid().to_string(), name, what])
    .output()
    .expect("cargo build --example unload_driver")
}

#[test]
fn a_holder_that_appears_after_the_plan_has_everything_put_back() {
    for version in ["3.8", "3.11", "3.13", "3.14-debian"] {
        let Some(mut target) = start(version) else {
            continue;
        };
        for case in CASES
            .iter()
            .filter(|case| **case != "overloads" || version != "3.8")
        {
            let name = answer(&mut target, &format!("case {case}"));
            let before = answer(&mut target, "state");
            answer(&mut target, "spin");
            let output = drive(&target, &name, "take");
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            let after = answer(&mut target, "state");
            assert!(
                said.starts_with("RolledBack "),
                "{version} {case}: {output:?}"
            );
            assert!(
                !said.ends_with(" 0\n"),
                "{version} {case}: nobody is named: {said}"
            );
            assert_eq!(before, after, "{version} {case}");
            answer(&mut target, "drop");
        }
    }
}

#[test]
fn a_remedy_that_raises_has_everything_put_back() {
    for version in ["3.8", "3.11", "3.13", "3.14-debian"] {
        let Some(mut target) = start(version) else {
            continue;
        };
        answer(&mut target, "case nothing");
        answer(&mut target, "drop");
        for case in ["typing caches", "a signal handler"] {
            let name = answer(&mut target, &format!("case {case}"));
            answer(&mut target, &format!("spoil {case}"));
            let before = answer(&mut target, "state");
            answer(&mut target, "spin");
            let pid = target.pid().to_string();
            let (document, code) = pyunload(&["unload", &pid, &name, "--yes"]).expect("a document");
            let after = answer(&mut target, "state");
            let cause = &document["error"]["cause"];
            assert!(
                code == 1 && cause == "remedy_raised",
                "{version} {case}: {document}"
            );
            assert_eq!(before, after, "{version} {case}");
            if case == "typing caches" {
                answer(&mut target, "drop");
            }
        }
    }
}

#[test]
fn what_a_killed_unload_took_away_is_put_back_by_the_next() {
    for version in ["3.8", "3.11", "3.13", "3.14-debian"] {
        let Some(mut target) = start(version) else {
            continue;
        };
        for case in ["a finder in meta path", "a logging handler"] {
            let name = answer(&mut target, &format!("case {case}"));
            let before = answer(&mut target, "state");
            answer(&mut target, "spin");
            let pid = target.pid().to_string();
            let killed = drive(&target, &name, "kill");
            assert_eq!(killed.status.code(), None, "it was not killed: {killed:?}");
            let between = answer(&mut target, "state");
            assert_ne!(
                before, between,
                "{version} {case}: it had taken nothing away"
            );
            // An unload of something else finds the record first; twice does no more.
            for _ in 0..2 {
                answer(&mut target, "spin");
                let other = ["unload", &pid, "other.that.is.not.there", "--yes"];
                pyunload(&other).expect("a document");
                let after = answer(&mut target, "state");
                assert_eq!(before, after, "{version} {case}");
            }
            answer(&mut target, "spin");
            let (document, code) = pyunload(&["unload", &pid, &name, "--yes"]).expect("a document");
            assert_eq!(code, 0, "{version} {case}: {document}");
            assert_eq!(answer(&mut target, "left"), "-", "{version} {case}");
        }
    }
}
