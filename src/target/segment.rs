//! A page of ours that a process may attach and execute, where it may make no memory of its own executable
//! (`PR_SET_MDWE`, Linux 6.3): that forbids memory that is or was writable, not a segment of somebody else's.
//!
//! It is marked for removal before anybody learns its number: the kernel still lets it be attached (`shmctl(2)`), and takes
//! it away with the last process that has it, however that ends.

use crate::target::process::Process;
use crate::target::raw;
use nix::errno::Errno;
use nix::sched::{CloneFlags, setns};
use std::fs::{File, read_link};

/// System V shared memory with a content, attached here until this is dropped.
#[derive(Debug)]
pub struct Segment {
    id: i32,
    at: usize,
}

impl Segment {
    /// Makes one that `process` finds by its number, with `content` at its beginning.
    ///
    /// # Errors
    /// Of `shmget` and `shmat`; `EPERM` of a process in an IPC namespace that we may not enter.
    pub fn for_process(process: &Process, content: &[u8]) -> Result<Self, Errno> {
        let theirs = format!("/proc/{}/ns/ipc", process.pid());
        let namespace = |path| read_link(path).map_err(errno_of);
        if namespace(theirs.as_str())? == namespace("/proc/self/ns/ipc")? {
            return Self::with(content);
        }
        // Only the thread that enters it is in it.
        let entered = || {
            let namespace = File::open(&theirs).map_err(errno_of)?;
            setns(namespace, CloneFlags::CLONE_NEWIPC)?;
            Self::with(content)
        };
        let made = std::thread::scope(|scope| scope.spawn(entered).join());
        made.unwrap_or(Err(Errno::EAGAIN))
    }

    fn with(content: &[u8]) -> Result<Self, Errno> {
        let id = raw::make_segment(content.len())?;
        let attached = raw::attach_segment(id, content);
        raw::remove_segment(id)?;
        Ok(Segment { id, at: attached? })
    }

    /// By which it is attached.
    pub fn id(&self) -> i32 {
        self.id
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        raw::detach_segment(self.at);
    }
}

fn errno_of(error: std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the kernel lists it.
    fn is_listed(id: i32) -> bool {
        let table = std::fs::read_to_string("/proc/sysvipc/shm").expect("a table");
        let ids = table
            .lines()
            .filter_map(|line| line.split_whitespace().nth(1));
        ids.into_iter().any(|other| other == id.to_string())
    }

    #[test]
    fn a_segment_has_its_content_and_is_gone_when_nobody_has_it_any_more() {
        let own = Process::open(std::process::id() as i32).expect("we are there");
        let segment = Segment::for_process(&own, b"some code").expect("a segment");
        let again = raw::attach_segment(segment.id, b"").expect("still to be attached");
        let content = crate::target::memory::ReadMemoryExt::read_bytes_at(
            &own,
            crate::address::Address::new(again as u64),
            9,
        );
        assert_eq!(content.as_deref(), Ok(&b"some code"[..]));
        let id = segment.id;
        drop(segment);
        assert!(is_listed(id), "it is attached once more");
        raw::detach_segment(again);
        assert!(!is_listed(id));
    }
}
