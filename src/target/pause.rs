//! A process whose threads all stand still, or its main thread alone, for as short as possible.
//!
//! Who stops whom: the thread of the tool that makes a [`Paused`] seizes every thread of the
//! target, interrupts them, and looks again until no new one has appeared. Dropping it detaches
//! from each of them. Nothing is written but in one case: a thread found in `epoll_wait` or a
//! call like it would see EINTR only because of our stop, so its registers are set to execute the
//! call once more.
//!
//! If the tool dies at any instant, the kernel lets all threads go on; only an `epoll_wait` that
//! was interrupted and not yet rewound then returns EINTR, which CPython absorbs from 3.5 on. If
//! the tool is itself stopped, its watchdog kills it.

use crate::address::Address;
use crate::target::memory::{Piece, ReadError, ReadMemory};
use crate::target::process::Process;
use crate::target::registers_x86_64::{is_epoll_wait, is_interrupted_by_stop, rewound};
use crate::target::signals::{SignalsBlocked, StopBell};
use crate::target::threads::{Activity, Thread, pending_signals, thread_ids};
use crate::target::tracee::{Rest, Tracee};
use crate::target::until_deadline::UntilDeadline;
use crate::target::watchdog::{Watchdog, WatchdogError};
use nix::errno::Errno;
use std::marker::PhantomData;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// What a stop may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopLimits {
    /// How long the target may stand still.
    pub max_stop: Duration,
    /// Whether to refuse when a thread waits in `epoll_wait` or a call like it. Programs that
    /// cannot bear EINTR there (CPython 2.7) would be hurt if the tool died in the stop.
    pub refuse_epoll_wait: bool,
    /// Whether to stop the main thread only: for what no other thread has to do with.
    pub only_main: bool,
}

impl StopLimits {
    /// The same for the main thread only.
    pub fn of_main(self) -> Self {
        StopLimits {
            only_main: true,
            ..self
        }
    }
}

impl Default for StopLimits {
    fn default() -> Self {
        StopLimits {
            max_stop: Duration::from_millis(200),
            refuse_epoll_wait: false,
            only_main: false,
        }
    }
}

/// Why a process was not stopped. In every case it runs on as before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PauseError {
    /// It has ended, or its main thread has.
    #[error("process {pid} has ended")]
    Gone {
        /// The process.
        pid: i32,
    },
    /// It is stopped by a signal, and stays so.
    #[error("process {pid} is stopped by a signal (state T)")]
    Stopped {
        /// The process.
        pid: i32,
    },
    /// Somebody else traces it.
    #[error("process {pid} is already traced by process {tracer}")]
    Traced {
        /// The process.
        pid: i32,
        /// Who traces it; 0 when that could not be told.
        tracer: i32,
    },
    /// The kernel forbids this user to trace it.
    #[error("this user may not trace process {pid}")]
    Denied {
        /// The process.
        pid: i32,
    },
    /// A thread waits in `epoll_wait`, which must not be interrupted in this program.
    #[error("thread {tid} waits in epoll_wait, which a stop would interrupt")]
    InEpollWait {
        /// The thread.
        tid: i32,
    },
    /// A thread did not stop in time.
    #[error("thread {tid} did not stop within {} ms (it waits in {wait_channel})", .limit.as_millis())]
    Late {
        /// The thread.
        tid: i32,
        /// Where in the kernel it sleeps, in words when it does not or that is not told.
        wait_channel: String,
        /// The time allowed.
        limit: Duration,
    },
    /// There is no watchdog.
    #[error(transparent)]
    Watchdog(#[from] WatchdogError),
    /// Any other answer of the kernel.
    #[error("stopping thread {tid} failed: {errno}")]
    Failed {
        /// The thread.
        tid: i32,
        /// What the kernel said.
        errno: Errno,
    },
}

/// One thread under ptrace, and whether it stands still.
#[derive(Debug)]
struct Held {
    tracee: Tracee,
    at_rest: bool,
}

/// A process whose threads stand still until this is dropped: all of them, or the main thread.
#[derive(Debug)]
pub struct Paused<'p> {
    process: &'p Process,
    watchdog: &'p Watchdog,
    bell: Rc<StopBell>,
    held: Vec<Held>,
    is_over: bool,
    began: Instant,
    deadline: Instant,
    limits: StopLimits,
    // Declared last: signals are let in again when all threads run.
    _signals: SignalsBlocked,
    // ptrace belongs to the thread that seized.
    _not_send: PhantomData<*const ()>,
}

impl<'p> Paused<'p> {
    /// Stops every thread of `process`, or its main thread alone where `limits` say so.
    ///
    /// # Errors
    /// [`PauseError`]; the process then runs as before.
    pub fn stop(
        process: &'p Process,
        watchdog: &'p Watchdog,
        limits: StopLimits,
    ) -> Result<Self, PauseError> {
        refuse_what_must_not_be_stopped(process, limits)?;
        let failed = |errno| PauseError::Failed {
            tid: process.pid(),
            errno,
        };
        let signals = SignalsBlocked::new().map_err(failed)?;
        let bell = Rc::new(StopBell::new().map_err(failed)?);
        watchdog.expect(limits.max_stop)?;
        let began = Instant::now();
        let mut paused = Paused {
            process,
            watchdog,
            bell,
            held: Vec::new(),
            is_over: false,
            began,
            deadline: began + limits.max_stop,
            limits,
            _signals: signals,
            _not_send: PhantomData,
        };
        if limits.only_main {
            paused.stop_threads(&[process.pid()])?;
        } else {
            while paused.stop_new_threads()? {}
        }
        Ok(paused)
    }

    /// Stops the threads not held yet; whether there were any.
    fn stop_new_threads(&mut self) -> Result<bool, PauseError> {
        let pid = self.process.pid();
        let known = self.held.len();
        let mut threads = thread_ids(self.process).map_err(|_| PauseError::Gone { pid })?;
        threads.retain(|tid| !self.held.iter().any(|held| held.tracee.tid() == *tid));
        self.stop_threads(&threads)?;
        Ok(self.held.len() > known)
    }

    /// Stops these threads. Without the main thread, by then, nothing is stopped.
    fn stop_threads(&mut self, threads: &[i32]) -> Result<(), PauseError> {
        let pid = self.process.pid();
        let known = self.held.len();
        for tid in threads {
            self.seize(*tid)?;
        }
        for held in &self.held[known..] {
            // A thread that has ended meanwhile shows that when it is waited for.
            let _ = held.tracee.interrupt();
        }
        let mut index = known;
        while index < self.held.len() {
            if self.bring_to_rest(index)? {
                index += 1;
            } else {
                self.held.remove(index);
            }
        }
        if self
            .held
            .first()
            .is_none_or(|held| held.tracee.tid() != pid)
        {
            return Err(PauseError::Gone { pid });
        }
        Ok(())
    }

    fn seize(&mut self, tid: i32) -> Result<(), PauseError> {
        match Tracee::seize(tid, &self.bell) {
            Ok(tracee) => {
                self.held.push(Held {
                    tracee,
                    at_rest: false,
                });
                Ok(())
            }
            Err(Errno::ESRCH) => Ok(()),
            Err(Errno::EPERM) => self.why_not_permitted(tid),
            Err(errno) => Err(PauseError::Failed { tid, errno }),
        }
    }

    /// EPERM has three causes: the thread is ending, it is traced, or we may not.
    fn why_not_permitted(&self, tid: i32) -> Result<(), PauseError> {
        let pid = self.process.pid();
        match Thread::look(self.process, tid) {
            None => return Ok(()),
            Some(thread) if "ZX".contains(thread.state) => return Ok(()),
            Some(_) => {}
        }
        match tracer_of(self.process) {
            Some(0) | None => Err(PauseError::Denied { pid }),
            Some(tracer) => Err(PauseError::Traced { pid, tracer }),
        }
    }

    /// Waits until a thread stands still; `Ok(false)` when it has ended.
    fn bring_to_rest(&mut self, index: usize) -> Result<bool, PauseError> {
        let held = &mut self.held[index];
        let tid = held.tracee.tid();
        match wait_for_rest(self.process, &held.tracee, self.deadline) {
            Ok(Rest::Late) if self.process.has_ended() => Err(PauseError::Gone {
                pid: self.process.pid(),
            }),
            Ok(Rest::Interrupted) => {
                held.at_rest = true;
                match self.rewind_epoll_wait(index) {
                    Ok(()) => Ok(true),
                    Err(Errno::ESRCH) => {
                        // It was killed where it stood; its end is what comes next.
                        self.held[index].at_rest = false;
                        self.bring_to_rest(index)
                    }
                    Err(errno) => Err(PauseError::Failed { tid, errno }),
                }
            }
            Ok(Rest::Ended) | Err(Errno::ECHILD | Errno::ESRCH) => Ok(false),
            Ok(Rest::GroupStop) => {
                held.at_rest = true;
                Err(PauseError::Stopped {
                    pid: self.process.pid(),
                })
            }
            Ok(Rest::Late) => Err(PauseError::Late {
                tid,
                wait_channel: where_it_waits(self.process, tid),
                limit: self.limits.max_stop,
            }),
            Err(errno) => Err(PauseError::Failed { tid, errno }),
        }
    }

    /// Has the thread execute a system call again that only our stop interrupted. A signal that
    /// waits for the thread may be the true cause of the EINTR: then it stays.
    fn rewind_epoll_wait(&self, index: usize) -> Result<(), Errno> {
        let tracee = &self.held[index].tracee;
        let registers = tracee.registers()?;
        if is_interrupted_by_stop(&registers)
            && pending_signals(self.process, tracee.tid()) == Some(0)
        {
            tracee.set_registers(rewound(&registers))?;
        }
        Ok(())
    }

    /// The process.
    pub fn process(&self) -> &'p Process {
        self.process
    }

    /// How long it has been standing still.
    pub fn stopped_for(&self) -> Duration {
        self.began.elapsed()
    }

    /// Until when it may stand still.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Its memory until the deadline, for any thread.
    pub fn memory(&self) -> UntilDeadline<'p> {
        UntilDeadline {
            process: self.process,
            deadline: self.deadline,
        }
    }

    /// The ids of the threads that stand still, the main thread's first.
    pub fn thread_ids(&self) -> Vec<i32> {
        self.held.iter().map(|held| held.tracee.tid()).collect()
    }

    /// The main thread. There always is one: without it nothing is paused.
    pub(crate) fn main_thread(&self) -> &Tracee {
        &self.held[0].tracee
    }

    /// The threads that stand still, the main thread first.
    pub(crate) fn threads(&self) -> impl Iterator<Item = &Tracee> {
        self.held.iter().map(|held| &held.tracee)
    }

    /// Lets them go on; how long they stood still.
    pub fn resume(mut self) -> Duration {
        self.let_go()
    }

    fn let_go(&mut self) -> Duration {
        let began = self.began;
        let mut stopped = Duration::ZERO;
        // The main thread last: the others are on their way when it begins what it may have been given to do.
        self.held.reverse();
        // One that cannot be detached from runs: it has not stopped yet, or was let run and has not
        // stopped again. Or it was killed.
        self.held.retain(|held| {
            // Not behind it: a thread that goes on may take the processor from us at once.
            stopped = began.elapsed();
            !held.at_rest || held.tracee.detach().is_err()
        });
        self.is_over = true;
        self.watchdog.rest();
        self.let_latecomers_go();
        stopped
    }

    /// Waits for each thread that runs until it stops or has ended, but not for ever. One that stays
    /// late is let go by the kernel when the tool ends.
    fn let_latecomers_go(&mut self) {
        const PATIENCE: Duration = Duration::from_secs(1);
        let deadline = Instant::now() + PATIENCE;
        // The main thread stands last: its end is only told when all others have ended.
        for held in self.held.drain(..) {
            // Whether it can be asked shows when it is waited for.
            let _ = held.tracee.interrupt();
            let _ = held.tracee.detach_from_next_stop(deadline);
        }
    }
}

impl Drop for Paused<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.let_go();
        }
    }
}

impl ReadMemory for Paused<'_> {
    /// As of the process, until the deadline: a stop ends in time even when a reader does not.
    fn read_some_at(&self, at: Address, buffer: &mut [u8]) -> Result<usize, ReadError> {
        self.memory().read_some_at(at, buffer)
    }

    /// In parts, so that a long read notices when the time is over.
    fn read_batch(&self, pieces: &mut [Piece<'_>]) -> Result<(), ReadError> {
        self.memory().read_batch(pieces)
    }
}

/// As [`Tracee::wait_for_rest`], but [`Rest::Late`] at once when the process has ended: of the main
/// thread that is only told when all others are waited for.
fn wait_for_rest(process: &Process, tracee: &Tracee, deadline: Instant) -> Result<Rest, Errno> {
    const BETWEEN_LOOKS: Duration = Duration::from_millis(10);
    loop {
        let soon = Instant::now() + BETWEEN_LOOKS;
        match tracee.wait_for_rest(soon.min(deadline)) {
            Ok(Rest::Late) if soon < deadline && !process.has_ended() => {}
            rest => return rest,
        }
    }
}

/// What keeps a thread from stopping.
fn where_it_waits(process: &Process, tid: i32) -> String {
    match Thread::look(process, tid) {
        Some(thread) if thread.state == 'R' => "the queue for a processor".to_owned(),
        Some(thread) if !thread.wait_channel.is_empty() => thread.wait_channel,
        _ => "a place that the kernel does not tell".to_owned(),
    }
}

/// The process that traces this one, 0 for none.
fn tracer_of(process: &Process) -> Option<i32> {
    process.status().ok().map(|status| status.tracerpid)
}

fn refuse_what_must_not_be_stopped(
    process: &Process,
    limits: StopLimits,
) -> Result<(), PauseError> {
    let pid = process.pid();
    if !process.is_same() {
        return Err(PauseError::Gone { pid });
    }
    match tracer_of(process) {
        None => return Err(PauseError::Gone { pid }),
        Some(0) => {}
        Some(tracer) => return Err(PauseError::Traced { pid, tracer }),
    }
    for tid in thread_ids(process).map_err(|_| PauseError::Gone { pid })? {
        let Some(thread) = Thread::look(process, tid) else {
            continue;
        };
        match (thread.state, thread.activity) {
            ('T' | 't', _) => return Err(PauseError::Stopped { pid }),
            ('Z' | 'X', _) if tid == pid => return Err(PauseError::Gone { pid }),
            (_, Activity::Syscall { number, .. })
                if limits.refuse_epoll_wait && is_epoll_wait(number) =>
            {
                return Err(PauseError::InEpollWait { tid });
            }
            _ => {}
        }
    }
    Ok(())
}
