//! Gathers from `/proc`, at this moment, what the decision of `access.rs` stands on.

use crate::target::access::{Credentials, Evidence, Ids, Presence};
use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use procfs::process::{Process, Stat, Status};
use std::os::unix::fs::MetadataExt;

/// `PF_KTHREAD` of `include/linux/sched.h`, in the flags of `/proc/PID/stat`.
const PF_KTHREAD: u32 = 0x0020_0000;

/// A process may have this many ancestors before we stop asking; cycles cannot happen, races can.
const MAX_ANCESTORS: usize = 64;

impl Evidence {
    /// What can be seen of `pid` right now. What cannot be seen is `None`, never an error.
    pub fn gather(pid: i32) -> Self {
        let process = Process::new(pid).ok();
        let stat = process.as_ref().and_then(|process| process.stat().ok());
        let status = process.as_ref().and_then(|process| process.status().ok());
        let ours = Process::myself().ok();
        Evidence {
            pid,
            presence: presence(pid, process.is_some()),
            state: stat.as_ref().map(|stat| stat.state),
            kernel_thread: stat
                .as_ref()
                .is_some_and(|stat| stat.flags & PF_KTHREAD != 0),
            ours: ours
                .as_ref()
                .and_then(|process| Some(credentials(process, &process.status().ok()?)))
                .unwrap_or_default(),
            ours_is_first_namespace: ours.as_ref().is_some_and(maps_every_uid),
            theirs: process
                .as_ref()
                .zip(status.as_ref())
                .map(|(process, status)| credentials(process, status)),
            dumpable: status.as_ref().and_then(|status| dumpable(pid, status)),
            descendant: stat.as_ref().is_some_and(descends_from_us),
            yama_scope: yama_scope(),
            tracer: status.as_ref().and_then(tracer),
            confinement: confinement(),
        }
    }
}

fn presence(pid: i32, shown: bool) -> Presence {
    if shown {
        return Presence::Present;
    }
    match kill(Pid::from_raw(pid), None) {
        Ok(()) | Err(Errno::EPERM) => Presence::Hidden,
        Err(_) => Presence::Absent,
    }
}

fn credentials(process: &Process, status: &Status) -> Credentials {
    Credentials {
        uid: Ids {
            real: status.ruid,
            effective: status.euid,
            saved: status.suid,
        },
        gid: Ids {
            real: status.rgid,
            effective: status.egid,
            saved: status.sgid,
        },
        permitted: status.capprm,
        effective: status.capeff,
        user_namespace: std::fs::metadata(format!("/proc/{}/ns/user", process.pid()))
            .ok()
            .map(|link| link.ino()),
        filtered: status.seccomp == Some(2),
    }
}

/// Whether our user namespace maps every uid to itself, as only the first one does.
fn maps_every_uid(ourselves: &Process) -> bool {
    std::fs::read_to_string(format!("/proc/{}/uid_map", ourselves.pid()))
        .is_ok_and(|map| map.split_whitespace().eq(["0", "0", "4294967295"]))
}

/// The kernel gives the `/proc` files of a process that is not dumpable to root
/// (`task_dump_owner` of `fs/proc/base.c`).
fn dumpable(pid: i32, status: &Status) -> Option<bool> {
    let owner = std::fs::metadata(format!("/proc/{pid}/stat")).ok()?.uid();
    if owner != status.euid {
        return Some(false);
    }
    (owner != 0).then_some(true)
}

fn descends_from_us(stat: &Stat) -> bool {
    let us = std::process::id() as i32;
    let mut parent = stat.ppid;
    for _ in 0..MAX_ANCESTORS {
        if parent == us {
            return true;
        }
        let Ok(stat) = Process::new(parent).and_then(|process| process.stat()) else {
            return false;
        };
        parent = stat.ppid;
    }
    false
}

fn yama_scope() -> Option<u8> {
    let text = std::fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").ok()?;
    text.trim().parse().ok()
}

fn tracer(status: &Status) -> Option<(i32, String)> {
    let tracer = status.tracerpid;
    if tracer == 0 {
        return None;
    }
    let name = std::fs::read_to_string(format!("/proc/{tracer}/comm")).unwrap_or_default();
    Some((tracer, name.trim_end().to_owned()))
}

/// Our label under a security module that confines us; `None` when there is none or it lets us be.
fn confinement() -> Option<String> {
    let label = std::fs::read_to_string("/proc/self/attr/current").ok()?;
    let label = label.trim_end_matches(['\0', '\n']);
    (!label.is_empty() && label != "unconfined").then(|| label.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::access::{Denial, denial_of_look};

    #[test]
    fn nothing_forbids_us_to_look_at_ourselves() {
        let evidence = Evidence::gather(std::process::id() as i32);
        assert_eq!(evidence.presence, Presence::Present);
        assert_eq!(denial_of_look(&evidence), None);
    }

    #[test]
    fn a_pid_that_is_nobody_is_absent() {
        let evidence = Evidence::gather(i32::MAX);
        assert_eq!(denial_of_look(&evidence), Some(Denial::NotFound));
    }

    #[test]
    fn an_ended_child_that_was_not_waited_for_is_a_zombie() {
        let mut child = std::process::Command::new("true")
            .spawn()
            .expect("true exists");
        let pid = child.id() as i32;
        while Evidence::gather(pid).state != Some('Z') {
            std::thread::yield_now();
        }
        assert_eq!(denial_of_look(&Evidence::gather(pid)), Some(Denial::Ended));
        child.wait().expect("our child");
    }
}
