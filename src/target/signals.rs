//! Signals to the tool, held back while it has something of the target in its hands.

use super::raw::swap_action;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, raise};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::time::TimeSpec;
use nix::unistd::write;
use std::os::fd::{AsFd, BorrowedFd};
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

/// Back to the beginning of a terminal's line, and away with what stands on it.
pub const CLEAR_LINE: &str = "\r\x1b[K";

/// The signals by which a person or a system ends a program.
const ENDING: [Signal; 3] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];

/// Until this is dropped, a signal that ends the program first clears the line on standard error.
#[derive(Debug)]
pub struct LineClearing {
    before: Vec<(Signal, SigAction)>,
}

impl LineClearing {
    /// From here on. A signal that is ignored stays so; one that cannot be caught ends us as ever.
    pub fn new() -> Self {
        // It ends us inside the handler, and the second time it is no longer caught.
        let flags = SaFlags::SA_RESETHAND | SaFlags::SA_NODEFER;
        let action = SigAction::new(SigHandler::Handler(clear_and_end), flags, SigSet::empty());
        let mut before = Vec::new();
        for signal in ENDING {
            match swap_action(signal, &action) {
                Ok(old) if matches!(old.handler(), SigHandler::SigDfl) => {
                    before.push((signal, old))
                }
                Ok(old) => drop(swap_action(signal, &old)),
                Err(_) => {}
            }
        }
        LineClearing { before }
    }
}

impl Default for LineClearing {
    fn default() -> Self {
        LineClearing::new()
    }
}

impl Drop for LineClearing {
    fn drop(&mut self) {
        for (signal, old) in &self.before {
            // What the kernel gave it takes back.
            let _ = swap_action(*signal, old);
        }
    }
}

/// Runs in a signal handler: it makes two kernel calls and nothing else.
extern "C" fn clear_and_end(signal: i32) {
    let _ = write(std::io::stderr(), CLEAR_LINE.as_bytes());
    if let Ok(signal) = Signal::try_from(signal) {
        let _ = raise(signal);
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
        for signal in ENDING {
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

impl AsFd for Interruption {
    /// Readable when one of the three has arrived.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
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
