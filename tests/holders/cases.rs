//! One case for each holder: what is said of it, and what then really is left.

use crate::common::{Interpreter, Target, interpreters, program};
use crate::seen::look_at;
use std::collections::BTreeSet;

/// Where they are tried: releases, old and new.
const TRIED: [&str; 7] = [
    "2.7",
    "3.6",
    "3.8",
    "3.11",
    "3.13",
    "3.14-debian",
    "3.15-debian",
];

/// A case of `tests/targets/holders.py`, and the roots that it has.
struct Case {
    name: &'static str,
    roots: &'static [&'static str],
}

const fn case(name: &'static str, roots: &'static [&'static str]) -> Case {
    Case { name, roots }
}

const CASES: &[Case] = &[case("nothing", &[])];

/// What is wrong with one case.
fn try_case(target: &mut Target, case: &Case) -> Result<(), String> {
    target.send(&format!("case {}", case.name));
    let name = target.lines_until("DONE").join("");
    let seen = look_at(target.pid(), &name)?;
    target.send("drop");
    let left = target.lines_until("DONE").join("");
    let wanted: BTreeSet<String> = case.roots.iter().map(|&root| root.to_owned()).collect();
    let mut wrong = Vec::new();
    if seen.roots != wanted {
        wrong.push(format!(
            "roots {:?}\n    {}",
            seen.roots,
            seen.ways.join("\n    ")
        ));
    }
    if seen.left != left {
        wrong.push(format!("predicted {} and {left} was left", seen.left));
    }
    if seen.is_cut {
        wrong.push("cut short".into());
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(wrong.join("; ")),
    }
}

fn try_all(interpreter: &Interpreter) -> Vec<String> {
    let mut target = Target::start(interpreter, &program("holders.py"), &[]);
    target.send("cases");
    let names = target.lines_until("DONE");
    let mut failures = Vec::new();
    for name in names {
        let known = CASES.iter().find(|case| case.name == name);
        let unknown = Case {
            name: Box::leak(name.clone().into_boxed_str()),
            roots: &[],
        };
        if let Err(wrong) = try_case(&mut target, known.unwrap_or(&unknown)) {
            failures.push(format!("{} {name}: {wrong}", interpreter.name));
        }
    }
    failures
}

#[test]
fn every_holder_is_named_and_what_is_left_is_predicted() {
    let interpreters = interpreters();
    let tried = interpreters
        .iter()
        .filter(|interpreter| TRIED.contains(&&*interpreter.name));
    let failures: Vec<String> = tried.flat_map(try_all).collect();
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}
