//! The open files of a process.

use crate::target::process::Process;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use std::io::Read;
use std::os::fd::OwnedFd;

/// More than a set of ten thousand descriptors takes.
const LONGEST: u64 = 1 << 20;

/// Whether the epoll set `set` of a process watches its descriptor `watched` (`tfd` in `/proc/PID/fdinfo/SET`).
/// Both are numbers as the process has them.
pub fn is_watched(process: &Process, set: i32, watched: i32) -> bool {
    let Ok(file) = process.open_relative(&format!("fdinfo/{set}")) else {
        return false;
    };
    let mut text = String::new();
    let read = file.take(LONGEST).read_to_string(&mut text);
    read.is_ok() && text.lines().filter_map(watched_in).any(|it| it == watched)
}

/// A duplicate of the descriptor `number` of a process, whatever the process does with its own from now on. `None` when
/// it has none, or it may not be had (`pidfd_getfd`, Linux 5.6, asks for the rights of a debugger).
pub fn duplicate(process: &Process, number: i32) -> Option<OwnedFd> {
    let pidfd = pidfd_open(Pid::from_raw(process.pid())?, PidfdFlags::empty()).ok()?;
    let duplicate = pidfd_getfd(&pidfd, number, PidfdGetfdFlags::empty()).ok()?;
    // Asked for after the pid was opened: it is of this process, and of none that came later.
    process.is_same().then_some(duplicate)
}

/// The descriptor that a line tells of: `tfd:        5 events:       19 data: ...`.
fn watched_in(line: &str) -> Option<i32> {
    let rest = line.strip_prefix("tfd:")?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_the_descriptor_that_is_watched() {
        let line = "tfd:       11 events:       19 data:                b  pos:0 ino:8 sdev:8";
        assert_eq!(watched_in(line), Some(11));
        assert_eq!(watched_in("pos:\t0"), None);
        assert_eq!(watched_in("tfd:"), None);
    }

    #[test]
    fn a_descriptor_that_is_no_set_watches_nothing() {
        let ours = Process::open(std::process::id() as i32).expect("we exist");
        assert!(!is_watched(&ours, 0, 0));
        assert!(!is_watched(&ours, -1, 0));
    }
}
