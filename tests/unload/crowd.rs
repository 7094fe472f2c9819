//! Eight threads import a package and call it without end while it is taken away, again and again: none of them ever
//! meets a part of it without the rest.

use crate::common::{Interpreter, Target, program};
use crate::{check, on_these, outcomes, unload, wait_for_loads};

/// How often it is unloaded from each interpreter; `PYUNLOAD_CROWD` says how often instead.
fn times() -> usize {
    let times = std::env::var("PYUNLOAD_CROWD");
    times.map_or(3, |times| times.parse().expect("a number"))
}

/// What became of the attempts.
#[derive(Debug, Default)]
struct Attempts {
    gone: usize,
    /// Somebody held it at every look, so that it was put back or not begun.
    in_use: usize,
}

fn unload_from_a_crowd(interpreter: &Interpreter) -> Result<(), String> {
    let mut target = Target::start(interpreter, &program("crowd.py"), &[]);
    let mut attempts = Attempts::default();
    let mut loads = 1;
    while attempts.gone < times() {
        let (document, code) = unload(&target, &["crowd", "--yes", "--limit", "30"]);
        let all = outcomes(&document);
        let are_all = |outcome: &str| !all.is_empty() && all.iter().all(|one| one.1 == outcome);
        match code {
            0 => {
                attempts.gone += 1;
                loads = wait_for_loads(&mut target, loads + 1)?;
            }
            1 if are_all("rolled_back") || are_all("unchanged") => attempts.in_use += 1,
            1 | 6 if is_busy(&document) => attempts.in_use += 1,
            _ => return Err(format!("exit code {code}: {document}")),
        }
        check(attempts.in_use <= 2 * times(), "never at rest", &document)?;
    }
    target.send("stop");
    let mut told = target.lines_until("DONE");
    println!(
        "{}: {attempts:?}, {loads} loads, {:?}",
        interpreter.name,
        told.last()
    );
    told.pop();
    match told.is_empty() {
        true => Ok(()),
        false => Err(told.join("\n")),
    }
}

fn is_busy(document: &serde_json::Value) -> bool {
    matches!(
        document["error"]["cause"].as_str(),
        Some("running" | "importing")
    )
}

#[test]
fn eight_threads_that_import_it_never_meet_half_of_it() {
    on_these(&["3.8", "3.11", "3.13", "3.14-debian"], unload_from_a_crowd);
}
