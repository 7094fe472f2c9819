//! `stale` on real interpreters: nothing that is current is called changed, one edit is named alone,
//! and what compiles has the rights of the target and no more.
#![allow(missing_docs)]

mod common;

use common::{Target, interpreter, on_every_interpreter, program};
use serde_json::Value;
use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_pyunload");

fn stale(pid: i32, arguments: &[&str]) -> (i32, Value) {
    let pid = pid.to_string();
    let output = Command::new(PROGRAM)
        .args(["stale", &pid, "--json"])
        .args(arguments)
        .output()
        .expect("the program runs");
    let document = serde_json::from_slice(&output.stdout);
    let document = document.unwrap_or_else(|error| panic!("{error}: {output:?}"));
    (output.status.code().unwrap_or(-1), document)
}

fn modules(document: &Value) -> &[Value] {
    let modules = document["modules"].as_array();
    modules.unwrap_or_else(|| panic!("{document}"))
}

/// What is called other than current, and how many functions were compared.
fn complaints(document: &Value) -> (Vec<String>, u64) {
    let is_bad = |module: &&Value| !matches!(module["state"].as_str(), Some("current" | "unknown"));
    let bad = modules(document).iter().filter(is_bad);
    let compared = modules(document)
        .iter()
        .map(|module| module["compared"].as_u64());
    (
        bad.map(Value::to_string).collect(),
        compared.flatten().sum(),
    )
}

fn nothing_is_changed(arguments: &[&str]) {
    on_every_interpreter(|python| {
        if python.build == "embed" {
            return Ok(());
        }
        let target = Target::start(python, &program("stdlib.py"), arguments);
        let (_, document) = stale(target.pid(), &[]);
        let (bad, compared) = complaints(&document);
        match bad.is_empty() && compared > 2000 {
            true => Ok(()),
            false => Err(format!(
                "{compared} compared; {} {}",
                document["warnings"],
                bad.join("\n")
            )),
        }
    });
}

#[test]
fn the_standard_library_that_ran_hot_is_current() {
    nothing_is_changed(&[]);
}

#[test]
fn the_standard_library_under_a_tracer_and_monitoring_is_current() {
    nothing_is_changed(&["monitor", "trace"]);
}

const HOST: &str = "
import sys
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
import shop_rates
print('READY')
sys.stdout.flush()
sys.stdin.read()
";

const RATES: &str = "
LIMIT = 5
class Rate(object):
    def of(self, x):
        return x * 19
    def name(self):
        return 'rate'
def outer():
    def inner():
        return 1
    return inner
def same(a, b=2):
    return [i + a for i in range(b)]
";

#[test]
fn one_edited_function_is_named_alone_and_makes_its_group_stale() {
    on_every_interpreter(|python| {
        if python.build == "embed" || python.root.to_str() != Some("/") {
            return Ok(());
        }
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("shop_rates.py");
        let host = folder.path().join("host.py");
        fs::write(&file, RATES).expect("written");
        fs::write(&host, HOST).expect("written");
        let target = Target::start(python, &host, &[folder.path().to_str().expect("a path")]);
        let group = ["--group", "shop_rates"];
        let state = |document: &Value| modules(document)[0]["state"].clone();
        let (code, document) = stale(target.pid(), &group);
        assert_eq!(
            (code, state(&document)),
            (0, "current".into()),
            "{document}"
        );
        // The same size, and very likely the same second.
        fs::write(&file, RATES.replace("x * 19", "x * 16")).expect("written");
        let (code, document) = stale(target.pid(), &group);
        let changed = &modules(&document)[0]["changed"];
        let expected = serde_json::json!([{"qualname": "Rate.of", "line": 4, "what": "code"}]);
        assert_eq!((code, changed), (1, &expected), "{document}");
        // Touched, and moved down by two lines, but the same.
        fs::write(&file, format!("\n\n{RATES}")).expect("written");
        let (code, document) = stale(target.pid(), &group);
        assert_eq!(
            (code, state(&document)),
            (0, "current".into()),
            "{document}"
        );
        fs::remove_file(&file).expect("removed");
        let (code, document) = stale(target.pid(), &group);
        assert_eq!(
            (code, state(&document)),
            (1, "missing".into()),
            "{document}"
        );
        Ok(())
    });
}

/// Runs a program as a twin of `pid`.
fn twin(pid: u32, words: &[&str]) -> String {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let behind = stat.rsplit(')').next().unwrap_or_default();
    let start = behind
        .split_ascii_whitespace()
        .nth(19)
        .expect("a start time");
    let output = Command::new(PROGRAM)
        .args(["__twin", &pid.to_string(), start, "5", "at"])
        .args(words)
        .output()
        .expect("the program runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn what_compiles_has_the_rights_of_the_target_and_no_more() {
    let mut command = Command::new("/bin/sleep");
    command.arg("1000").stdin(Stdio::null());
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| {
        use std::os::unix::fs::MetadataExt;
        own.uid() == 0
    });
    if is_root {
        command.uid(65534).gid(65534);
    }
    let mut target = command.spawn().expect("sleep runs");
    let pid = target.id();
    let status = twin(pid, &["/bin/cat", "/proc/self/status"]);
    let theirs = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = |text: &str, key: &str| {
        let line = text.lines().find(|line| line.starts_with(key));
        line.unwrap_or_default().to_owned()
    };
    for key in ["Uid:", "Gid:", "Groups:"] {
        assert_eq!(
            line(&status, key).trim(),
            line(&theirs, key).trim(),
            "{status}"
        );
    }
    for key in ["CapPrm:", "CapEff:", "CapInh:", "CapAmb:"] {
        assert!(
            line(&status, key).ends_with("\t0000000000000000"),
            "{status}"
        );
    }
    assert_eq!(line(&status, "NoNewPrivs:"), "NoNewPrivs:\t1");
    assert_eq!(line(&status, "Seccomp:"), "Seccomp:\t2");
    let spaces = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/mnt")).ok();
    assert_eq!(spaces("self"), spaces(&pid.to_string()));
    let limits = twin(pid, &["/bin/cat", "/proc/self/limits"]);
    for (name, limit) in [
        ("Max file size", "0"),
        ("Max processes", "0"),
        ("Max cpu time", "5"),
    ] {
        let words: Vec<String> = line(&limits, name)
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        assert!(words.iter().any(|word| word == limit), "{limits}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("written");
    let write = format!("echo x > {}; (echo forked); echo end", file.display());
    let said = twin(pid, &["/bin/sh", "-c", &write]);
    assert!(!file.exists() && !said.contains("forked"), "{said}");
    target.kill().expect("ended");
    target.wait().expect("ended");
}

#[test]
fn the_environment_and_the_folders_of_the_target_do_not_reach_what_compiles() {
    let Some(python) = interpreter("3.11") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let host = folder.path().join("host.py");
    fs::write(&host, HOST).expect("written");
    fs::write(folder.path().join("shop_rates.py"), RATES).expect("written");
    // Neither the environment nor the working folder of the target reaches what compiles.
    fs::write(folder.path().join("marshal.py"), "raise SystemExit").expect("written");
    fs::write(folder.path().join("sitecustomize.py"), "").expect("written");
    let path = folder.path().to_str().expect("a path").to_owned();
    let target = Target::start_with(&python, &host, &[&path], |command| {
        command
            .env("PYTHONPATH", &path)
            .env("PYTHONSTARTUP", "/dev/zero");
    });
    fs::write(
        folder.path().join("sitecustomize.py"),
        "while True:\n    print('x' * 100000)\n",
    )
    .expect("written");
    let (code, document) = stale(target.pid(), &["shop_rates"]);
    let state = &modules(&document)[0]["state"];
    assert_eq!((code, state.as_str()), (0, Some("current")), "{document}");
}
