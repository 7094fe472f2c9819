//! What the tests against real interpreters share: which interpreters there are, and a target
//! program that runs in one of them until the test is over.
#![allow(dead_code, missing_docs)]

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The interpreters the tests want; in CI each must be there.
pub const WANTED: [&str; 21] = [
    "2.7",
    "3.6",
    "3.7",
    "3.8",
    "3.9",
    "3.10",
    "3.11",
    "3.12",
    "3.13",
    "3.11-debian",
    "3.11-debian-debug",
    "3.13-debian",
    "3.13-debian-debug",
    "3.14-debian",
    "3.14-debian-debug",
    "3.15-debian",
    "3.15-debian-debug",
    "3.13-freethreaded",
    "3.13-musl",
    "embed-3.11-static",
    "embed-3.11-static-pie",
];

/// How long a target may take to become ready, and to answer: a loaded machine is slow.
const PATIENCE: Duration = Duration::from_secs(120);

/// One interpreter of the list that `scripts/interpreters` writes.
#[derive(Debug, Clone)]
pub struct Interpreter {
    pub name: String,
    pub version: String,
    pub build: String,
    /// `/`, or the root to change into.
    pub root: PathBuf,
    /// As seen from the root.
    pub program: PathBuf,
}

impl Interpreter {
    /// (major, minor).
    pub fn minor(&self) -> (u8, u8) {
        let mut parts = self.version.split('.');
        let mut next = || parts.next().and_then(|part| part.parse().ok());
        let pair = next().zip(next());
        pair.unwrap_or_else(|| panic!("{} is no version", self.version))
    }

    /// A path inside its root, as seen from here.
    pub fn inside(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    fn is_in_chroot(&self) -> bool {
        self.root != Path::new("/")
    }
}

/// All interpreters that can be had here. One that is wanted and missing is printed; in CI it is a
/// failure. `PYUNLOAD_ONLY=3.11,3.13` restricts a run.
pub fn interpreters() -> Vec<Interpreter> {
    let all = listed();
    for name in WANTED {
        if !all.iter().any(|interpreter| interpreter.name == name) {
            assert!(!is_ci(), "interpreter {name} is missing");
            println!("interpreter {name} is missing: not tested");
        }
    }
    let only = env::var("PYUNLOAD_ONLY").ok();
    let is_chosen = |name: &str| {
        only.as_ref()
            .is_none_or(|only| only.split(',').any(|chosen| chosen == name))
    };
    all.into_iter()
        .filter(|interpreter| is_chosen(&interpreter.name))
        .collect()
}

/// The interpreter with this name; `None` (in CI a failure) when it is missing.
pub fn interpreter(name: &str) -> Option<Interpreter> {
    let found = listed()
        .into_iter()
        .find(|interpreter| interpreter.name == name);
    assert!(found.is_some() || !is_ci(), "interpreter {name} is missing");
    if found.is_none() {
        println!("interpreter {name} is missing: not tested");
    }
    found
}

/// Runs `test` on every interpreter and fails at the end, naming each that failed.
pub fn on_every_interpreter(test: impl Fn(&Interpreter) -> Result<(), String>) {
    on_each(&interpreters(), test);
}

/// As [`on_every_interpreter`], on those with these names.
pub fn on_interpreters(names: &[&str], test: impl Fn(&Interpreter) -> Result<(), String>) {
    let mut chosen = interpreters();
    chosen.retain(|interpreter| names.contains(&&*interpreter.name));
    on_each(&chosen, test);
}

fn on_each(chosen: &[Interpreter], test: impl Fn(&Interpreter) -> Result<(), String>) {
    let failures: Vec<String> = chosen
        .iter()
        .filter_map(|interpreter| {
            let failure = test(interpreter).err()?;
            Some(format!("{}: {failure}", interpreter.name))
        })
        .collect();
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

/// Whether everything that is missing is a failure.
pub fn is_ci() -> bool {
    env::var("CI").is_ok_and(|value| value == "true")
}

/// The folder of packages (requests, flask, jinja2, numpy) that `scripts/packages` made for an
/// interpreter, as seen from inside its root: what its `PYTHONPATH` has to be. There is one for each
/// version from 3.8 on (from 3.14 on in the chroot), for all builds of the version.
pub fn packages(interpreter: &Interpreter) -> PathBuf {
    let (major, minor) = interpreter.minor();
    let base = match interpreter.is_in_chroot() {
        true => PathBuf::from("/opt/pyunload"),
        false => list_folder(),
    };
    let seen = base.join(format!("packages/{major}.{minor}"));
    let here = interpreter.inside(&seen);
    assert!(
        here.join("pins.txt").exists(),
        "there is no {}: run scripts/packages",
        here.display()
    );
    seen
}

fn listed() -> Vec<Interpreter> {
    let list = list_folder().join("interpreters.tsv");
    let Ok(text) = fs::read_to_string(&list) else {
        assert!(!is_ci(), "there is no {}", list.display());
        println!("there is no {}: run scripts/interpreters", list.display());
        return Vec::new();
    };
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(parse_line)
        .collect()
}

fn list_folder() -> PathBuf {
    if let Some(folder) = env::var_os("PYUNLOAD_INTERPRETERS_DIR") {
        return folder.into();
    }
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || PathBuf::from(env::var_os("HOME").unwrap_or_default()).join(".cache");
    cache.unwrap_or_else(home).join("pyunload/interpreters")
}

fn parse_line(line: &str) -> Interpreter {
    let [name, version, build, root, program] = line.split('\t').collect::<Vec<_>>()[..] else {
        panic!("not a line of the list: {line}");
    };
    Interpreter {
        name: name.into(),
        version: version.into(),
        build: build.into(),
        root: root.into(),
        program: program.into(),
    }
}

/// The target program `name` of `tests/targets`.
pub fn program(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/targets")
        .join(name)
}

/// A running target program that has printed READY. Dropping it ends it, by its pid.
///
/// A program prints what it likes, then the line READY, then waits for its standard input to end,
/// so that it goes away even when the test was killed.
#[derive(Debug)]
pub struct Target {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    printed: Vec<String>,
    // Removed after the child has ended: fields are dropped in order, after `drop`.
    _folder: TempDir,
}

impl Target {
    /// Starts a program file in an interpreter and waits until it is ready.
    pub fn start(interpreter: &Interpreter, program: &Path, arguments: &[&str]) -> Target {
        Target::start_with(interpreter, program, arguments, |_| {})
    }

    /// As [`Target::start`], after `prepare` changed the command: environment, interpreter options.
    pub fn start_with(
        interpreter: &Interpreter,
        program: &Path,
        arguments: &[&str],
        prepare: impl FnOnce(&mut Command),
    ) -> Target {
        let (folder, seen) = copy_into(&interpreter.root, program);
        let mut command = command_of(interpreter);
        prepare(&mut command);
        command.arg(seen).args(arguments);
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        Target::launch(command, folder)
    }

    /// Starts a command that ends up as a target, and keeps `folder` until it has ended.
    pub fn launch(mut command: Command, folder: TempDir) -> Target {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let input = child.stdin.take();
        let lines = lines_of(&mut child);
        let mut target = Target {
            child,
            input,
            lines,
            printed: Vec::new(),
            _folder: folder,
        };
        target.printed = target.lines_until("READY");
        target
    }

    /// Itself, when it has come to rest; see [`wait_until_at_rest`].
    pub fn at_rest(self) -> Target {
        wait_until_at_rest(self.pid());
        self
    }

    /// Its pid.
    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    /// What it printed before READY, line by line.
    pub fn printed(&self) -> &[String] {
        &self.printed
    }

    /// Sends a line to its standard input.
    pub fn send(&mut self, line: &str) {
        let input = self.input.as_mut().expect("the input is open");
        writeln!(input, "{line}").expect("the target reads");
    }

    /// The next line it prints.
    pub fn line(&mut self) -> String {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => panic!("the target prints nothing"),
            Err(RecvTimeoutError::Disconnected) => {
                panic!("the target ended: {:?}", self.child.wait())
            }
        }
    }

    /// The lines it prints before the line `end`.
    pub fn lines_until(&mut self, end: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.line();
            if line == end {
                return lines;
            }
            lines.push(line);
        }
    }

    /// Closes its standard input, at whose end a target ends.
    pub fn close(&mut self) {
        self.input = None;
    }

    /// Closes its standard input and waits for its end; whether it ended well.
    pub fn finish(mut self) -> bool {
        self.input = None;
        self.child.wait().is_ok_and(|status| status.success())
    }

    /// Whether it has not ended yet.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until every thread of a process waits, the main one for what it reads or polls: a program
/// answers before it waits for more, and holds a reference or two until then.
pub fn wait_until_at_rest(pid: i32) {
    let start = Instant::now();
    while !is_at_rest(pid).unwrap_or_else(|error| panic!("{pid}: {error}")) {
        assert!(start.elapsed() < PATIENCE, "{pid} does not come to rest");
        thread::sleep(Duration::from_millis(1));
    }
}

fn is_at_rest(pid: i32) -> std::io::Result<bool> {
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let call = fs::read_to_string(task?.path().join("syscall"));
        if call.is_ok_and(|call| call.starts_with("running")) {
            return Ok(false);
        }
    }
    // On x86-64: read of standard input, epoll_wait, epoll_pwait.
    let call = fs::read_to_string(format!("/proc/{pid}/syscall"))?;
    Ok(["0 0x0 ", "232 ", "281 "]
        .iter()
        .any(|number| call.starts_with(number)))
}

/// Copies a program to where the interpreter finds it; the folder, and the path as seen there.
fn copy_into(root: &Path, program: &Path) -> (TempDir, PathBuf) {
    let shared = root.join("tmp");
    let folder = TempDir::with_prefix_in("pyunload-", &shared).expect("a folder in the root");
    let name = program.file_name().expect("a file");
    fs::copy(program, folder.path().join(name)).expect("the program is copied");
    let inside = folder.path().strip_prefix(root).expect("below the root");
    let seen = Path::new("/").join(inside).join(name);
    (folder, seen)
}

/// The command that runs the interpreter; `chroot` replaces itself, so the pid is the target's.
fn command_of(interpreter: &Interpreter) -> Command {
    if !interpreter.is_in_chroot() {
        return Command::new(&interpreter.program);
    }
    let mut command = Command::new("chroot");
    command.arg(&interpreter.root).arg(&interpreter.program);
    command
}

fn lines_of(child: &mut Child) -> Receiver<String> {
    let output = BufReader::new(child.stdout.take().expect("a pipe"));
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    lines
}
