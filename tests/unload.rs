//! `pyunload unload` on real processes: what it says is checked against what the process itself is
//! like afterwards.

mod common;
#[path = "unload/crowd.rs"]
mod crowd;
#[path = "unload/group.rs"]
mod group;
#[path = "inject/health.rs"]
mod health;

use common::{Interpreter, Target, interpreter, program};
use pyunload::target::process::Process;
use pyunload::target::threads::{Thread, thread_ids};
use serde_json::Value;
use std::fs;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// The interpreters on which this version unloads.
const CHANGEABLE: [&str; 7] = ["3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13"];

/// How often each interpreter is unloaded from in the soak.
fn rounds() -> usize {
    let rounds = std::env::var("PYUNLOAD_SOAK");
    rounds.map_or(20, |rounds| rounds.parse().expect("a number"))
}

fn pyunload(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pyunload"))
        .args(arguments)
        .output()
        .expect("it starts")
}

/// The document and the exit code of an unload.
fn unload(target: &Target, more: &[&str]) -> (Value, i32) {
    let pid = target.pid().to_string();
    // The machine that runs the tests may be busy: a stop may take its time.
    let patient = ["--max-stop", "2000"];
    let output = pyunload(&[&["unload", &pid, "--json"], &patient[..], more].concat());
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let document = serde_json::from_str(&text).unwrap_or_else(|error| {
        panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr))
    });
    (document, output.status.code().expect("an exit code"))
}

fn on_changeable(test: impl Fn(&Interpreter) -> Result<(), String>) {
    on_these(&CHANGEABLE, test);
}

fn on_these(names: &[&str], test: impl Fn(&Interpreter) -> Result<(), String>) {
    let chosen = std::env::var("PYUNLOAD_ONLY").ok();
    let is_chosen = |name: &str| {
        chosen
            .as_ref()
            .is_none_or(|only| only.split(',').any(|one| one == name))
    };
    let failures: Vec<String> = names
        .iter()
        .filter(|name| is_chosen(name))
        .filter_map(|name| interpreter(name))
        .filter_map(|interpreter| {
            let failure = test(&interpreter).err()?;
            Some(format!("{}: {failure}", interpreter.name))
        })
        .collect();
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

fn start(interpreter: &Interpreter, arguments: &[&str]) -> Target {
    Target::start(interpreter, &program("plugins.py"), arguments)
}

fn check(condition: bool, what: &str, seen: &Value) -> Result<(), String> {
    if condition {
        Ok(())
    } else {
        Err(format!("{what}: {seen}"))
    }
}

fn outcomes(document: &Value) -> Vec<(&str, &str)> {
    document["outcomes"]
        .as_array()
        .map(|rows| {
            rows.iter()
                .map(|row| {
                    let text = |field: &str| row[field].as_str().unwrap_or("?");
                    (text("name"), text("outcome"))
                })
                .collect()
        })
        .unwrap_or_default()
}

/// Ends the target and asks whether all it computed was right.
fn stop(mut target: Target) -> Result<(), String> {
    if !target.is_alive() {
        return Err("the target has ended".into());
    }
    target.send("stop");
    let line = target.line();
    let ended_well = target.finish();
    if line == "wrong 0" && ended_well {
        Ok(())
    } else {
        Err(format!("the target says {line}, ended well: {ended_well}"))
    }
}

/// What must be the same after as before: executable mappings, threads, nobody tracing.
fn shape(target: &Target) -> (Vec<String>, usize, String) {
    let read = |file: &str| {
        fs::read_to_string(format!("/proc/{}/{file}", target.pid())).expect("the target runs")
    };
    let executable = read("maps")
        .lines()
        .filter(|line| line.contains("r-xp") || line.contains("rwxp"))
        .map(String::from)
        .collect();
    let threads = fs::read_dir(format!("/proc/{}/task", target.pid())).expect("the target runs");
    let tracer = read("status")
        .lines()
        .find(|line| line.starts_with("TracerPid"))
        .map(String::from);
    (executable, threads.count(), tracer.unwrap_or_default())
}

fn a_package_goes_and_is_proven_gone(interpreter: &Interpreter) -> Result<(), String> {
    let target = start(interpreter, &[]);
    let before = shape(&target);
    let (document, code) = unload(&target, &["plug", "--yes"]);
    let expected = [
        ("plug", "gone"),
        ("plug.core", "gone"),
        ("plug.deep", "gone"),
        ("plug.deep.leaf", "gone"),
    ];
    check(
        outcomes(&document) == expected && code == 0,
        "outcomes",
        &document,
    )?;
    check(document["proof"]["complete"] == true, "no proof", &document)?;
    check(
        document["consistency"] == "paused",
        "consistency",
        &document,
    )?;
    let after = shape(&target);
    if before != after {
        return Err(format!("it looked {before:?} and looks {after:?}"));
    }
    let pid = target.pid().to_string();
    let modules = pyunload(&["modules", &pid, "plug*", "--json"]);
    let modules: Value = serde_json::from_slice(&modules.stdout).map_err(|e| e.to_string())?;
    check(
        modules["modules"] == serde_json::json!([]),
        "keys are left",
        &modules,
    )?;
    let (again, code) = unload(&target, &["plug", "--yes"]);
    check(
        again["error"]["cause"] == "not_loaded" && code == 1,
        "again",
        &again,
    )?;
    stop(target)
}

#[test]
fn a_package_is_unloaded_and_proven_gone() {
    on_changeable(a_package_goes_and_is_proven_gone);
}

fn an_instance_makes_a_ghost(interpreter: &Interpreter) -> Result<(), String> {
    let mut target = start(interpreter, &[]);
    target.send("keep");
    target.send("loads");
    target.line();
    let (document, code) = unload(&target, &["plug", "--yes"]);
    let is_unchanged = outcomes(&document).iter().all(|one| one.1 == "unchanged");
    let blockers = document["plan"]["blockers"].as_array().expect("a list");
    let is_told = blockers.iter().any(|one| one["kind"] == "instance");
    let is_told = is_told && document["injection"].is_null();
    check(is_unchanged && is_told && code == 1, "soft", &document)?;
    let (document, code) = unload(&target, &["plug", "--yes", "--force"]);
    let outcomes = outcomes(&document);
    check(
        outcomes[1] == ("plug.core", "ghost") && code == 1,
        "outcome",
        &document,
    )?;
    // Its namespace holds the module under a name of its own.
    let left = &document["outcomes"][1]["left"];
    check(left["globals"] == 1 && left["modules"] == 1, "left", left)?;
    check(
        left["class_names"] == serde_json::json!(["Held"]),
        "classes",
        left,
    )?;
    stop(target)
}

#[test]
fn an_instance_that_is_kept_makes_a_ghost_and_no_more() {
    on_changeable(an_instance_makes_a_ghost);
}

fn a_dry_run_touches_nothing(interpreter: &Interpreter) -> Result<(), String> {
    let target = start(interpreter, &[]);
    let (document, code) = unload(&target, &["plug.deep", "--dry-run"]);
    let remove = &document["plan"]["remove"];
    let keys = serde_json::json!(["plug.deep.leaf", "plug.deep"]);
    check(remove["keys"] == keys && code == 0, "keys", &document)?;
    let attributes = serde_json::json!(["plug.deep"]);
    check(
        remove["parent_attributes"] == attributes,
        "attributes",
        remove,
    )?;
    check(document["injection"].is_null(), "something ran", &document)?;
    let (document, code) = unload(&target, &["plug.deep"]);
    check(code == 2, "without consent", &document)?;
    let (document, code) = unload(&target, &["os", "--yes"]);
    check(
        document["error"]["cause"] == "untouchable" && code == 6,
        "os",
        &document,
    )?;
    let (document, code) = unload(&target, &["plugg", "--yes"]);
    check(
        document["error"]["help"] == "did you mean plug?" && code == 1,
        "help",
        &document,
    )?;
    let pid = target.pid().to_string();
    let modules = pyunload(&["modules", &pid, "plug*", "--json"]);
    let modules: Value = serde_json::from_slice(&modules.stdout).map_err(|e| e.to_string())?;
    let count = modules["modules"].as_array().map(Vec::len);
    check(count == Some(4), "modules", &modules)?;
    stop(target)
}

#[test]
fn without_consent_nothing_is_touched() {
    on_changeable(a_dry_run_touches_nothing);
}

/// As long as a thread is inside, or imports a part of it, nothing is touched.
fn somebody_inside_is_waited_for(interpreter: &Interpreter) -> Result<(), String> {
    let mut target = start(interpreter, &[]);
    for (visit, cause, exit) in [("visit", "running", 1), ("import", "importing", 6)] {
        target.send(visit);
        target.line();
        let (document, code) = unload(&target, &["plug", "--yes", "--limit", "2"]);
        let error = &document["error"];
        // The plan may see who is inside already, and refuses; else the program inside does.
        let is_seen_before = document["outcomes"][0]["outcome"] == "unchanged" && code == 1;
        let is_refused = error["cause"] == cause && code == exit;
        check(is_refused || is_seen_before, visit, &document)?;
        target.send("leave");
        target.line();
    }
    let (document, code) = unload(&target, &["plug", "--yes"]);
    check(code == 0, "after they left", &document)?;
    stop(target)
}

#[test]
fn a_thread_inside_or_an_import_is_waited_for_and_then_refused() {
    on_changeable(somebody_inside_is_waited_for);
}

/// A main thread that waits is not reached when that is forbidden, nor is a stopped one: it says so.
fn who_cannot_be_reached_is_refused(interpreter: &Interpreter) -> Result<(), String> {
    let target = start(interpreter, &["wait"]);
    let forbidden = ["plug", "--yes", "--limit", "2", "--no-parked"];
    let (document, code) = unload(&target, &forbidden);
    check(code == 6, "waiting", &document)?;
    let help = document["error"]["help"].as_str().unwrap_or_default();
    check(!help.is_empty(), "no help", &document)?;
    let pid = nix::unistd::Pid::from_raw(target.pid());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGSTOP).map_err(|e| e.to_string())?;
    let (document, code) = unload(&target, &["plug", "--yes", "--limit", "2"]);
    check(code == 6, "stopped", &document)?;
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGCONT).map_err(|e| e.to_string())?;
    stop(target)
}

/// A main thread that waits where it is known to be harmless does the work in its wait.
fn who_waits_in_a_known_method_is_reached(interpreter: &Interpreter) -> Result<(), String> {
    if interpreter.minor() < (3, 8) {
        return Ok(());
    }
    let target = start(interpreter, &["wait"]);
    let (document, code) = unload(&target, &["plug", "--yes"]);
    check(code == 0, "waiting", &document)?;
    let route = &document["injection"]["route"];
    check(route == "parked_thread", "another way", &document)?;
    stop(target)
}

#[test]
fn the_modules_of_a_target_that_waits_are_unloaded() {
    on_changeable(who_waits_in_a_known_method_is_reached);
}

#[test]
fn a_target_that_waits_or_is_stopped_is_refused() {
    on_changeable(who_cannot_be_reached_is_refused);
}

/// What `unload` writes is what its schema says.
#[test]
fn every_answer_fits_the_published_schema() {
    let schema = pyunload(&["schema", "unload"]);
    let schema: Value = serde_json::from_slice(&schema.stdout).expect("a schema");
    let validator = jsonschema::validator_for(&schema).expect("a valid schema");
    let Some(interpreter) = interpreter("3.11") else {
        return;
    };
    let target = start(&interpreter, &["reload"]);
    for more in [["plug", "--dry-run"], ["plug", "--yes"]] {
        let (document, _) = unload(&target, &more);
        let errors: Vec<String> = validator
            .iter_errors(&document)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{errors:?}: {document}");
    }
    stop(target).expect("it ends well");
}

/// Waits until the target has loaded the package so many times; it may have more. One that does not
/// load it any more is stuck: what its threads do is then the complaint.
fn wait_for_loads(target: &mut Target, wanted: usize) -> Result<usize, String> {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        target.send("loads");
        let loads = target.line().parse().expect("a number");
        if loads >= wanted {
            return Ok(loads);
        }
        if Instant::now() > deadline {
            return Err(format!(
                "it has loaded {loads} times: {:?}",
                threads(target)
            ));
        }
    }
}

/// What the threads of a target are doing.
fn threads(target: &Target) -> Vec<Option<Thread>> {
    let process = Process::open(target.pid()).expect("it lives");
    let tids = thread_ids(&process).expect("it lives");
    tids.into_iter()
        .map(|tid| Thread::look(&process, tid))
        .collect()
}

/// What unloading again and again has cost.
#[derive(Default)]
struct Soaked {
    gone: usize,
    again: usize,
    stops: Vec<u64>,
    proofs: Vec<u64>,
}

impl Soaked {
    fn add(&mut self, document: &Value) -> Result<(), String> {
        check(document["proof"]["complete"] == true, "no proof", document)?;
        let us = |part: &str| document[part]["stopped_us"].as_u64();
        self.stops.extend(us("injection"));
        self.proofs.extend(us("proof"));
        self.gone += 1;
        let attempts = document["injection"]["attempts"].as_u64();
        self.again += usize::from(attempts.is_some_and(|attempts| attempts > 1));
        Ok(())
    }

    fn print(&mut self, name: &str, began: Instant) {
        let middle_and_worst = |times: &mut Vec<u64>| {
            times.sort_unstable();
            format!(
                "{} us (worst {})",
                times[times.len() / 2],
                times[times.len() - 1]
            )
        };
        println!(
            "{name}: {} of {} gone, {} at a second attempt; held {} to change, {} to prove; {} s",
            self.gone,
            rounds(),
            self.again,
            middle_and_worst(&mut self.stops),
            middle_and_worst(&mut self.proofs),
            began.elapsed().as_secs(),
        );
    }
}

/// Unloads again and again from a program that loads the package anew at once.
fn soak(interpreter: &Interpreter) -> Result<(), String> {
    let began = Instant::now();
    let mut target = start(interpreter, &["reload"]);
    let (before, maps) = (shape(&target), health::lasting_maps(target.pid()));
    let mut soaked = Soaked::default();
    for round in 0..rounds() {
        let context = |what: String| format!("round {round}: {what}");
        wait_for_loads(&mut target, round + 1).map_err(context)?;
        let (document, code) = unload(&target, &["plug", "--yes"]);
        check(code == 0, "not gone", &document).map_err(context)?;
        soaked.add(&document).map_err(context)?;
        health::is_unharmed(target.pid(), &maps).map_err(context)?;
        if soaked.gone.is_multiple_of(100) {
            soaked.print(&interpreter.name, began);
        }
    }
    let after = shape(&target);
    if before != after {
        return Err(format!("it looked {before:?} and looks {after:?}"));
    }
    soaked.print(&interpreter.name, began);
    wait_for_loads(&mut target, rounds())?;
    stop(target)
}

#[test]
fn it_is_gone_every_time_from_a_program_that_loads_it_anew() {
    on_these(&[&CHANGEABLE[..], &["3.13-debian"]].concat(), soak);
}
