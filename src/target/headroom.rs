//! Whether there is room for a second process that shares its memory with the first one until one
//! of them writes: asked before a process is made to clone itself.
//!
//! While a clone lives, every page the process writes to is copied. In the worst case that is all
//! of its memory, and a control group at its limit would have it killed.

use crate::target::process::{Process, ProcessError};
use std::path::{Path, PathBuf};

/// What there is not enough of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRoom {
    /// Memory, in the control group or in the machine.
    #[error("{needed} bytes of memory may be needed, and {left} are left ({limit})")]
    Memory {
        /// Bytes the process has of its own.
        needed: u64,
        /// Bytes left.
        left: u64,
        /// Whose limit it is.
        limit: String,
    },
    /// Processes.
    #[error("no further process may be made ({limit})")]
    Processes {
        /// Whose limit it is.
        limit: String,
    },
}

/// Memory of its own that the process has in use, in bytes.
///
/// # Errors
/// As [`Process::status`].
pub fn own_memory(process: &Process) -> Result<u64, ProcessError> {
    let status = process.status()?;
    // Kernels before 4.5 do not tell the memory of its own from that of files.
    let kilobytes = status.rssanon.or(status.vmrss).unwrap_or(0);
    Ok((kilobytes + status.vmswap.unwrap_or(0)) * 1024)
}

/// Looks whether there is room for a clone: for `machine` bytes in the machine, and for `needed` in
/// every control group above the process. A limit that is not shown is none.
///
/// # Errors
/// [`NoRoom`] with the first limit that is in the way.
pub fn check(process: &Process, needed: u64, machine: u64) -> Result<(), NoRoom> {
    if let Some(left) = available_memory().filter(|&left| left < machine) {
        let limit = "of the machine".to_owned();
        return Err(NoRoom::Memory {
            needed: machine,
            left,
            limit,
        });
    }
    let text = std::fs::read_to_string(format!("/proc/{}/cgroup", process.pid()));
    for group in groups(&text.unwrap_or_default()) {
        check_group(&group, needed)?;
    }
    Ok(())
}

/// `MemAvailable`, in bytes.
fn available_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find(|line| line.starts_with("MemAvailable:"))?;
    line.split_whitespace()
        .nth(1)?
        .parse::<u64>()
        .ok()?
        .checked_mul(1024)
}

/// The folders of the control groups of a process and of all groups above them.
fn groups(text: &str) -> Vec<PathBuf> {
    const ROOT: &str = "/sys/fs/cgroup";
    let mut found = Vec::new();
    for line in text.lines() {
        let mut words = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (words.next(), words.next()) else {
            continue;
        };
        let root = match controllers {
            "" => PathBuf::from(ROOT),
            "memory" | "pids" => Path::new(ROOT).join(controllers),
            _ => continue,
        };
        // Above our own root nothing is shown to us.
        let inside = path.trim_start_matches('/');
        let mut group = match inside.split('/').any(|part| part == "..") {
            true => root.clone(),
            false => root.join(inside),
        };
        while group.starts_with(&root) {
            found.push(group.clone());
            if !group.pop() {
                break;
            }
        }
    }
    found
}

/// The limits of one group, in the names of versions 2 and 1.
fn check_group(group: &Path, needed: u64) -> Result<(), NoRoom> {
    let number = |name: &str| {
        let text = std::fs::read_to_string(group.join(name)).ok()?;
        // "max" is no number, and no limit.
        text.trim().parse::<u64>().ok()
    };
    let left = |limit: &str, used: &str| Some(number(limit)?.saturating_sub(number(used)?));
    let limit = group.display().to_string();
    let memory = left("memory.max", "memory.current")
        .or_else(|| left("memory.limit_in_bytes", "memory.usage_in_bytes"));
    if let Some(left) = memory.filter(|&left| left < needed) {
        return Err(NoRoom::Memory {
            needed,
            left,
            limit,
        });
    }
    match left("pids.max", "pids.current") {
        Some(0) => Err(NoRoom::Processes { limit }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_groups_above_a_process_count_too() {
        let text = "5:memory:/box/one\n2:cpu,cpuacct:/box\n0::/box/one\n";
        let found = groups(text);
        let has = |path: &str| found.contains(&PathBuf::from(path));
        assert!(has("/sys/fs/cgroup/box/one") && has("/sys/fs/cgroup/box"));
        assert!(has("/sys/fs/cgroup") && has("/sys/fs/cgroup/memory/box"));
        assert_eq!(found.len(), 6);
        assert_eq!(groups("0::/../other\n"), [PathBuf::from("/sys/fs/cgroup")]);
        assert!(groups("nonsense").is_empty());
    }

    #[test]
    fn a_group_without_room_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text);
        let check = || check_group(folder.path(), 1000);
        assert_eq!(check(), Ok(()), "nothing is known");
        put("memory.max", "max\n").expect("written");
        put("memory.current", "5000\n").expect("written");
        assert_eq!(check(), Ok(()), "there is no limit");
        put("memory.max", "5999\n").expect("written");
        assert!(matches!(check(), Err(NoRoom::Memory { left: 999, .. })));
        put("memory.max", "6000\n").expect("written");
        put("pids.max", "7\n").expect("written");
        put("pids.current", "6\n").expect("written");
        assert_eq!(check(), Ok(()));
        put("pids.current", "7\n").expect("written");
        assert!(matches!(check(), Err(NoRoom::Processes { .. })));
    }

    #[test]
    fn we_ourselves_use_memory() {
        let process = Process::open(std::process::id() as i32).expect("we exist");
        assert!(own_memory(&process).is_ok_and(|bytes| bytes > 100_000));
    }
}
