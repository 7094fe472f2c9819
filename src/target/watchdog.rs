//! A small second process that ends the tool when the tool keeps a target stopped for too long.
//!
//! The tool itself keeps to its deadline, as long as it runs. It may be stopped by a terminal,
//! throttled or swapped out while the target stands still. The watchdog is our own program,
//! started with a hidden argument, ready before the first stop. The tool tells it through a pipe
//! when a stop may last until (milliseconds, 8 bytes) and when it is over (0). When a stop is
//! overdue it kills the tool with SIGKILL; the kernel then lets every thread of the target go on,
//! and what the tool left in the target heals itself. When the tool ends, the pipe closes and the
//! watchdog ends too. It runs in a process group of its own, so that no terminal stops both.

use crate::target::process::Process;
use crate::target::processors::{Stay, run_where_it_may};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getppid};
use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// The hidden first argument that makes our program a watchdog.
pub const WATCHDOG_ARGUMENT: &str = "__watchdog";
/// What the watchdog says when it is ready.
const READY: &[u8; 8] = b"watching";
/// Room for a tool that is late but alive.
const GRACE: Duration = Duration::from_millis(50);

/// Why there is no watchdog. Without one nothing is stopped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WatchdogError {
    /// The process could not be started.
    #[error("the watchdog process cannot be started: {detail}")]
    NotStarted {
        /// What the kernel said.
        detail: String,
    },
    /// It was started and did not say that it is ready.
    #[error("the watchdog process did not become ready")]
    NotReady,
}

/// The watchdog process, ready. Dropping it ends it.
#[derive(Debug)]
pub struct Watchdog {
    child: Child,
}

impl Watchdog {
    /// Starts one and waits until it is ready.
    ///
    /// # Errors
    /// [`WatchdogError`].
    pub fn start() -> Result<Self, WatchdogError> {
        let failed = |error: &dyn std::fmt::Display| WatchdogError::NotStarted {
            detail: error.to_string(),
        };
        let ourselves = Process::open(std::process::id() as i32).map_err(|error| failed(&error))?;
        // While it starts we wait: on our processor it takes nothing from the target.
        let stay = Stay::here();
        let child = Command::new("/proc/self/exe")
            .arg(WATCHDOG_ARGUMENT)
            .arg(ourselves.pid().to_string())
            .arg(ourselves.start_ticks().to_string())
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|error| failed(&error))?;
        let mut watchdog = Watchdog { child };
        let mut answer = [0; READY.len()];
        let said = watchdog
            .child
            .stdout
            .take()
            .is_some_and(|mut pipe| pipe.read_exact(&mut answer).is_ok());
        drop(stay);
        if said && &answer == READY {
            Ok(watchdog)
        } else {
            Err(WatchdogError::NotReady)
        }
    }

    /// From now on a stop may last `time`.
    ///
    /// # Errors
    /// [`WatchdogError::NotReady`] when it is gone: do not stop anything.
    pub fn expect(&self, time: Duration) -> Result<(), WatchdogError> {
        let allowed = (time + GRACE).as_millis().clamp(1, u128::from(u32::MAX)) as u64;
        self.say(allowed).ok_or(WatchdogError::NotReady)
    }

    /// The stop is over.
    pub fn rest(&self) {
        // A watchdog that is gone has nothing to be told.
        let _ = self.say(0);
    }

    fn say(&self, milliseconds: u64) -> Option<()> {
        let mut pipe = self.child.stdin.as_ref()?;
        pipe.write_all(&milliseconds.to_le_bytes()).ok()
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // It ends by itself when the pipe closes; this only takes its place in the process table.
        let _ = self.child.wait();
    }
}

/// What our program does when started as a watchdog: `arguments` are those behind the hidden one,
/// the tool's pid and its start time in clock ticks.
pub fn watchdog_main(arguments: &[OsString]) -> ExitCode {
    let number = |index: usize| arguments.get(index)?.to_str()?.parse::<u64>().ok();
    let tool = number(0)
        .and_then(|pid| i32::try_from(pid).ok())
        .and_then(|pid| Process::open(pid).ok())
        .filter(|process| Some(process.start_ticks()) == number(1));
    let Some(tool) = tool.filter(is_our_parent) else {
        return ExitCode::from(2);
    };
    if std::io::stdout().write_all(READY).is_err() || std::io::stdout().flush().is_err() {
        return ExitCode::FAILURE;
    }
    watch(&tool);
    ExitCode::SUCCESS
}

fn is_our_parent(tool: &Process) -> bool {
    getppid() == Pid::from_raw(tool.pid()) && tool.is_same()
}

/// Until the pipe closes: waits for messages, no longer than the stop at hand may last.
fn watch(tool: &Process) {
    let stdin = std::io::stdin();
    let mut overdue: Option<Instant> = None;
    loop {
        let left = overdue.map(|at| at.saturating_duration_since(Instant::now()));
        let timeout = left.map_or(PollTimeout::NONE, |left| {
            PollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX)
        });
        let mut ready = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
        match poll(&mut ready, timeout) {
            Ok(0) if overdue.is_some_and(|at| at <= Instant::now()) => return end(tool),
            Ok(0) => {}
            Ok(_) => match read_message(&stdin) {
                Some(0) => overdue = None,
                Some(time) => {
                    overdue = Some(Instant::now() + Duration::from_millis(time));
                    // It was started on one processor, which may be busy when the stop is overdue.
                    run_where_it_may(tool.pid());
                }
                None => return,
            },
            Err(nix::errno::Errno::EINTR) => {}
            Err(_) => return,
        }
    }
}

/// One message, straight from the descriptor: what a buffer took, `poll` would not show.
fn read_message(stdin: &std::io::Stdin) -> Option<u64> {
    let mut message = [0; 8];
    let mut got = 0;
    while got < message.len() {
        match nix::unistd::read(stdin.as_fd(), &mut message[got..]) {
            Ok(0) => return None,
            Ok(count) => got += count,
            Err(nix::errno::Errno::EINTR) => {}
            Err(_) => return None,
        }
    }
    Some(u64::from_le_bytes(message))
}

fn end(tool: &Process) {
    if is_our_parent(tool) {
        // If it has just ended by itself there is nothing to do.
        let _ = kill(Pid::from_raw(tool.pid()), Signal::SIGKILL);
    }
}
