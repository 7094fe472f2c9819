//! `watch`: what is told when files change, what is done, and how it ends.

use crate::common::Target;
use crate::rows::check_schema;
use crate::shop::{call, edit, names, replace, start};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// A watch that runs, and what it says line by line.
struct Watch {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Watch {
    /// Starts one and waits until nothing is missed any more.
    fn start(target: &Target, arguments: &[&str]) -> (Watch, Value) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_pyunload"))
            .args(["watch", &target.pid().to_string(), "--json"])
            .args(["--group", "shop", "--max-stop", "5000", "--limit", "60"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the tool runs");
        let lines = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut watch = Watch { child, lines };
        let first = watch.next();
        assert_eq!(first["event"], "watching", "{first}");
        (watch, first)
    }

    /// The next event.
    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("a line");
        let event = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        check_schema("watch", &event);
        event
    }

    /// Passes over changes until there is one of this kind; how many there were.
    fn until(&mut self, is_it: impl Fn(&Value) -> bool) -> usize {
        let mut count = 1;
        loop {
            let event = self.next();
            assert_eq!(event["event"], "changed", "{event}");
            if is_it(&event) {
                return count;
            }
            count += 1;
        }
    }

    fn exit(mut self) -> Option<i32> {
        self.child.wait().expect("it ends").code()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn changes_are_told_once_and_it_ends_with_the_process() {
    let Some((mut target, folder)) = start("3.11") else {
        return;
    };
    let (mut watch, first) = Watch::start(&target, &[]);
    let mut all = names(&first["modules"]);
    all.sort_unstable();
    assert_eq!(all, ["shop", "shop.cart", "shop.tax"]);
    // No member, although it lies in a folder that is watched; and a file that is no module.
    edit(&folder, "shopping.py", 3);
    fs::write(folder.join("shop/notes.txt"), "x").expect("written");
    for value in 1..20 {
        edit(&folder, "shop/tax.py", value);
    }
    let event = watch.next();
    assert_eq!(event["event"], "changed", "{event}");
    assert_eq!(names(&event["modules"]), ["shop.tax"], "{event}");
    let file = folder.join("shop/tax.py");
    assert_eq!(event["files"][0], file.to_str().expect("text"), "{event}");
    assert_eq!(names(&event["stale"]), ["shop.tax"], "{event}");
    assert_eq!(event["stale"][0]["changed"][0]["qualname"], "rate");
    assert_eq!(call(&mut target), "100 101 100 []", "only told");
    edit(&folder, "shop/tax.py", 100);
    // On a busy machine the edits before may have come in more than one piece.
    let pieces = watch.until(|event| event["stale"] == serde_json::json!([]));
    assert!(pieces < 15, "{pieces} events");
    fs::remove_file(&file).expect("removed");
    watch.until(|event| event["stale"][0]["state"] == "missing");
    target.close();
    let event = watch.next();
    assert_eq!(event["event"], "ended", "{event}");
    assert_eq!(event["reason"], "process_ended", "{event}");
    assert_eq!(watch.exit(), Some(0));
}

fn reloads(which: &str) {
    let Some((mut target, folder)) = start(which) else {
        return;
    };
    let (mut watch, _) = Watch::start(&target, &["--do", "reload"]);
    edit(&folder, "shop/tax.py", 200);
    assert_eq!(watch.next()["event"], "changed");
    let event = watch.next();
    assert_eq!(event["event"], "reloaded", "{event}");
    assert_eq!(names(&event["modules"]), ["shop.tax"], "{event}");
    assert_eq!(call(&mut target), "100 201 100 []");
    replace(&folder, "shop/tax.py", "def rate(:\n");
    assert_eq!(watch.next()["event"], "changed");
    let event = watch.next();
    assert_eq!(event["event"], "refused", "{event}");
    assert_eq!(event["error"]["cause"], "syntax_error", "{event}");
    assert_eq!(call(&mut target), "100 201 100 []");
    edit(&folder, "shop/tax.py", 300);
    assert_eq!(watch.next()["event"], "changed");
    assert_eq!(watch.next()["event"], "reloaded");
    assert_eq!(call(&mut target), "100 301 100 []");
    let pid = watch.child.id().to_string();
    let sent = Command::new("kill").args(["-INT", &pid]).status();
    assert!(sent.expect("kill runs").success());
    let event = watch.next();
    assert_eq!(
        (&event["event"], &event["reason"]),
        (&"ended".into(), &"signal".into())
    );
    assert_eq!(watch.exit(), Some(0));
    assert!(target.is_alive());
    assert_eq!(call(&mut target), "100 301 100 []");
}

#[test]
fn what_changed_is_reloaded_on_request_on_3_8() {
    reloads("3.8");
}

#[test]
fn what_changed_is_reloaded_on_request_on_3_13() {
    reloads("3.13");
}

/// Processor time that a process has used, in ticks.
fn ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let words: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or("")
        .split_whitespace()
        .collect();
    let number = |at: usize| words[at].parse::<u64>().expect("a number");
    number(11) + number(12)
}

#[test]
fn a_watch_sleeps_while_nothing_changes() {
    let Some((target, folder)) = start("3.11") else {
        return;
    };
    let (mut watch, _) = Watch::start(&target, &[]);
    let before = ticks(watch.child.id());
    let until = Instant::now() + Duration::from_secs(2);
    while Instant::now() < until {
        // To read a file is no change of it.
        fs::read(folder.join("shop/tax.py")).expect("it is there");
        std::thread::sleep(Duration::from_millis(10));
    }
    let used = ticks(watch.child.id()) - before;
    assert!(used < 5, "{used} ticks");
    // A package that is replaced as a whole is noticed.
    fs::rename(folder.join("shop"), folder.join("old")).expect("renamed");
    fs::create_dir(folder.join("shop")).expect("made");
    fs::copy(folder.join("old/cart.py"), folder.join("shop/cart.py")).expect("copied");
    fs::copy(
        folder.join("old/__init__.py"),
        folder.join("shop/__init__.py"),
    )
    .expect("copied");
    edit(&folder, "shop/tax.py", 5);
    watch.until(|event| event["stale"][0]["changed"][0]["qualname"] == "rate");
}

#[test]
fn a_group_that_nobody_is_in_cannot_be_watched() {
    let Some((target, _)) = start("3.11") else {
        return;
    };
    let output = Command::new(env!("CARGO_BIN_EXE_pyunload"))
        .args(["watch", &target.pid().to_string(), "--json"])
        .args(["--group", "sho"])
        .output()
        .expect("the tool runs");
    let document: Value = serde_json::from_slice(&output.stdout).expect("a document");
    assert_eq!(output.status.code(), Some(1), "{document}");
    assert_eq!(document["error"]["cause"], "not_loaded");
}
