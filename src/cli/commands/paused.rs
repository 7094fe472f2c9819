//! Reading sys.modules while the process stands still. Everything slow comes before the stop, and
//! the stop is undone before anything is said about it. What is read is rehearsed while the process
//! runs, so that the stop holds only a copy of a few pages; when the target changed so much in
//! between that this does not succeed, all is read under one longer stop.

use super::open::Opened;
use crate::cli::exit::{Exit, Failure};
use crate::cpython::python::Interpreter;
use crate::modules::inventory::{Inventory, inventory_of_still};
use crate::target::access::{Denial, Evidence, denial_of_change};
use crate::target::memory::{Piece, ReadMemory};
use crate::target::pause::{PauseError, Paused, StopLimits};
use crate::target::process::Process;
use crate::target::rehearsal::{Notes, Rehearsal};
use crate::target::shared_read::SharedRead;
use crate::target::signals::SignalsBlocked;
use crate::target::watchdog::Watchdog;
use std::time::Duration;

/// Pieces that a thread takes at once.
const AT_ONCE: usize = 128;

/// How many short stops are tried before a longer one.
const ROUNDS: usize = 4;

/// The modules as they were at one moment, and how long the process stood still for it.
///
/// # Errors
/// When it cannot be stopped, or not be read within the limit; it runs on as before.
pub fn inventory(
    opened: &Opened,
    interpreter: &Interpreter,
    max_stop: Duration,
) -> Result<(Inventory, Duration), Failure> {
    let pid = opened.process.pid();
    let python = &opened.located.python;
    let limits = python.stop_limits(max_stop);
    let watchdog = Watchdog::start().map_err(|error| failure(pid, error.into()))?;
    let stop = Stop {
        opened,
        watchdog: &watchdog,
        limits,
    };
    let mut held = Duration::ZERO;
    let mut notes = rehearse(opened, interpreter);
    for _ in 0..ROUNDS {
        let mut recording = notes.recording();
        recording.fill(|pieces| stop.read(&mut held, pieces))?;
        let inventory = inventory_of_still(&recording, python, interpreter);
        let missed = recording.missed();
        if missed.is_empty() {
            return Ok((
                inventory.map_err(|error| Failure::from(error).of(pid))?,
                held,
            ));
        }
        notes.add(&missed);
    }
    let read = |paused: &Paused<'_>| inventory_of_still(paused, python, interpreter);
    Ok((stop.during(&mut held, read)?, held))
}

/// Where a reader of sys.modules looks. What it reads now does not count.
fn rehearse(opened: &Opened, interpreter: &Interpreter) -> Notes {
    let rehearsal = Rehearsal::new(&opened.process);
    let _ = inventory_of_still(&rehearsal, &opened.located.python, interpreter);
    rehearsal.notes()
}

/// Lets the helper go however the stop ends.
struct EndOnDrop<'s, 'p, 'b>(&'s SharedRead<'p, 'b>);

impl Drop for EndOnDrop<'_, '_, '_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// How the process is stopped.
struct Stop<'s> {
    opened: &'s Opened,
    watchdog: &'s Watchdog,
    limits: StopLimits,
}

impl Stop<'_> {
    /// Reads the pieces while the process stands still; with a second thread where there is a
    /// second processor.
    fn read(&self, held: &mut Duration, pieces: &mut [Piece<'_>]) -> Result<(), Failure> {
        let Some(helper) = self.helper() else {
            return self.during(held, |paused| paused.read_batch(pieces));
        };
        let shared = SharedRead::new(pieces, AT_ONCE);
        std::thread::scope(|scope| {
            let _end = EndOnDrop(&shared);
            scope.spawn(|| {
                let helper = helper;
                // Whoever wants to end us must not do it while the process stands still.
                let _blocked = SignalsBlocked::new();
                shared.help(&helper);
            });
            self.during(held, |paused| shared.read(paused))
        })
    }

    /// The same process for another thread.
    fn helper(&self) -> Option<Process> {
        let process = &self.opened.process;
        let processors = std::thread::available_parallelism().ok()?;
        let helper = Process::open(process.pid()).ok()?;
        let is_same = helper.start_ticks() == process.start_ticks();
        (processors.get() > 1 && is_same).then_some(helper)
    }

    /// Does something while the process stands still; adds to `held` how long it did.
    fn during<T, E: Into<Failure>>(
        &self,
        held: &mut Duration,
        act: impl FnOnce(&Paused<'_>) -> Result<T, E>,
    ) -> Result<T, Failure> {
        let pid = self.opened.process.pid();
        let paused = Paused::stop(&self.opened.process, self.watchdog, self.limits)
            .map_err(|error| failure(pid, error))?;
        if paused.stopped_for() >= self.limits.max_stop {
            // Stopping it took all the time there was.
            *held += paused.resume();
            return Err(too_long(pid, self.limits.max_stop));
        }
        let done = act(&paused);
        let stopped = paused.resume();
        *held += stopped;
        match done {
            Ok(done) => Ok(done),
            Err(_) if stopped >= self.limits.max_stop => Err(too_long(pid, self.limits.max_stop)),
            Err(error) => Err(error.into().of(pid)),
        }
    }
}

pub(super) fn too_long(pid: i32, max_stop: Duration) -> Failure {
    Failure::new(
        Exit::Withdrawn,
        format!(
            "cannot read {pid} within a stop of {} ms",
            max_stop.as_millis()
        ),
        "allow a longer stop with --max-stop MS, or read it while it runs (without --pause)",
    )
    .because("it was let go when the time was over, and runs on")
    .of(pid)
}

/// Why it was not stopped, in words and with the remedy.
pub(super) fn failure(pid: i32, error: PauseError) -> Failure {
    let read_live = "read it while it runs: without --pause";
    let message = format!("cannot stop {pid} to read it");
    let why = error.to_string();
    let (exit, cause, help) = match error {
        PauseError::Gone { pid } => return Failure::gone(pid),
        PauseError::Denied { pid } => return denied(pid, message),
        PauseError::Stopped { .. } => (Exit::Forbidden, "stopped", read_live),
        PauseError::Traced { .. } => (Exit::Forbidden, "traced", read_live),
        PauseError::InEpollWait { .. } => (Exit::Forbidden, "in_epoll_wait", read_live),
        PauseError::Late { .. } => (Exit::Forbidden, "does_not_stop", read_live),
        PauseError::Watchdog(_) => (
            Exit::Fault,
            "no_watchdog",
            "nothing is stopped without it; read it while it runs: without --pause",
        ),
        PauseError::Failed { .. } => (Exit::Fault, "unexplained", read_live),
    };
    Failure {
        cause: Some(cause),
        ..Failure::new(exit, message, help).because(why).of(pid)
    }
}

fn denied(pid: i32, message: String) -> Failure {
    let denial = denial_of_change(&Evidence::gather(pid)).unwrap_or(Denial::Unexplained);
    Failure {
        message,
        ..Failure::denied(pid, &denial)
    }
}
