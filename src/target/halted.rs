//! A process that a signal has stopped (`SIGSTOP`, Ctrl-Z): it stands still without being held.
//!
//! Nobody holds it, so it may be let go at any moment. Whether it was, shows afterwards: a thread
//! that has run and stopped again has given up the processor once more.

use crate::target::process::Process;
use crate::target::threads::{Thread, thread_ids};

/// That every thread of a process is stopped by a signal. Two looks that are equal had it standing
/// still from the one to the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Halted {
    /// Each thread, and how often it has given up the processor or lost it.
    threads: Vec<(i32, (u64, u64))>,
}

impl Halted {
    /// Looks; `None` when a thread runs or may run, is traced, or the process has ended.
    pub fn look(process: &Process) -> Option<Self> {
        let threads = thread_ids(process).ok()?.into_iter().map(|tid| {
            let thread = Thread::look(process, tid)?;
            (thread.state == 'T').then_some((tid, thread.switches))
        });
        let threads: Vec<_> = threads.collect::<Option<_>>()?;
        (!threads.is_empty()).then_some(Halted { threads })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;
    use std::process::Command;
    use std::thread::sleep;
    use std::time::Duration;

    /// Waits until a look gives an answer like this.
    fn until(process: &Process, is_halted: bool) -> Option<Halted> {
        for _ in 0..1000 {
            let halted = Halted::look(process);
            if halted.is_some() == is_halted {
                return halted;
            }
            sleep(Duration::from_millis(5));
        }
        panic!("it never was so");
    }

    #[test]
    fn a_process_that_ran_in_between_is_told_from_one_that_stood_still() {
        let mut child = Command::new("sleep").arg("60").spawn().expect("it starts");
        let pid = Pid::from_raw(child.id() as i32);
        let process = Process::open(pid.as_raw()).expect("it runs");
        assert_eq!(Halted::look(&process), None);
        kill(pid, Signal::SIGSTOP).expect("it is ours");
        let first = until(&process, true);
        assert_eq!(Halted::look(&process), first);
        kill(pid, Signal::SIGCONT).expect("it is ours");
        until(&process, false);
        kill(pid, Signal::SIGSTOP).expect("it is ours");
        assert_ne!(until(&process, true), first);
        child.kill().expect("it is ours");
        child.wait().expect("it ends");
    }
}
