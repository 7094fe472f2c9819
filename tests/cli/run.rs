//! Runs the program and programs to look at.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// How long something may take to happen on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program, ready for arguments.
pub fn pyunload() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pyunload"));
    command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
    command
}

/// Runs the program with these arguments.
pub fn run(arguments: &[&str]) -> Ended {
    ended(pyunload().args(arguments))
}

/// Runs a command to its end.
pub fn ended(command: &mut Command) -> Ended {
    let output = command.stdin(Stdio::null()).output();
    output.expect("the command starts").into()
}

/// Runs the program with something on its standard input.
pub fn run_with_input(arguments: &[&str], input: &str) -> Ended {
    let mut child = pyunload()
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    // A program that ends early does not read everything.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("the program ends").into()
}

/// How a command ended and what it wrote.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Ended {
            code: output.status.code().expect("no signal ended it"),
            stdout: String::from_utf8(output.stdout).expect("text"),
            stderr: String::from_utf8(output.stderr).expect("text"),
        }
    }
}

impl Ended {
    /// Every document on standard output, one a line.
    pub fn documents(&self) -> Vec<Value> {
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
        self.stdout.lines().map(parse).collect()
    }

    /// The one document on standard output.
    pub fn document(&self) -> Value {
        let mut documents = self.documents();
        assert_eq!(documents.len(), 1, "{self:?}");
        documents.remove(0)
    }
}

/// A child that is ended, by its pid, when the test is over.
pub struct Started(pub Child);

impl Started {
    /// Starts a command and does not wait for anything.
    pub fn new(command: &mut Command) -> Started {
        Started(command.spawn().expect("the command starts"))
    }

    /// Starts a command and waits for its line READY.
    pub fn ready(command: &mut Command) -> Started {
        let started = Started::new(command.stdin(Stdio::piped()).stdout(Stdio::piped()));
        let mut started = started;
        let output = BufReader::new(started.0.stdout.take().expect("a pipe"));
        let mut lines = output.lines().map_while(Result::ok);
        assert!(lines.any(|line| line == "READY"), "it ended before READY");
        started
    }

    /// Waits for its end; what is read of its output is what nobody has read yet.
    pub fn end(mut self) -> Ended {
        let mut stdout = String::new();
        if let Some(mut pipe) = self.0.stdout.take() {
            pipe.read_to_string(&mut stdout).expect("text");
        }
        let status = self.0.wait().expect("it ends");
        Ended {
            code: status.code().expect("no signal ended it"),
            stdout,
            stderr: String::new(),
        }
    }

    pub fn pid(&self) -> i32 {
        self.0.id() as i32
    }

    pub fn pid_text(&self) -> String {
        self.0.id().to_string()
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits for a fact.
pub fn until(what: &str, fact: impl Fn() -> bool) {
    let late = Instant::now() + PATIENCE;
    while !fact() {
        assert!(Instant::now() < late, "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether this test runs as root; where not, it says what is not tested.
pub fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    let root = std::fs::metadata("/proc/self").is_ok_and(|entry| entry.uid() == 0);
    if !root {
        println!("not root: not tested");
    }
    root
}

/// A copy of the program that every user may run.
pub fn program_for_everybody() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir_in("/tmp").expect("a folder");
    let open = |path: &Path| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("ours");
    };
    let program = folder.path().join("pyunload");
    std::fs::copy(env!("CARGO_BIN_EXE_pyunload"), &program).expect("a copy");
    open(folder.path());
    open(&program);
    folder
}
