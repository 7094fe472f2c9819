//! The driver program, run as a process of its own: it is killed, stopped and signalled.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

/// Exit codes of the driver.
pub const REFUSED: i32 = 6;
pub const WITHDRAWN: i32 = 7;
pub const GONE: i32 = 8;

/// One run of the driver to come.
#[derive(Debug)]
pub struct Driver {
    command: Command,
}

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; `None` when a signal killed it.
    pub code: Option<i32>,
    /// What it printed.
    pub text: String,
}

impl Driver {
    /// Stops a process this often.
    pub fn pause(pid: i32, times: u32) -> Self {
        Driver::with(&["pause", &pid.to_string(), &times.to_string()])
    }

    /// A run against a process, with a time limit in milliseconds.
    pub fn new(pid: i32, source: &str, limit_ms: u64) -> Self {
        Driver::with(&[&pid.to_string(), source, &limit_ms.to_string()])
    }

    /// Tells what the main thread of a process waits in.
    pub fn stack(pid: i32) -> Self {
        Driver::with(&["stack", &pid.to_string()])
    }

    /// Allows that a main thread that waits runs it in the middle of its wait.
    pub fn parked(mut self) -> Self {
        self.command.env("DRIVER_PARKED", "1");
        self
    }

    /// Allows that it runs beside other threads, in a build without the GIL.
    pub fn beside_threads(mut self) -> Self {
        self.command.env("DRIVER_BESIDE_THREADS", "1");
        self
    }

    fn with(arguments: &[&str]) -> Self {
        let mut command = Command::new(program());
        command
            .args(arguments)
            .env_remove("PYUNLOAD_KILL_AT")
            .env_remove("PYUNLOAD_STOP_AT")
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        Driver { command }
    }

    /// Runs the source this often.
    pub fn times(mut self, times: u32) -> Self {
        self.command.arg(times.to_string());
        self
    }

    /// Room for the result, in bytes. After [`Driver::times`].
    pub fn room(mut self, bytes: usize) -> Self {
        self.command.arg(bytes.to_string());
        self
    }

    /// Makes it kill itself before its `step`th operation.
    pub fn killed_at(mut self, step: u32) -> Self {
        self.command.env("PYUNLOAD_KILL_AT", step.to_string());
        self
    }

    /// Makes it stop itself before its `step`th operation.
    pub fn stopped_at(mut self, step: u32) -> Self {
        self.command.env("PYUNLOAD_STOP_AT", step.to_string());
        self
    }

    /// Allows stops of so many microseconds only.
    pub fn max_stop(mut self, us: u64) -> Self {
        self.command.env("DRIVER_MAX_STOP_US", us.to_string());
        self
    }

    /// Starts it.
    pub fn start(mut self) -> Child {
        self.command.spawn().expect("the driver starts")
    }

    /// Runs it to its end.
    pub fn run(self) -> Ended {
        Ended::of(&self.start().wait_with_output().expect("the driver ends"))
    }
}

impl Ended {
    /// From what a finished process left.
    pub fn of(output: &Output) -> Self {
        Ended {
            code: output.status.code(),
            text: String::from_utf8_lossy(&output.stdout).into_owned(),
        }
    }

    /// How many runs gave a result.
    pub fn successes(&self) -> usize {
        self.text
            .lines()
            .filter(|line| line.starts_with("Ok "))
            .count()
    }
}

/// Cargo builds examples beside the tests: `target/debug/examples`, `target/debug/deps`.
fn program() -> PathBuf {
    let ourselves = std::env::current_exe().expect("a test has a path");
    let folder = ourselves
        .parent()
        .and_then(|deps| deps.parent())
        .expect("a target folder");
    let program = folder.join("examples/driver");
    assert!(
        program.exists(),
        "{} is missing: cargo build --example driver",
        program.display()
    );
    program
}
