//! What `/proc` says about processes that a person wants to know, and that helps to choose one.

use crate::target::threads::status_field;
use nix::libc::SIGCHLD;
use procfs::process::Process;
use procfs::{Current, Uptime};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::path::PathBuf;

/// A process in the words of `/proc`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Its pid.
    pub pid: i32,
    /// Its parent's pid.
    pub parent: i32,
    /// Its state letter.
    pub state: char,
    /// Its command line, or its name in brackets where it has none.
    pub command: String,
    /// How many threads it has.
    pub threads: u64,
    /// How long ago it started, in seconds.
    pub uptime_s: Option<u64>,
    /// The signal its parent gets when it ends, 0 for none.
    pub exit_signal: i32,
    /// How it ended, as `waitpid` tells it, where it has and this is shown.
    pub exit_status: Option<i32>,
}

impl About {
    /// What is known of one process; `None` when it is not there or not shown.
    pub fn of(pid: i32) -> Option<Self> {
        About::of_entry(&Process::new(pid).ok()?)
    }

    /// Every process that is shown, in the order of pids.
    pub fn all() -> Vec<Self> {
        let Ok(entries) = procfs::process::all_processes() else {
            return Vec::new();
        };
        let mut all: Vec<About> = entries
            .filter_map(|entry| About::of_entry(&entry.ok()?))
            .collect();
        all.sort_by_key(|about| about.pid);
        all
    }

    fn of_entry(process: &Process) -> Option<Self> {
        let stat = process.stat().ok()?;
        let words = process.cmdline().unwrap_or_default();
        let command = words.join(" ").trim().to_owned();
        let started = stat.starttime / procfs::ticks_per_second();
        let uptime = Uptime::current().ok().map(|uptime| uptime.uptime as u64);
        Some(About {
            pid: stat.pid,
            parent: stat.ppid,
            state: stat.state,
            command: if command.is_empty() {
                format!("[{}]", stat.comm)
            } else {
                command
            },
            threads: u64::try_from(stat.num_threads).unwrap_or(0),
            uptime_s: uptime.map(|uptime| uptime.saturating_sub(started)),
            exit_signal: stat.exit_signal.unwrap_or(SIGCHLD),
            exit_status: stat.exit_code,
        })
    }
}

/// The process a thread id belongs to; `None` when the id is that of a process, or of nothing.
pub fn process_of_thread(tid: i32) -> Option<i32> {
    // Of a process there is a descriptor, of a thread none; to ask for that is quicker than what is read below.
    let pid = Pid::from_raw(tid)?;
    if pidfd_open(pid, PidfdFlags::empty()).is_ok() {
        return None;
    }
    let status = std::fs::read_to_string(format!("/proc/{tid}/status")).ok()?;
    let process = status_field(&status, "Tgid")?.parse().ok()?;
    (process != tid).then_some(process)
}

/// The executable of a process, as the kernel names it; `None` where that is not shown.
pub fn executable(pid: i32) -> Option<PathBuf> {
    Process::new(pid).ok()?.exe().ok()
}

/// The namespaces of a process that are not ours, by the kernel's names for their kinds; `None`
/// where they are not shown.
pub fn foreign_namespaces(pid: i32) -> Option<Vec<&'static str>> {
    let inode = |process: &str, kind: &str| {
        use std::os::unix::fs::MetadataExt;
        let link = format!("/proc/{process}/ns/{kind}");
        std::fs::metadata(link).ok().map(|link| link.ino())
    };
    let mut foreign = Vec::new();
    for kind in ["user", "mnt", "pid", "net"] {
        let theirs = inode(&pid.to_string(), kind)?;
        if inode("self", kind) != Some(theirs) {
            foreign.push(kind);
        }
    }
    Some(foreign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_are_listed_with_our_parent_and_a_command() {
        let us = std::process::id() as i32;
        let listed = About::all();
        let about = listed.iter().find(|about| about.pid == us).expect("us");
        assert_eq!(Some(about.parent), Some(nix::unistd::getppid().as_raw()));
        assert!(about.command.contains("pyunload"), "{}", about.command);
        assert!(about.threads >= 1);
    }

    #[test]
    fn we_share_every_namespace_with_ourselves() {
        assert_eq!(
            foreign_namespaces(std::process::id() as i32),
            Some(Vec::new())
        );
    }
}
