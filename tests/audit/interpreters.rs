//! The interpreters that `scripts/interpreters` obtained, and running them.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

/// One line of the table of interpreters.
#[derive(Debug, Clone)]
pub struct Interpreter {
    /// Its name in the table.
    pub name: String,
    /// Its version, as it prints it.
    pub version: String,
    /// `release`, `debug`, `musl`, `freethreaded`, `embed`.
    pub build: String,
    /// `/`, or the directory of a chroot.
    pub root: PathBuf,
    /// The program, as seen from `root`.
    pub program: PathBuf,
}

impl Interpreter {
    /// A path inside its root, as seen from here.
    pub fn inside(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// The minor version.
    pub fn minor(&self) -> (u8, u8) {
        let mut numbers = self
            .version
            .split('.')
            .map(|n| n.parse().expect("a number"));
        let mut next = || numbers.next().expect("two numbers");
        (next(), next())
    }

    /// The command that runs it.
    pub fn command(&self) -> Command {
        if self.root == Path::new("/") {
            return Command::new(&self.program);
        }
        let mut command = Command::new("chroot");
        command.arg(&self.root).arg(&self.program);
        command
    }
}

/// Every interpreter of the table.
///
/// Without a table there is nothing to compare with: that fails where CI says that everything is
/// to be there, and elsewhere is said aloud.
pub fn all() -> Vec<Interpreter> {
    let table = directory().join("interpreters.tsv");
    let Ok(text) = std::fs::read_to_string(&table) else {
        assert!(
            !are_all_required(),
            "no {}: run scripts/interpreters",
            table.display()
        );
        eprintln!(
            "no {}: run scripts/interpreters; nothing compared",
            table.display()
        );
        return Vec::new();
    };
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(parse)
        .collect()
}

/// Whether everything that is missing is a failure.
pub fn are_all_required() -> bool {
    std::env::var("CI").as_deref() == Ok("true")
}

fn parse(line: &str) -> Interpreter {
    let columns: Vec<&str> = line.split('\t').collect();
    let [name, version, build, root, program] = columns[..] else {
        panic!("not five columns: {line:?}");
    };
    Interpreter {
        name: name.to_owned(),
        version: version.to_owned(),
        build: build.to_owned(),
        root: root.into(),
        program: program.into(),
    }
}

fn directory() -> PathBuf {
    if let Some(directory) = std::env::var_os("PYUNLOAD_INTERPRETERS_DIR") {
        return directory.into();
    }
    let cache = match std::env::var_os("XDG_CACHE_HOME") {
        Some(cache) => PathBuf::from(cache),
        None => PathBuf::from(std::env::var_os("HOME").expect("HOME is set")).join(".cache"),
    };
    cache.join("pyunload/interpreters")
}

/// An interpreter that waits until it is dropped.
pub struct Running {
    child: Child,
    _input: ChildStdin,
}

impl Running {
    /// Starts it and waits until it has imported `json` and says so.
    pub fn start(interpreter: &Interpreter) -> Self {
        let code = "import json, sys; print('READY'); sys.stdout.flush(); sys.stdin.read()";
        let mut child = interpreter
            .command()
            .args(["-E", "-c", code])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the interpreter starts");
        let input = child.stdin.take().expect("a pipe");
        let mut line = String::new();
        let output = child.stdout.as_mut().expect("a pipe");
        BufReader::new(output).read_line(&mut line).expect("text");
        assert_eq!(line, "READY\n", "{}", interpreter.name);
        Running {
            child,
            _input: input,
        }
    }

    /// Its pid.
    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
