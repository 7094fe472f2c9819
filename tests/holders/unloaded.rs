//! One case for each holder: `unload` comes to what its plan says, and whoever is refused is not touched.

use crate::common::{Interpreter, Target, interpreters, program};
use serde_json::Value;
use std::process::Command;

/// Runs the tool: its document and exit code.
pub fn pyunload(arguments: &[&str]) -> Result<(Value, i32), String> {
    let output = Command::new(env!("CARGO_BIN_EXE_pyunload"))
        .args(arguments)
        // The machine that runs the tests may be busy: a stop may take its time.
        .args(["--json", "--max-stop", "5000"])
        .output()
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let document = serde_json::from_str(&text).map_err(|_| format!("{text}{errors}"))?;
    Ok((document, output.status.code().unwrap_or(-1)))
}

pub fn names_in(list: &Value) -> Vec<String> {
    let list = list.as_array().into_iter().flatten();
    list.map(|one| one.as_str().unwrap_or("?").to_owned())
        .collect()
}

/// What the target says to a line.
pub fn answer(target: &mut Target, line: &str) -> String {
    target.send(line);
    target.lines_until("DONE").join("")
}

/// How often a plan is made again that found a function running, as a profiling function nearly always does.
const LOOKS: usize = 40;

/// The plan. What is to go in the end may be in use at the moment of one look.
fn plan_of(command: &[&str], is_to_go: bool) -> Result<Value, String> {
    let mut looks = 1;
    loop {
        let (plan, _) = pyunload(command)?;
        let blockers = plan["plan"]["blockers"].as_array();
        let is_in_use = blockers.is_some_and(|all| {
            !all.is_empty() && all.iter().all(|blocker| blocker["kind"] == "frame")
        });
        if !is_to_go || !is_in_use || looks == LOOKS {
            return Ok(plan);
        }
        looks += 1;
    }
}

/// What the plan says and what became of it.
fn try_case(
    target: &mut Target,
    case: &str,
    more: &[&str],
    is_to_go: bool,
) -> Result<&'static str, String> {
    let name = answer(target, &format!("case {case}"));
    let before = answer(target, "state");
    answer(target, "spin");
    let pid = target.pid().to_string();
    let plan = plan_of(
        &[&["unload", &pid, &name, "--dry-run"], more].concat(),
        is_to_go,
    )?;
    let predicted = &plan["plan"]["predicted"];
    let verdict = plan["plan"]["verdict"].as_str().unwrap_or("?").to_owned();
    let is_open = matches!(&*verdict, "clean" | "remediable") || more.contains(&"--force");
    let will_go = is_open && names_in(&predicted["ghost"]).is_empty();
    let limit = ["--yes", "--limit", "3"];
    let (done, code) = pyunload(&[&["unload", &pid, &name], more, &limit[..]].concat())?;
    let outcome = done["outcomes"][0]["outcome"].as_str().unwrap_or("?");
    let seen = format!("predicted {predicted}, verdict {verdict}, {done}");
    if will_go {
        let left = answer(target, "left");
        return match (outcome, code, &*left) {
            ("gone", 0, "-") => Ok("gone"),
            ("gone_name_only", 0, "-") => Ok("gone, but for its name"),
            _ => Err(format!("exit code {code}, {left} is left: {seen}")),
        };
    }
    let after = answer(target, "state");
    let is_as_before = before == after;
    if is_as_before {
        answer(target, "drop");
    }
    match (outcome, code) {
        _ if !is_as_before => Err(format!("it was {before} and is {after}: {seen}")),
        ("unchanged", 1) => Ok("refused"),
        // Whoever runs is waited for; whoever only keeps it in a frame is found by the proof.
        _ if done["error"]["cause"] == "running" && code == 1 => Ok("in use"),
        ("rolled_back", 1) => Ok("in use"),
        _ => Err(format!("exit code {code}: {seen}")),
    }
}

/// The cases that are refused, and stay refused when names may be deleted.
const REFUSED: &[&str] = &[
    "a bound method",
    "a call that a loop has to make",
    "a class that registers itself",
    "a ctypes callback",
    "a fork hook",
    "a partial",
    "a pending task",
    "a registry of subclasses",
    "a subclass elsewhere",
    "a value of another thread",
    "a variable of another context",
    "a weakref callback",
    "a wrapper made by its decorator",
    // The interpreter gives no way to empty it.
    "the cache of codecs",
    "a wrapper that looks like what it wraps",
    "an audit hook",
    "an exception that is stored",
    "an exit handler that nobody kept",
    "an instance",
    "instances in a list",
    "its dict",
];

/// The cases that need `--references`.
const REFERENCES: &[&str] = &[
    "a class imported from it",
    "a class without methods imported from it",
    "a function imported from it",
    "an attribute set on a foreign class",
    "an attribute set on a foreign module",
    "an attribute set on builtins",
    "imported by another module",
];

/// The cases in which a table of the standard library keeps its name, or its file.
const NAMED: &[&str] = &["a logger of its name", "lines in linecache"];

/// The cases in which something would have to be ended, which needs `--force`.
const BY_FORCE: &[&str] = &[
    "a suspended coroutine",
    "a suspended generator",
    "a task that only its loop knows",
    "a timer",
    "an executor with an initializer",
];

/// The cases in which something that runs has it.
const IN_USE: &[&str] = &["a running thread"];

/// Where the program keeps the function besides: the exit handler goes, that reference does not.
const HELD_BESIDES: &str = "an exit handler";

/// `codecs.unregister` came with 3.10.
const FROM_3_10: &str = "a codec search function";

fn is_refused(case: &str, minor: (u8, u8)) -> bool {
    REFUSED.contains(&case) || case == HELD_BESIDES || case == FROM_3_10 && minor < (3, 10)
}

/// By default each version has its share of the cases; `PYUNLOAD_THOROUGH` gives all to all, `PYUNLOAD_CASE` one.
fn chosen<'n>(names: &'n [String], interpreter: &Interpreter) -> Vec<&'n String> {
    let only = std::env::var("PYUNLOAD_CASE").ok();
    let is_thorough = std::env::var_os("PYUNLOAD_THOROUGH").is_some();
    let place = VERSIONS.iter().position(|name| *name == interpreter.name);
    let is_chosen = |(index, case): &(usize, &String)| match &only {
        Some(only) => case.contains(&**only),
        None => is_thorough || place == Some(index % VERSIONS.len()),
    };
    let chosen = names.iter().enumerate().filter(is_chosen);
    chosen.map(|(_, case)| case).collect()
}

fn try_all(interpreter: &Interpreter) -> Vec<String> {
    let mut target = Target::start(interpreter, &program("holders.py"), &[]);
    target.send("cases");
    let names = target.lines_until("DONE");
    let mut failures = Vec::new();
    for case in chosen(&names, interpreter) {
        let mut want = |more: &[&str], wanted: &str| {
            let is_to_go = wanted.starts_with("gone") && more.is_empty();
            let seen = try_case(&mut target, case, more, is_to_go);
            // What runs just now the plan may see already, or only the program inside: nothing is done either way.
            let is_told_before = wanted == "in use" && seen.as_deref() == Ok("refused");
            if seen.as_deref() != Ok(wanted) && !is_told_before {
                let text = format!(
                    "{} {case} {more:?}: wanted {wanted}: {seen:?}",
                    interpreter.name
                );
                eprintln!("{text}");
                failures.push(text);
            }
        };
        let is_refused = is_refused(case, interpreter.minor());
        if IN_USE.contains(&case.as_str()) {
            want(&[], "in use");
        } else if BY_FORCE.contains(&case.as_str()) {
            want(&[], "in use");
            want(&["--force"], "gone");
        } else if REFERENCES.contains(&case.as_str()) {
            want(&[], "refused");
            want(&["--references"], "gone");
        } else {
            let gone = match NAMED.contains(&case.as_str()) {
                true => "gone, but for its name",
                false => "gone",
            };
            want(&[], if is_refused { "refused" } else { gone });
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

/// The versions with cases for all holders.
const VERSIONS: [&str; 4] = ["3.8", "3.11", "3.13", "3.14-debian"];

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
    every_holder_is_made_to_let_go_or_refused_on_3_8: "3.8",
    every_holder_is_made_to_let_go_or_refused_on_3_11: "3.11",
    every_holder_is_made_to_let_go_or_refused_on_3_13: "3.13",
    every_holder_is_made_to_let_go_or_refused_on_3_14: "3.14-debian",
}
