//! Nothing stays of code that changes nothing: by its own look and by that of the kernel a target is as it was
//! before any code was ever run in it, whichever way the code came.

use crate::common::{Interpreter, Target, on_every_interpreter, program};
use crate::exec::is_supported;
use crate::run::{run, until};
use std::path::Path;

/// Interpreters whose every way is tried; all of them with `PYUNLOAD_THOROUGH=1`.
const EACH_WAY: [&str; 4] = ["3.8", "3.11", "3.13", "3.14-debian"];

/// What a main thread does, and the way that code takes to it.
fn ways(python: &Interpreter) -> Vec<(&'static str, &'static str)> {
    let (version, debugged) = (python.minor(), python.minor() >= (3, 14));
    let interface = if debugged {
        "remote_exec"
    } else {
        "pending_call"
    };
    let waiting = if debugged {
        "remote_exec"
    } else {
        "parked_thread"
    };
    let thorough = std::env::var_os("PYUNLOAD_THOROUGH").is_some();
    let mut ways = vec![("busy", interface)];
    if thorough || EACH_WAY.contains(&python.name.as_str()) {
        if version >= (3, 6) {
            ways.push(("lock", "pending_call"));
        }
        if debugged || version >= (3, 8) && python.build != "musl" {
            ways.extend([("sleep", waiting), ("read", waiting)]);
        }
    }
    ways
}

/// What the kernel shows of it and must stay: signals, threads, open files, mappings but those that grow by
/// themselves, environment, and files of ours in its `/tmp`.
fn seen_by_kernel(pid: i32, root: &Path) -> [Vec<String>; 3] {
    let read = |name: &str| {
        let bytes = std::fs::read(format!("/proc/{pid}/{name}")).expect("it lives");
        String::from_utf8_lossy(&bytes).into_owned()
    };
    // SigQ is what is queued for the whole user.
    let names = [
        "SigPnd",
        "SigBlk",
        "SigIgn",
        "SigCgt",
        "Threads",
        "TracerPid",
    ];
    let kept = |line: &&str| names.iter().any(|name| line.starts_with(name));
    let status: Vec<String> = read("status")
        .lines()
        .filter(kept)
        .map(str::to_owned)
        .collect();
    let lasts = |line: &&str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.len() > 5 && words[5].starts_with('/') || words[1].contains('x')
    };
    let maps = read("maps")
        .lines()
        .filter(lasts)
        .map(str::to_owned)
        .collect();
    let named = |folder: &str| {
        let list = std::fs::read_dir(folder).into_iter().flatten().flatten();
        list.filter_map(|entry| entry.file_name().into_string().ok())
    };
    let tmp = root.join("tmp");
    let ours = format!("-{pid}-");
    let left = named(&tmp.to_string_lossy())
        .filter(|name| name.starts_with(".pyunload-") && name.contains(&ours));
    let mut files: Vec<String> = named(&format!("/proc/{pid}/fd")).chain(left).collect();
    files.sort();
    files.push(read("environ"));
    [status, files, maps]
}

fn leaves_nothing(python: &Interpreter, how: &str, route: &str) -> Result<(), String> {
    let mut target = Target::start(python, &program("mirror.py"), &[how]);
    let pid = target.pid();
    let look = |target: &mut Target| {
        target.send("look");
        target.line()
    };
    // Twice: the second look has what the first one itself made.
    look(&mut target);
    let before = (look(&mut target), seen_by_kernel(pid, &python.root));
    let codes = [
        "1 + 1",
        "def f(n): return n and f(n - 1)\nprint('a'); f(9); 1/0",
        "x = (1",
    ];
    for (code, exit) in codes.into_iter().zip([0, 1, 1]) {
        let pid = pid.to_string();
        let ended = run(&["exec", &pid, code, "--json", "--max-stop", "2000"]);
        if ended.code != exit || ended.document()["injection"]["route"] != route {
            return Err(format!("{how}: {ended:?}"));
        }
    }
    let after = look(&mut target);
    if before.0 != after {
        return Err(format!("{how}: it was {}\nand is {after}", before.0));
    }
    // From 3.14 on the interpreter closes our script only after that has given its answer.
    let what = format!("{}, {how}: {:?} is all there is", python.name, before.1);
    until(&what, || before.1 == seen_by_kernel(pid, &python.root));
    match target.finish() {
        true => Ok(()),
        false => Err(format!("{how}: the target ended badly")),
    }
}

#[test]
fn nothing_stays_of_code_that_changes_nothing_whichever_way_it_came() {
    on_every_interpreter(|python| {
        if !is_supported(python) {
            return Ok(());
        }
        for (how, route) in ways(python) {
            leaves_nothing(python, how, route)?;
        }
        Ok(())
    });
}
