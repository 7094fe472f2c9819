//! One case for each holder: what is said of it, and what then really is left.

use crate::common::{Interpreter, Target, interpreters, program};
use crate::extension::Extension;
use crate::seen::look_at;
use crate::table::{Case, find_case};
use std::collections::BTreeSet;

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
    if seen.is_mapped != is_mapped(target.pid(), &name) {
        wrong.push(format!("its library stays mapped: said {}", seen.is_mapped));
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(wrong.join("; ")),
    }
}

/// Whether a shared library of the module is mapped.
fn is_mapped(pid: i32, module: &str) -> bool {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).expect("it runs");
    maps.contains(&format!("/{}.so\n", module.replace('.', "/")))
}

fn try_all(interpreter: &Interpreter) -> Vec<String> {
    let extension = Extension::build(interpreter);
    let mut target = Target::start(interpreter, &program("holders.py"), &[extension.seen()]);
    target.send("cases");
    let names = target.lines_until("DONE");
    let only = std::env::var("PYUNLOAD_CASE").ok();
    let is_chosen = |case: &String| only.as_ref().is_none_or(|only| case.contains(&**only));
    let mut failures = Vec::new();
    for name in names.into_iter().filter(is_chosen) {
        let Some(case) = find_case(&name, interpreter.minor()) else {
            failures.push(format!("{name}: not in the table"));
            continue;
        };
        if let Err(wrong) = try_case(&mut target, case) {
            eprintln!("{} {name}: {wrong}", interpreter.name);
            failures.push(format!("{} {name}: {wrong}", interpreter.name));
        }
    }
    failures
}

fn try_on(name: &str) {
    let all = interpreters();
    let failures: Vec<String> = all
        .iter()
        .filter(|interpreter| interpreter.name == name)
        .flat_map(try_all)
        .collect();
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

/// One test for each version, so that they run at the same time.
macro_rules! versions {
    ($($test:ident: $name:literal,)*) => {
        $(#[test]
        fn $test() {
            try_on($name);
        })*
    };
}

versions! {
    every_holder_is_named_and_what_is_left_is_predicted_on_2_7: "2.7",
    every_holder_is_named_and_what_is_left_is_predicted_on_3_6: "3.6",
    every_holder_is_named_and_what_is_left_is_predicted_on_3_8: "3.8",
    every_holder_is_named_and_what_is_left_is_predicted_on_3_11: "3.11",
    every_holder_is_named_and_what_is_left_is_predicted_on_3_13: "3.13",
    every_holder_is_named_and_what_is_left_is_predicted_on_3_14: "3.14-debian",
    every_holder_is_named_and_what_is_left_is_predicted_on_3_15: "3.15-debian",
}
