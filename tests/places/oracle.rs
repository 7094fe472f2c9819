//! A program that knows its own modules, and what pyunload says they are.

use crate::common::{Interpreter, Target, program};
use serde_json::Value;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A target that printed its modules, and the process it runs as (which is not the one that was
/// started where `unshare` stands in between).
pub struct Known {
    pub target: Target,
    pub pid: i32,
    rows: Vec<Row>,
}

/// Name, type, file and refcount of a module.
type Row = (String, String, Option<String>, u64);

/// What `modules --json` said and how it ended.
#[derive(Debug)]
pub struct Answer {
    pub code: i32,
    pub document: Value,
}

impl Known {
    /// Starts the program that knows its names in an interpreter.
    pub fn start(interpreter: &Interpreter, prepare: impl FnOnce(&mut Command)) -> Known {
        let target = Target::start_with(interpreter, &program("names.py"), &[], prepare);
        Known::of(target)
    }

    /// Starts it by a command of the test's own; it gets the path of the program as an argument.
    pub fn launch(command: Command) -> Known {
        Known::launch_file(command, &program("names.py"))
    }

    /// As [`Known::launch`], with a program file of the test's own.
    pub fn launch_file(mut command: Command, file: &Path) -> Known {
        command.arg(file);
        Known::of(Target::launch(command, TempDir::new().expect("a folder")))
    }

    /// Starts it by a command that gets the text of the program as an argument: for a process that
    /// cannot reach the file.
    pub fn launch_text(mut command: Command) -> Known {
        let text = std::fs::read_to_string(program("names.py")).expect("the program");
        command.arg("-c").arg(text);
        Known::of(Target::launch(command, TempDir::new().expect("a folder")))
    }

    fn of(target: Target) -> Known {
        let printed = target.printed().last().expect("a line").clone();
        Known {
            pid: innermost(target.pid()),
            rows: serde_json::from_str(&printed).expect("a list of rows"),
            target,
        }
    }

    /// What pyunload reads is what the program printed, in the same order.
    pub fn assert_read(&self) -> Answer {
        self.assert_read_by(&mut pyunload())
    }

    /// As [`Known::assert_read`], by a pyunload that is run in a special way.
    pub fn assert_read_by(&self, command: &mut Command) -> Answer {
        let answer = answer(command, self.pid);
        assert_eq!(answer.code, 0, "{}", answer.document);
        assert!(self.rows.len() >= 300, "only {}", self.rows.len());
        assert_eq!(answer.rows(), self.rows_as_read(&answer));
        answer
    }

    /// What the program printed, but for the refcounts of what all code shares (None, which 2.7 has
    /// in place of modules): to print the table made and dropped references to it.
    fn rows_as_read(&self, answer: &Answer) -> Vec<Row> {
        let read = answer.rows();
        let mut rows = self.rows.clone();
        for (row, read) in rows.iter_mut().zip(&read) {
            if row.1 == "NoneType" {
                row.3 = read.3;
            }
        }
        rows
    }

    /// The target runs on: it still answers.
    pub fn assert_alive(&mut self) {
        self.target.send("and well");
        assert_eq!(self.target.line(), "alive and well");
    }
}

impl Answer {
    fn rows(&self) -> Vec<Row> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let rows = self.document["modules"].as_array().expect("rows");
        rows.iter()
            .map(|row| {
                let [name, class] = [&row["name"], &row["type"]].map(text);
                (
                    name.expect("a name"),
                    class.expect("a type"),
                    text(&row["file"]),
                    row["refcount"].as_u64().expect("a refcount"),
                )
            })
            .collect()
    }

    /// The cause of a failure.
    pub fn cause(&self) -> &str {
        self.document["error"]["cause"].as_str().unwrap_or_default()
    }

    /// Why, in words.
    pub fn why(&self) -> &str {
        self.document["error"]["why"].as_str().unwrap_or_default()
    }
}

/// The program under test.
pub fn pyunload() -> Command {
    Command::new(env!("CARGO_BIN_EXE_pyunload"))
}

/// Whether this test may do what only root may; in CI it must be able to.
pub fn is_root() -> bool {
    let root = nix::unistd::geteuid().is_root();
    let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(root || !in_ci, "not root");
    if !root {
        println!("needs root: not tested");
    }
    root
}

/// A pyunload that may read memory, but not follow the kernel's links to mapped files: as one that
/// runs as the target's own user.
pub fn without_map_files() -> Command {
    if !is_root() {
        return pyunload();
    }
    let dropped = "-sys_admin,-checkpoint_restore";
    let mut setpriv = command(&["setpriv", "--bounding-set", dropped, "--inh-caps", dropped]);
    setpriv.arg(env!("CARGO_BIN_EXE_pyunload"));
    setpriv
}

/// What `modules --json` says of a process.
pub fn modules(pid: i32) -> Answer {
    answer(&mut pyunload(), pid)
}

fn answer(command: &mut Command, pid: i32) -> Answer {
    let output = command
        .args(["modules", "--json", &pid.to_string()])
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    Answer {
        code: output.status.code().expect("no signal"),
        document: serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{error}: {text} {output:?}")),
    }
}

/// The only descendant of a process that has no children itself.
fn innermost(pid: i32) -> i32 {
    let children = format!("/proc/{pid}/task/{pid}/children");
    let text = std::fs::read_to_string(children).unwrap_or_default();
    match text.split_whitespace().next() {
        Some(child) => innermost(child.parse().expect("a pid")),
        None => pid,
    }
}

/// The state letter of a process.
pub fn state(pid: i32) -> char {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let behind_name = stat
        .rsplit(") ")
        .next()
        .and_then(|rest| rest.chars().next());
    behind_name.unwrap_or('?')
}

/// Waits until something has happened; a minute at most, since machines may be loaded.
pub fn until(what: &str, happened: impl Fn() -> bool) {
    let started = std::time::Instant::now();
    while !happened() {
        assert!(started.elapsed().as_secs() < 60, "never: {what}");
        std::thread::yield_now();
    }
}

/// Runs a command that must succeed.
pub fn must(command: &mut Command) {
    let output = command.output().expect("it starts");
    assert!(output.status.success(), "{command:?}: {output:?}");
}

/// A command of these words.
pub fn command<W: AsRef<OsStr>>(words: &[W]) -> Command {
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    command
}

/// Builds the C program of `tests/targets` with this name; the folder it lies in, and its path.
pub fn compile(name: &str, folder: &Path) -> PathBuf {
    let built = folder.join(name);
    let source = program(&format!("{name}.c"));
    let mut gcc = command(&["gcc", "-O1", "-o"]);
    must(gcc.arg(&built).arg(source).arg("-ldl"));
    built
}
