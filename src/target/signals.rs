//! Signals to the tool, held back while it has something of the target in its hands.

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::time::TimeSpec;
use std::os::fd::AsFd;
use std::time::Duration;

/// All signals that can be blocked are blocked in this thread until this is dropped.
#[derive(Debug)]
pub struct SignalsBlocked {
    before: SigSet,
}

impl SignalsBlocked {
    /// Blocks them. Those of the program's own faults stay open: blocked, they would kill.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn new() -> Result<Self, Errno> {
        let mut all = SigSet::all();
        for fault in [
            Signal::SIGSEGV,
            Signal::SIGBUS,
            Signal::SIGILL,
            Signal::SIGFPE,
            Signal::SIGABRT,
        ] {
            all.remove(fault);
        }
        let before = all.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
        Ok(SignalsBlocked { before })
    }
}

impl Drop for SignalsBlocked {
    fn drop(&mut self) {
        // The set came from the kernel; it takes it back.
        let _ = self.before.thread_set_mask();
    }
}

/// SIGINT, SIGTERM and SIGHUP as something to look for instead of something that kills.
#[derive(Debug)]
pub struct Interruption {
    descriptor: SignalFd,
    // Declared behind the descriptor: the signals are let in again after it is closed.
    _blocked: SignalsBlocked,
}

impl Interruption {
    /// From here on the three signals wait to be asked for, all others wait for the drop.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn catch() -> Result<Self, Errno> {
        let blocked = SignalsBlocked::new()?;
        let mut ending = SigSet::empty();
        for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
            ending.add(signal);
        }
        let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
        let descriptor = SignalFd::with_flags(&ending, flags)?;
        Ok(Interruption {
            descriptor,
            _blocked: blocked,
        })
    }

    /// Waits for `time`, shorter when one of the three arrives; its number.
    pub fn wait(&self, time: Duration) -> Option<i32> {
        let arrived = self.take();
        if arrived.is_none() {
            std::thread::sleep(time);
            return self.take();
        }
        arrived
    }

    fn take(&self) -> Option<i32> {
        let signal = self.descriptor.read_signal().ok()??;
        i32::try_from(signal.ssi_signo).ok()
    }
}

/// Rings when a traced thread has stopped: SIGCHLD, which must be blocked while this exists.
#[derive(Debug)]
pub(super) struct StopBell {
    descriptor: SignalFd,
    awake: Duration,
}

impl StopBell {
    /// A bell for the calling thread.
    pub(super) fn new() -> Result<Self, Errno> {
        let mut set = SigSet::empty();
        set.add(Signal::SIGCHLD);
        let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(StopBell {
            descriptor: SignalFd::with_flags(&set, flags)?,
            awake: if processors > 1 {
                Self::SOON
            } else {
                Duration::ZERO
            },
        })
    }

    /// A thread that stops at all mostly does so within this time, and to sleep and be woken takes
    /// longer than that.
    const SOON: Duration = Duration::from_micros(60);

    /// How long to look at a thread again and again before sleeping: no time where it can only run
    /// while we sleep.
    pub(super) fn awake(&self) -> Duration {
        self.awake
    }

    /// Sleeps until it rings, at most `time`. Another thread of ours may hear it instead, so
    /// `time` should be short.
    pub(super) fn wait(&self, time: Duration) {
        let mut ready = [PollFd::new(self.descriptor.as_fd(), PollFlags::POLLIN)];
        // Whatever the answer is, the caller looks at its thread next.
        let _ = ppoll(&mut ready, Some(TimeSpec::from_duration(time)), None);
        let _ = self.descriptor.read_signal();
    }
}
