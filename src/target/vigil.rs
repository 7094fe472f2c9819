//! Waiting, asleep, for the end of a process, for a signal to us, or for another thread of ours.

use super::process::Process;
use super::signals::Interruption;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::io::{Error, PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

/// What ended a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Woken {
    /// The process has ended.
    Ended,
    /// One of SIGINT, SIGTERM and SIGHUP arrived.
    Signal(i32),
    /// A [`Bell`] was rung.
    Rung,
    /// The time is over.
    Overdue,
}

/// A watch over a process. While it exists, signals wait to be asked for.
#[derive(Debug)]
pub struct Vigil {
    process: OwnedFd,
    heard: PipeReader,
    bell: PipeWriter,
    signals: Interruption,
}

/// Wakes a [`Vigil`] from another thread.
#[derive(Debug)]
pub struct Bell(PipeWriter);

impl Bell {
    /// Wakes it. A bell that was rung and not heard yet need not ring again.
    pub fn ring(&self) {
        // The pipe is full, or nobody listens any more: both are well.
        let _ = (&self.0).write(&[0]);
    }
}

impl Vigil {
    /// A watch over `process`.
    ///
    /// # Errors
    /// What the kernel answers; `NotFound` when it has ended.
    pub fn over(process: &Process) -> Result<Self, Error> {
        let gone = || Error::from(std::io::ErrorKind::NotFound);
        let pid = Pid::from_raw(process.pid()).ok_or_else(gone)?;
        let descriptor = pidfd_open(pid, PidfdFlags::empty())?;
        // Another process may have had its pid by then.
        if !process.is_same() {
            return Err(gone());
        }
        let (heard, bell) = pipe()?;
        Ok(Vigil {
            process: descriptor,
            heard,
            bell,
            signals: Interruption::catch()?,
        })
    }

    /// A bell of this watch.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn bell(&self) -> Result<Bell, Error> {
        Ok(Bell(self.bell.try_clone()?))
    }

    /// Waits for the first of them; for ever without a `time`.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn wait(&mut self, time: Option<Duration>) -> Result<Woken, Error> {
        let time = time.map_or(PollTimeout::NONE, |time| {
            PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX)
        });
        let mut all = [
            PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.process.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.heard.as_fd(), PollFlags::POLLIN),
        ];
        poll(&mut all, time)?;
        let [signal, ended, rung] = all.map(|one| one.any() == Some(true));
        if signal && let Some(number) = self.signals.wait(Duration::ZERO) {
            return Ok(Woken::Signal(number));
        }
        if ended {
            return Ok(Woken::Ended);
        }
        if rung {
            let _ = self.heard.read(&mut [0; 1 << 12])?;
            return Ok(Woken::Rung);
        }
        Ok(Woken::Overdue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn a_bell_and_the_end_of_the_process_are_told_apart() {
        let mut child = Command::new("cat")
            .stdin(Stdio::piped())
            .spawn()
            .expect("cat runs");
        let process = Process::open(child.id() as i32).expect("it runs");
        let mut vigil = Vigil::over(&process).expect("a watch");
        let short = Some(Duration::from_millis(1));
        assert_eq!(vigil.wait(short).expect("a wait"), Woken::Overdue);
        vigil.bell().expect("a bell").ring();
        assert_eq!(vigil.wait(None).expect("a wait"), Woken::Rung);
        drop(child.stdin.take());
        assert_eq!(vigil.wait(None).expect("a wait"), Woken::Ended);
        child.wait().expect("it has ended");
    }
}
