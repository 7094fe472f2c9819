//! A clone of the target, which stands still while it is copied and the target goes on.
//!
//! Who stops whom: all threads of the target are stopped once, for as long as one `clone` takes, and
//! the main thread is made to call it (see `syscall_x86_64.rs`). The child is traced from its birth
//! on and has executed nothing. Then the target goes on; the child is read like any process, and
//! what the target writes meanwhile is copied by the kernel. At the end the child is let run, and
//! is taken out of the process table by a `wait4` that the target is made to call in a second stop.
//!
//! What the child does when it runs, now or because we died, is prepared in its stack: the call
//! returns into a signal frame whose only effect is `exit_group`. It shares the table of files and
//! the folders with the target, so that it holds no descriptor of its own and closes none; it has
//! no exit signal, so that the target hears nothing of it.
//!
//! If we die in the first stop, the target heals itself, as after any injected call, and the child,
//! if there is one, ends by itself. In every case all that is left is a process that has ended, in
//! the table under the target. It is known by its exit status and by its missing exit signal, and
//! the next run takes it away.

use crate::address::Address;
use crate::control::consent::Consent;
use crate::control::control::Control;
use crate::control::error::ControlError;
use crate::control::libc::Libc;
use crate::control::syscall_x86_64::{Syscall, answer_at_stop, run_to_stop};
use crate::target::about::About;
use crate::target::core_file::CoreThread;
use crate::target::headroom;
use crate::target::memory::ReadError;
use crate::target::pause::StopLimits;
use crate::target::process::{Process, ProcessError};
use crate::target::threads::thread_ids;
use crate::target::tracee::{Rest, Tracee};
use crate::target::watchdog::Watchdog;
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::cell::Cell;
use std::thread;
use std::time::{Duration, Instant};

/// The exit status of every clone of ours.
const STATUS: u64 = 0x70;
/// Bytes of which the kernel copies the page tables in a millisecond, on a slow machine.
const BYTES_PER_MS: u64 = 10 << 20;
/// How often it is tried, where the reason may pass by itself.
const LOOKS: u32 = 100;
/// Between two tries.
const BETWEEN: Duration = Duration::from_millis(3);
/// How long a child may take to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// What forking needs of its surroundings.
#[derive(Debug, Clone, Copy)]
pub struct Forking<'p> {
    /// The process.
    pub process: &'p Process,
    /// Ready before the first stop.
    pub watchdog: &'p Watchdog,
    /// How long each stop may last.
    pub limits: StopLimits,
    /// Two system calls run in the process.
    pub consent: Consent,
}

/// What was done with a clone, which is gone again.
#[derive(Debug)]
pub struct Cloned<T> {
    /// What was made of it.
    pub done: T,
    /// How long the target stood still for it, from beginning to end.
    pub stopped: Duration,
    /// Why the clone, which has ended, is still in the process table; the next run clears it away.
    pub left: Option<ControlError>,
}

/// Does something with a clone of the process, and clears the clone away.
///
/// # Errors
/// [`ControlError::NoRoom`], [`ControlError::StopTooLong`] and [`ControlError::Filtered`] before
/// anything was changed; [`ControlError::Unsettled`]; or as any injected call.
pub fn with_clone<T>(
    forking: Forking<'_>,
    suits: impl Fn(&Control<'_>) -> Result<bool, ReadError>,
    act: impl FnOnce(&Fork) -> T,
) -> Result<Cloned<T>, ControlError> {
    let fork = Fork::make(forking, suits)?;
    let done = act(&fork);
    let before = fork.stopped;
    let (stopped, left) = match fork.end(forking) {
        Ok(stopped) => (stopped, None),
        Err(error) => (before, Some(error)),
    };
    Ok(Cloned {
        done,
        stopped,
        left,
    })
}

/// A clone that stands still. Dropped, it ends; and cleared away by [`with_clone`].
#[derive(Debug)]
pub struct Fork {
    child: Process,
    tracee: Tracee,
    ended: Cell<bool>,
    threads: Vec<CoreThread>,
    stopped: Duration,
}

impl Fork {
    /// Has the process clone itself, when `suits` says that the moment is right; it is asked under
    /// the stop, and the process let go again when it is not. What a killed run left is cleared
    /// away first.
    ///
    /// # Errors
    /// [`ControlError::NoRoom`], [`ControlError::StopTooLong`] and [`ControlError::Filtered`] before
    /// anything was changed; [`ControlError::Unsettled`]; or as any injected call.
    fn make(
        forking: Forking<'_>,
        suits: impl Fn(&Control<'_>) -> Result<bool, ReadError>,
    ) -> Result<Self, ControlError> {
        let Forking {
            process, limits, ..
        } = forking;
        let bytes = headroom::own_memory(process)?;
        // As much again for the copy of ours.
        headroom::check(process, bytes, bytes * 2)?;
        let foreseen = Duration::from_millis(bytes / BYTES_PER_MS);
        if foreseen > limits.max_stop {
            return Err(ControlError::StopTooLong {
                bytes,
                foreseen,
                allowed: limits.max_stop,
            });
        }
        let libc = Libc::find(process, &process.maps()?)?;
        let mut stopped = reclaim(forking, &libc)?;
        let made = forking.under_control(&mut stopped, |control| match suits(control)? {
            true => make_now(control, &libc).map(Some),
            false => Ok(None),
        })?;
        let (tracee, threads) = made;
        let child = Process::open(tracee.tid())?;
        Ok(Fork {
            child,
            tracee,
            ended: Cell::new(false),
            threads,
            stopped,
        })
    }

    /// The clone: its memory is that of the target at the moment of the stop.
    pub fn child(&self) -> &Process {
        &self.child
    }

    /// The threads of the target at that moment.
    pub fn threads(&self) -> &[CoreThread] {
        &self.threads
    }

    /// Ends the clone and clears it away. How long the target stood still for the clone, from
    /// beginning to end.
    ///
    /// # Errors
    /// As any injected call: then a process that has ended stays in the table, until the next run.
    fn end(self, forking: Forking<'_>) -> Result<Duration, ControlError> {
        let mut stopped = self.stopped;
        self.end_child();
        let libc = Libc::find(forking.process, &forking.process.maps()?)?;
        stopped += reap(forking, &libc, self.child.pid())?;
        Ok(stopped)
    }

    /// Lets the child run to its end, which is all it can do.
    fn end_child(&self) {
        if self.ended.replace(true) {
            return;
        }
        let ended = self.tracee.run_to_end(Instant::now() + PATIENCE);
        if ended != Ok(true) {
            // It is ours alone; nothing of the target ends with it.
            let _ = kill(Pid::from_raw(self.tracee.tid()), Signal::SIGKILL);
        }
    }
}

impl Drop for Fork {
    fn drop(&mut self) {
        self.end_child();
    }
}

impl Forking<'_> {
    /// Does something while all threads stand still, again and again while the reason against it
    /// may pass by itself.
    fn under_control<T>(
        &self,
        stopped: &mut Duration,
        act: impl Fn(&Control<'_>) -> Result<Option<T>, ControlError>,
    ) -> Result<T, ControlError> {
        let mut last = ControlError::Unsettled { looks: LOOKS };
        for _ in 0..LOOKS {
            let control = Control::seize(self.process, self.watchdog, self.limits, self.consent);
            let done = control.and_then(|control| {
                let done = act(&control);
                *stopped += control.resume();
                done
            });
            match done {
                Ok(Some(done)) => return Ok(done),
                Ok(None) => {}
                Err(error) if error.may_pass() => last = error,
                Err(error) => return Err(error),
            }
            thread::sleep(BETWEEN);
        }
        Err(last)
    }
}

/// The clone itself, under a stop.
fn make_now(control: &Control<'_>, libc: &Libc) -> Result<(Tracee, Vec<CoreThread>), ControlError> {
    let threads = control.core_threads()?;
    let calls = [
        Syscall::clone_process(Address::NULL),
        Syscall::exit_group(STATUS),
        Syscall::wait_for_child(1),
    ];
    control.check_filters(libc, &calls)?;
    let stack = control.write_ending_frame(libc, STATUS)?;
    let thread = control.main_thread();
    let born = Cell::new(None);
    thread.trace_clones(true).map_err(ControlError::Trace)?;
    let call = Syscall::clone_process(stack);
    let cloned = control.call_through(libc, call, |thread, deadline| {
        run_to_stop(thread, libc, call.number, deadline, "no entry")?;
        born.set(thread.run_to_birth(deadline).map_err(ControlError::Trace)?);
        match born.get() {
            Some(_) => run_to_stop(thread, libc, call.number, deadline, "no exit"),
            // It stands at the exit already: the call has failed.
            None => answer_at_stop(thread, libc, call.number),
        }
    });
    let reset = thread.trace_clones(false).map_err(ControlError::Trace);
    let Some(child) = born.get().map(|child| thread.born(child)) else {
        return Err(cloned
            .err()
            .unwrap_or(ControlError::SyscallAstray { what: "no child" }));
    };
    let rested = child.wait_for_rest(control.deadline());
    match (cloned, reset, rested) {
        (Ok(_), Ok(()), Ok(Rest::Interrupted)) => Ok((child, threads)),
        (cloned, reset, rested) => {
            // Whatever went astray: the child can only end.
            let _ = child.run_to_end(control.deadline());
            cloned?;
            reset?;
            rested.map_err(ControlError::Trace)?;
            let what = "no child at rest";
            Err(ControlError::SyscallAstray { what })
        }
    }
}

/// Clears away what clones of runs that were killed have left; how long the target stood still.
fn reclaim(forking: Forking<'_>, libc: &Libc) -> Result<Duration, ControlError> {
    let mut stopped = Duration::ZERO;
    for child in ended_clones(forking.process) {
        stopped += reap(forking, libc, child)?;
    }
    Ok(stopped)
}

/// The clones of ours that have ended and are still in the table under the process.
pub fn ended_clones(process: &Process) -> Vec<i32> {
    let is_ours = |about: &About| {
        about.parent == process.pid()
            && about.state == 'Z'
            && about.exit_signal == 0
            && about.exit_status == Some((STATUS << 8) as i32)
    };
    let children = children(process).unwrap_or_else(About::all);
    let clones = children.into_iter().filter(is_ours);
    clones.map(|about| about.pid).collect()
}

/// The children of a process, where the kernel lists them.
fn children(process: &Process) -> Option<Vec<About>> {
    let mut found: Vec<i32> = Vec::new();
    for tid in thread_ids(process).ok()? {
        let path = format!("/proc/{}/task/{tid}/children", process.pid());
        // A thread may have ended; without the main thread's list there are no lists.
        match std::fs::read_to_string(path) {
            Ok(text) => found.extend(
                text.split_whitespace()
                    .filter_map(|pid| pid.parse::<i32>().ok()),
            ),
            Err(_) if tid == process.pid() => return None,
            Err(_) => {}
        }
    }
    Some(found.into_iter().filter_map(About::of).collect())
}

/// Has the process take a child of its own that has ended out of the table.
fn reap(forking: Forking<'_>, libc: &Libc, child: i32) -> Result<Duration, ControlError> {
    let mut stopped = Duration::ZERO;
    let Ok(inside) = Process::open(child).and_then(|child| own_number(&child)) else {
        return Ok(stopped);
    };
    forking.under_control(&mut stopped, |control| {
        match control.call(libc, Syscall::wait_for_child(inside)) {
            // It has not quite ended yet.
            Ok(0) => Ok(None),
            Ok(_) => Ok(Some(())),
            // Somebody else has taken it.
            Err(ControlError::SyscallFailed {
                errno: Errno::ECHILD,
                ..
            }) => Ok(Some(())),
            Err(error) => Err(error),
        }
    })?;
    Ok(stopped)
}

/// The pid of a process in the innermost namespace it is in, which is that of its parent.
fn own_number(process: &Process) -> Result<i32, ProcessError> {
    let status = process.status()?;
    let innermost = status.nspid.as_ref().and_then(|all| all.last().copied());
    Ok(innermost.unwrap_or(process.pid()))
}
