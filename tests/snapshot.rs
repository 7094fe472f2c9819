//! `snapshot`: cores of running processes. They say what the process says, gdb reads them, and the
//! process is none the worse for it, also when the tool is killed.

mod common;

use common::{
    Interpreter, Target, interpreter, interpreters, is_ci, on_every_interpreter, program,
};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pyunload::elf::core_file;
use pyunload::heap::walk::walk;
use pyunload::pyobject::identify;
use pyunload::target::about::About;
use pyunload::target::copy::CopyPlan;
use pyunload::target::process::Process;
use pyunload::target::threads::{Thread, thread_ids};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A loaded machine may be slow to copy; what is allowed is not what it takes.
const MAX_STOP: &str = "5000";

fn pyunload() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pyunload"));
    command.stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    pyunload()
        .args(arguments)
        .output()
        .expect("the program starts")
}

fn document(ended: &Output) -> Value {
    let text = String::from_utf8_lossy(&ended.stdout);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// Writes a core of the target with a method.
fn snapshot(pid: i32, path: &Path, method: &str) -> Result<Value, String> {
    let ended = command(pid, path, method)
        .output()
        .expect("the program starts");
    match ended.status.code() {
        Some(0) => Ok(document(&ended)),
        _ => Err(format!("{ended:?}")),
    }
}

fn command(pid: i32, path: &Path, method: &str) -> Command {
    let mut command = pyunload();
    command
        .args([
            "snapshot",
            &pid.to_string(),
            "--json",
            "--max-stop",
            MAX_STOP,
            "--snapshot",
            method,
            "-o",
        ])
        .arg(path);
    command
}

fn modules(target: &str) -> Value {
    document(&run(&["modules", target, "--json"]))["modules"].clone()
}

fn same_modules(interpreter: &Interpreter, method: &str) -> Result<(), String> {
    let mut target = Target::start(interpreter, &program("heap.py"), &[]).at_rest();
    let folder = folder();
    let path = folder.path().join("core");
    let pid = target.pid();
    let answer = snapshot(pid, &path, method)?;
    let text = path.to_str().expect("text");
    if answer["method"] != method || answer["file"] != text {
        return Err(answer.to_string());
    }
    let length = path.metadata().expect("it is there").len();
    let allocated = answer["pages"].as_u64().unwrap_or(0) * 4096;
    if answer["bytes"] != length || !(1 << 20..length).contains(&allocated) {
        return Err(format!("{length}: {answer}"));
    }
    is_alone(pid)?;
    if modules(text) != modules(&pid.to_string()) {
        return Err("its modules differ".into());
    }
    match target.is_alive() {
        true => Ok(()),
        false => Err("it ended".into()),
    }
}

/// Nobody traces it, and nothing of it is stopped.
fn runs_free(pid: i32) -> Result<(), String> {
    let process = Process::open(pid).map_err(|error| error.to_string())?;
    let status = process.status().map_err(|error| error.to_string())?;
    if status.tracerpid != 0 {
        return Err(format!("traced by {}", status.tracerpid));
    }
    for tid in thread_ids(&process).map_err(|error| error.to_string())? {
        let state = Thread::look(&process, tid).map_or('R', |thread| thread.state);
        if "tT".contains(state) {
            return Err(format!("thread {tid} is in state {state}"));
        }
    }
    Ok(())
}

/// The state letters of its children.
fn children(pid: i32) -> Vec<char> {
    let all = About::all().into_iter();
    let children = all.filter(|about| about.parent == pid);
    children.map(|about| about.state).collect()
}

/// It runs free and has no child.
fn is_alone(pid: i32) -> Result<(), String> {
    runs_free(pid)?;
    match children(pid)[..] {
        [] => Ok(()),
        ref states => Err(format!("it has children: {states:?}")),
    }
}

/// It runs free and no child of it lives, though one that has ended may still be in the table.
fn is_unharmed(pid: i32) -> Result<(), String> {
    runs_free(pid)?;
    let living: Vec<char> = children(pid)
        .into_iter()
        .filter(|&state| state != 'Z')
        .collect();
    match living.is_empty() {
        true => Ok(()),
        false => Err(format!("a second process lives: {living:?}")),
    }
}

/// Waits until it is so, at most five seconds; the last complaint.
fn eventually(mut check: impl FnMut() -> Result<(), String>) -> Result<(), String> {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        match check() {
            Err(complaint) if Instant::now() >= deadline => return Err(complaint),
            Err(_) => std::thread::sleep(Duration::from_millis(2)),
            Ok(()) => return Ok(()),
        }
    }
}

#[test]
fn a_snapshot_says_the_same_as_the_process() {
    on_every_interpreter(|interpreter| same_modules(interpreter, "copy"));
}

#[test]
fn a_snapshot_of_a_clone_says_the_same_as_the_process() {
    on_every_interpreter(|interpreter| match interpreter.build.as_str() {
        // They have no C library of their own in which a system call could be made.
        "embed" => Ok(()),
        _ => same_modules(interpreter, "fork"),
    });
}

/// The collector's lists of a core are whole; how many objects there are.
fn walked(path: &Path) -> Result<usize, String> {
    let core = core_file::open(path, None).map_err(|error| error.to_string())?;
    let python = identify::find(&core)
        .map_err(|error| error.to_string())?
        .python;
    let mut plan = CopyPlan::of_core(&core, 1 << 30).map_err(|error| error.to_string())?;
    plan.fill(&core).map_err(|error| error.to_string())?;
    let copy = plan.over(&core);
    let walk = walk(&copy, &python, python.main(), 1 << 22).map_err(|error| error.to_string())?;
    match walk.walked.is_complete() {
        true => Ok(walk.objects.len()),
        false => Err(format!("torn: {:?}", walk.walked.torn)),
    }
}

/// Whether every interpreter gets the long form of a test.
fn is_thorough() -> bool {
    std::env::var_os("PYUNLOAD_THOROUGH").is_some()
}

/// Snapshots of a target that changes its heap as fast as it can: twenty with `PYUNLOAD_THOROUGH=1`.
fn many_of_a_mutating_target(interpreter: &Interpreter, method: &str) -> Result<(), String> {
    let target = Target::start(interpreter, &program("mutate.py"), &[]);
    let folder = folder();
    let rounds = if is_thorough() { 20 } else { 4 };
    for round in 0..rounds {
        let path = folder.path().join(format!("core.{round}"));
        snapshot(target.pid(), &path, method)?;
        let objects = walked(&path)?;
        if objects < 1000 {
            return Err(format!("{objects} objects in round {round}"));
        }
        is_alone(target.pid())?;
        std::fs::remove_file(&path).expect("it is ours");
    }
    match target.finish() {
        true => Ok(()),
        false => Err("it computed something wrong".into()),
    }
}

/// The interpreters whose objects are in lists, and for a clone those with a C library of their own,
/// in which a system call can be made.
fn with_lists(method: &str) -> Vec<Interpreter> {
    let mut all = interpreters();
    all.retain(|one| one.build != "freethreaded" && (method == "copy" || one.build != "embed"));
    all
}

/// Versions that stand for all in the longer tests, as far as they were asked for.
fn chosen(names: &[&str]) -> Vec<Interpreter> {
    let mut all = interpreters();
    all.retain(|interpreter| names.contains(&interpreter.name.as_str()));
    all
}

fn on_chosen(names: &[&str], test: impl Fn(&Interpreter) -> Result<(), String>) {
    on_each(&chosen(names), test);
}

fn on_each(interpreters: &[Interpreter], test: impl Fn(&Interpreter) -> Result<(), String>) {
    let failures: Vec<String> = interpreters
        .iter()
        .filter_map(|one| Some(format!("{}: {}", one.name, test(one).err()?)))
        .collect();
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn snapshots_of_a_mutating_target_are_whole_and_it_computes_on() {
    on_each(&with_lists("copy"), |one| {
        many_of_a_mutating_target(one, "copy")
    });
}

#[test]
fn clones_of_a_mutating_target_are_whole_and_it_computes_on() {
    on_each(&with_lists("fork"), |one| {
        many_of_a_mutating_target(one, "fork")
    });
}

/// Those whose snapshots are killed: all with `PYUNLOAD_THOROUGH=1`.
fn to_be_killed(method: &str) -> Vec<Interpreter> {
    match is_thorough() {
        true => with_lists(method),
        false => chosen(&["3.8", "3.11", "3.13"]),
    }
}

/// Kills the tool before each of its steps, until it is not killed any more. Returns how many there
/// were.
fn killed_at_every_step(interpreter: &Interpreter, method: &str) -> Result<u32, String> {
    let mut target = Target::start(interpreter, &program("mutate.py"), &[]);
    let folder = folder();
    for step in 1..500 {
        let path = folder.path().join(format!("core.{step}"));
        let mut command = command(target.pid(), &path, method);
        let ended = command.env("PYUNLOAD_KILL_AT", step.to_string()).output();
        let ended = ended.expect("the program starts");
        eventually(|| is_unharmed(target.pid())).map_err(|what| format!("step {step}: {what}"))?;
        if !target.is_alive() {
            return Err(format!("step {step}: it ended"));
        }
        if core_file::is_core(&path) {
            walked(&path).map_err(|what| format!("step {step}: half a core: {what}"))?;
        }
        match ended.status.code() {
            // What is left of the clone is taken away by the next run.
            None if !children(target.pid()).is_empty() => {
                let next = folder.path().join("next");
                snapshot(target.pid(), &next, method)?;
                is_alone(target.pid()).map_err(|what| format!("after step {step}: {what}"))?;
                std::fs::remove_file(&next).expect("it is ours");
            }
            None => {}
            Some(0) if step > 10 => {
                is_alone(target.pid())?;
                return match target.finish() {
                    true => Ok(step - 1),
                    false => Err("it computed something wrong".into()),
                };
            }
            Some(_) => return Err(format!("step {step}: {ended:?}")),
        }
    }
    Err("it never came to its end".into())
}

#[test]
fn the_tool_killed_at_any_step_of_a_copy_leaves_the_target_unharmed() {
    on_each(&to_be_killed("copy"), |interpreter| {
        let steps = killed_at_every_step(interpreter, "copy")?;
        println!("{}: killed at {steps} steps", interpreter.name);
        Ok(())
    });
}

#[test]
fn the_tool_killed_at_any_step_of_a_clone_leaves_no_second_process() {
    on_each(&to_be_killed("fork"), |interpreter| {
        let steps = killed_at_every_step(interpreter, "fork")?;
        println!("{}: killed at {steps} steps", interpreter.name);
        Ok(())
    });
}

/// The main thread waits in a system call while it is made to clone the process: it waits on, and
/// for its whole time.
#[test]
fn a_system_call_that_waits_is_not_disturbed_by_a_clone() {
    on_chosen(&["3.8", "3.11", "3.13"], |interpreter| {
        let target = Target::start(interpreter, &program("idle.py"), &["timed"]);
        let folder = folder();
        let began = std::time::Instant::now();
        // It waits for 4.5 seconds in all; on a busy machine that is not enough for five.
        for round in (0..5).take_while(|_| began.elapsed().as_secs() < 2) {
            let path = folder.path().join(format!("core.{round}"));
            snapshot(target.pid(), &path, "fork")?;
            is_alone(target.pid())?;
        }
        match target.finish() {
            true => Ok(()),
            false => Err("a wait ended early".into()),
        }
    });
}

fn parked(name: &str) -> Option<(Target, TempDir, PathBuf)> {
    let target = Target::start(&interpreter(name)?, &program("heap.py"), &[]).at_rest();
    let folder = folder();
    let path = folder.path().join("core");
    Some((target, folder, path))
}

#[test]
fn the_file_is_for_its_owner_only_and_is_never_overwritten() {
    let Some((target, _folder, path)) = parked("3.11") else {
        return;
    };
    snapshot(target.pid(), &path, "copy").expect("a snapshot");
    let mode = path.metadata().expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let before = std::fs::read(&path).expect("a core");
    let again = snapshot(target.pid(), &path, "copy").expect_err("it is there already");
    assert!(again.contains("is there already"), "{again}");
    assert!(
        std::fs::read(&path).expect("a core") == before,
        "it was touched"
    );
}

#[test]
fn a_stop_that_would_be_too_long_is_refused_beforehand() {
    let Some((target, _folder, path)) = parked("3.11") else {
        return;
    };
    let pid = target.pid().to_string();
    let file = path.to_str().expect("text");
    let ended = run(&["snapshot", &pid, "-o", file, "--max-stop", "1", "--json"]);
    let error = document(&ended)["error"].clone();
    assert_eq!(
        (ended.status.code(), &error["cause"]),
        (Some(6), &"stop_too_long".into())
    );
    let message = error["message"].as_str().expect("text");
    assert!(message.contains("--max-stop"), "{message}");
    assert!(!path.exists(), "half a file was left");
}

#[test]
fn a_file_that_cannot_be_written_is_told_before_anything_is_stopped() {
    let Some((target, folder, _)) = parked("3.11") else {
        return;
    };
    let path = folder.path().join("missing/core");
    let failed = snapshot(target.pid(), &path, "copy").expect_err("there is no folder");
    assert!(failed.contains("cannot be written"), "{failed}");
}

/// Registers and memory as gdb reads them from the file.
fn gdb(program: &Path, core: &Path, commands: &[&str]) -> String {
    let mut gdb = Command::new("gdb");
    gdb.args(["-batch", "-nx"]);
    for command in commands {
        gdb.args(["-ex", command]);
    }
    let ended = gdb.arg(program).arg(core).output().expect("gdb starts");
    String::from_utf8_lossy(&ended.stdout).into_owned()
}

#[test]
fn gdb_opens_a_snapshot_with_its_threads_and_its_memory() {
    let has_gdb = Command::new("gdb").arg("--version").output().is_ok();
    assert!(has_gdb || !is_ci(), "gdb is missing");
    let Some(python) = interpreter("3.11").filter(|_| has_gdb) else {
        return;
    };
    let target = Target::start(&python, &program("mutate.py"), &[]);
    let folder = folder();
    let path = folder.path().join("core");
    let answer = snapshot(target.pid(), &path, "copy").expect("a snapshot");
    let rows = modules(path.to_str().expect("text"));
    let sys = rows
        .as_array()
        .and_then(|rows| rows.iter().find(|row| row["name"] == "sys"));
    let sys = sys.expect("sys is loaded");
    let read = format!("x/4gx {}", sys["address"].as_str().expect("an address"));
    let said = gdb(&python.program, &path, &["info threads", &read, "bt -3"]);
    assert_eq!(answer["threads"], 5);
    assert_eq!(said.matches("LWP").count() / 2, 5, "{said}");
    let count = sys["refcount"].as_i64().expect("counted");
    assert!(
        said.contains(&format!("0x{count:016x}")),
        "{count} in {said}"
    );
    assert!(said.contains("main"), "a stack down to main: {said}");
}

/// What a command answers, without what it says of how it looked and for how long.
fn body(arguments: &[&str]) -> Value {
    let mut answer = document(&run(arguments));
    let fields = answer.as_object_mut().expect("a document");
    for how in [
        "target",
        "consistency",
        "stopped_us",
        "warnings",
        "waited_ms",
    ] {
        fields.remove(how);
    }
    answer
}

fn same_answers(interpreter: &Interpreter) -> Result<(), String> {
    let target = Target::start(interpreter, &program("heap.py"), &[]).at_rest();
    let pid = target.pid().to_string();
    let folder = folder();
    let ours = folder.path().join("ours");
    snapshot(target.pid(), &ours, "fork")?;
    let gcore = Command::new("gcore")
        .arg("-o")
        .arg(folder.path().join("core"))
        .arg(&pid)
        .output();
    let theirs = folder.path().join(format!("core.{pid}"));
    let cores = [ours, theirs].map(|path| path.to_str().expect("text").to_owned());
    let assertions = [
        "check",
        "ghosts == 0",
        "held-by os ONLY sys",
        "retained os < 1MB",
    ];
    let questions = [
        &["refs", "os"][..],
        &["why", "os"],
        &["ghosts"],
        &["plan", "genericpath"],
        &assertions,
    ];
    for question in questions {
        let (command, rest) = question.split_first().expect("a command");
        let ask = |target: &str, more: &[&str]| {
            body(&[&[*command, target], rest, &["--json"], more].concat())
        };
        let copy = ask(&pid, &["--max-stop", MAX_STOP]);
        let fork = ask(&pid, &["--max-stop", MAX_STOP, "--snapshot", "fork"]);
        if copy.get("error").is_some() || fork != copy {
            return Err(format!("{question:?}: {copy} {fork}"));
        }
        for core in &cores {
            let from_core = ask(core, &[]);
            if from_core != copy {
                return Err(format!("{question:?} {core} {gcore:?}: {copy} {from_core}"));
            }
        }
    }
    is_alone(target.pid())
}

#[test]
fn a_copy_a_clone_our_core_and_gdbs_core_answer_the_same() {
    let has_gdb = Command::new("gdb").arg("--version").output().is_ok();
    assert!(has_gdb || !is_ci(), "gdb is missing");
    if has_gdb {
        on_chosen(&["3.8", "3.11", "3.13", "3.14-debian"], same_answers);
    }
}

/// A signal has stopped the target: nothing has to hold it, and it stays as it is.
#[test]
fn a_target_that_a_signal_has_stopped_is_read_and_stays_stopped() {
    on_chosen(
        &["2.7", "3.8", "3.11", "3.13", "3.14-debian"],
        |interpreter| {
            let target = Target::start(interpreter, &program("heap.py"), &[]).at_rest();
            let pid = target.pid().to_string();
            let running = body(&["why", &pid, "os", "--json", "--max-stop", MAX_STOP]);
            let signal = |signal| kill(Pid::from_raw(target.pid()), signal).expect("it is ours");
            signal(Signal::SIGSTOP);
            eventually(|| match state_letter(target.pid()) {
                'T' => Ok(()),
                state => Err(format!("it is in state {state}")),
            })?;
            for method in ["copy", "fork"] {
                let arguments = [
                    "why",
                    &pid,
                    "os",
                    "--json",
                    "--snapshot",
                    method,
                    "--max-stop",
                    "1",
                ];
                let ended = run(&arguments);
                if ended.status.code() != Some(0) || document(&ended)["stopped_us"] != 0 {
                    return Err(format!("{method}: {ended:?}"));
                }
                if body(&arguments) != running {
                    return Err(format!("{method}: another answer: {}", body(&arguments)));
                }
                if state_letter(target.pid()) != 'T' {
                    return Err(format!("{method}: it runs"));
                }
            }
            signal(Signal::SIGCONT);
            match target.finish() {
                true => Ok(()),
                false => Err("it ended badly".into()),
            }
        },
    );
}

fn state_letter(pid: i32) -> char {
    let process = Process::open(pid).expect("it lives");
    Thread::main(&process).map_or('?', |thread| thread.state)
}
