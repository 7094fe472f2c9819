//! One thread under ptrace. Everything of ptrace that the crate uses is here or in `raw.rs`.
//!
//! A thread is seized, not attached to: that sends no signal. It is then interrupted, and a stop
//! that comes first for another reason (a signal on its way) is passed through. Single-stepping
//! and breakpoints do not exist here: a tracer that dies over them takes the target along.

use crate::target::raw::{self, Waited};
use crate::target::registers_x86_64::Registers;
use crate::target::signals::StopBell;
use crate::target::steps::step;
use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace;
use nix::unistd::Pid;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// A thread that this thread of ours has seized.
#[derive(Debug)]
pub(crate) struct Tracee {
    tid: i32,
    bell: Rc<StopBell>,
}

/// How a thread came to rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    /// It stands where the interruption found it.
    Interrupted,
    /// Its whole process had been stopped by a signal before.
    GroupStop,
    /// It ended.
    Ended,
    /// It did not stop in time.
    Late,
}

/// At a stop for a system call, bit 7 is set in the signal.
const SYSCALL_STOP: i32 = libc::SIGTRAP | 0x80;

impl Tracee {
    /// Begins to trace a thread, which goes on running.
    pub(super) fn seize(tid: i32, bell: &Rc<StopBell>) -> Result<Self, Errno> {
        step();
        ptrace::seize(Pid::from_raw(tid), ptrace::Options::PTRACE_O_TRACESYSGOOD)?;
        Ok(Tracee {
            tid,
            bell: Rc::clone(bell),
        })
    }

    /// A process that this thread has just made, and that is traced from its birth on.
    pub(crate) fn born(&self, child: i32) -> Self {
        Tracee {
            tid: child,
            bell: Rc::clone(&self.bell),
        }
    }

    /// Whether what it clones is to be traced from its birth on.
    pub(crate) fn trace_clones(&self, wanted: bool) -> Result<(), Errno> {
        step();
        let mut options = ptrace::Options::PTRACE_O_TRACESYSGOOD;
        options.set(ptrace::Options::PTRACE_O_TRACECLONE, wanted);
        ptrace::setoptions(self.pid(), options)
    }

    /// Its kernel thread id.
    pub(crate) fn tid(&self) -> i32 {
        self.tid
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.tid)
    }

    /// Asks it to stop; [`Tracee::wait_for_rest`] waits until it has.
    pub(crate) fn interrupt(&self) -> Result<(), Errno> {
        step();
        ptrace::interrupt(self.pid())
    }

    /// Waits for the stop that [`Tracee::interrupt`] asked for. Signals that are on their way to
    /// the thread reach it.
    pub(crate) fn wait_for_rest(&self, deadline: Instant) -> Result<Rest, Errno> {
        loop {
            match self.wait(deadline)? {
                Waited::Nothing => return Ok(Rest::Late),
                Waited::Ended => return Ok(Rest::Ended),
                Waited::Stopped { signal, event } if event == libc::PTRACE_EVENT_STOP => {
                    return Ok(if signal == libc::SIGTRAP {
                        Rest::Interrupted
                    } else {
                        Rest::GroupStop
                    });
                }
                Waited::Stopped { signal, event } => {
                    match raw::resume_with(self.tid, passed_on(signal, event)) {
                        // It was killed in that stop; its end is what is waited for next.
                        Ok(()) | Err(Errno::ESRCH) => {}
                        Err(errno) => return Err(errno),
                    }
                }
            }
        }
    }

    fn wait(&self, deadline: Instant) -> Result<Waited, Errno> {
        /// In case another thread of ours has taken the signal.
        const LONGEST_NAP: Duration = Duration::from_millis(1);
        let awake_until = Instant::now() + self.bell.awake();
        loop {
            let waited = raw::wait_for(self.tid)?;
            let now = Instant::now();
            let left = deadline.saturating_duration_since(now);
            if waited != Waited::Nothing || left.is_zero() {
                return Ok(waited);
            }
            if now < awake_until {
                std::hint::spin_loop();
            } else {
                self.bell.wait(left.min(LONGEST_NAP));
            }
        }
    }

    /// Lets it run on, free of us.
    pub(crate) fn detach(&self) -> Result<(), Errno> {
        step();
        ptrace::detach(self.pid(), None)
    }

    /// As [`Tracee::detach`], from whatever stop it comes to next: with the signal that is on its
    /// way. Of one that was killed it takes notice, so that its parent can. `Ok(false)` when neither
    /// happened in time: then it stays ours until we end.
    pub(crate) fn detach_from_next_stop(&self, deadline: Instant) -> Result<bool, Errno> {
        loop {
            match self.wait(deadline)? {
                Waited::Nothing => return Ok(false),
                Waited::Ended => return Ok(true),
                Waited::Stopped { signal, event } => {
                    match raw::detach_with(self.tid, passed_on(signal, event)) {
                        Err(Errno::ESRCH) => {}
                        outcome => return outcome.map(|()| true),
                    }
                }
            }
        }
    }

    /// Its general registers.
    pub(crate) fn registers(&self) -> Result<Registers, Errno> {
        ptrace::getregs(self.pid())
    }

    /// Sets its general registers.
    pub(crate) fn set_registers(&self, registers: Registers) -> Result<(), Errno> {
        step();
        ptrace::setregs(self.pid(), registers)
    }

    /// Its blocked signals.
    pub(crate) fn signal_mask(&self) -> Result<u64, Errno> {
        raw::signal_mask(self.tid)
    }

    /// Sets its blocked signals.
    pub(crate) fn set_signal_mask(&self, mask: u64) -> Result<(), Errno> {
        step();
        raw::set_signal_mask(self.tid, mask)
    }

    /// A register set (`NT_*`), at most `limit` bytes of it.
    pub(crate) fn register_set(&self, kind: i32, limit: usize) -> Result<Vec<u8>, Errno> {
        raw::register_set(self.tid, kind, limit)
    }

    /// Where its `struct rseq` is, 0 for nowhere.
    pub(crate) fn rseq_area(&self) -> u64 {
        raw::rseq_area(self.tid)
    }

    /// Its seccomp filter with this index, as the kernel keeps it.
    pub(crate) fn seccomp_filter(&self, index: usize) -> Result<Vec<u8>, Errno> {
        raw::seccomp_filter(self.tid, index)
    }

    /// Runs it from the entry of a `clone` to the birth of the child, and gives the child's pid;
    /// `None` when it came to the end of the call, or to its own, without one.
    pub(crate) fn run_to_birth(&self, deadline: Instant) -> Result<Option<i32>, Errno> {
        let mut signal = 0;
        loop {
            step();
            raw::resume_to_syscall(self.tid, signal)?;
            match self.wait(deadline)? {
                Waited::Stopped { event, .. } if event == libc::PTRACE_EVENT_CLONE => {
                    let child = ptrace::getevent(self.pid())?;
                    return Ok(i32::try_from(child).ok());
                }
                Waited::Stopped { signal, .. } if signal == SYSCALL_STOP => return Ok(None),
                Waited::Stopped {
                    signal: other,
                    event,
                } => signal = passed_on(other, event),
                Waited::Nothing | Waited::Ended => return Ok(None),
            }
        }
    }

    /// Lets it run until it ends; `false` when it had not ended by then.
    pub(crate) fn run_to_end(&self, deadline: Instant) -> Result<bool, Errno> {
        let mut signal = 0;
        loop {
            step();
            raw::resume_with(self.tid, signal)?;
            match self.wait(deadline)? {
                Waited::Stopped {
                    signal: other,
                    event,
                } => signal = passed_on(other, event),
                Waited::Nothing => return Ok(false),
                Waited::Ended => return Ok(true),
            }
        }
    }

    /// Runs it to the next entry to or exit from a system call. `Ok(false)` when it ended or was
    /// too late. A signal that cannot be blocked reaches it.
    pub(crate) fn run_to_syscall_stop(&self, deadline: Instant) -> Result<bool, Errno> {
        let mut signal = 0;
        loop {
            step();
            raw::resume_to_syscall(self.tid, signal)?;
            match self.wait(deadline)? {
                Waited::Stopped { signal, .. } if signal == SYSCALL_STOP => return Ok(true),
                Waited::Stopped {
                    signal: other,
                    event,
                } => signal = passed_on(other, event),
                Waited::Nothing | Waited::Ended => return Ok(false),
            }
        }
    }
}

/// The signal to pass on at a stop: the one about to be delivered, none at an event of ptrace's.
fn passed_on(signal: i32, event: i32) -> i32 {
    if event == 0 && signal != SYSCALL_STOP {
        signal
    } else {
        0
    }
}
