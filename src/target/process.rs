//! A running process, looked at without stopping it.
//!
//! Memory is read with `process_vm_readv`, up to 1,024 pieces a call. Where the kernel lacks it or
//! a filter denies it, `/proc/PID/mem` is read instead.

use crate::address::Address;
use crate::target::map_lines;
use crate::target::map_query;
use crate::target::maps::Maps;
use crate::target::memory::{Piece, ReadError, ReadMemory, pieces_of};
use nix::errno::Errno;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;
use procfs::ProcError;
use std::fs::File;
use std::io::{IoSliceMut, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The kernel's limit of pieces a call (`UIO_MAXIOV`).
const PIECES_A_CALL: usize = 1024;

/// A process: its pid, made safe against reuse by its start time.
#[derive(Debug)]
pub struct Process {
    pid: i32,
    start_ticks: u64,
    /// The folder `/proc/PID`, kept open: it never shows a process that got the same pid later.
    entry: procfs::process::Process,
    mem: Mutex<Option<Arc<File>>>,
    /// Whether the kernel refused the quick way of reading.
    through_file: AtomicBool,
}

/// One run of a program. An exec keeps the pid and the start time, and changes the addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Execution {
    start_ticks: u64,
    start_code: u64,
    start_stack: u64,
}

/// Why a process cannot be looked at, before any memory is read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProcessError {
    /// There is no such process.
    #[error("there is no process {pid}")]
    NotFound {
        /// The pid asked for.
        pid: i32,
    },
    /// The kernel will not show its `/proc` entry to this user.
    #[error("this user may not look at process {pid}")]
    Denied {
        /// The process.
        pid: i32,
    },
    /// `/proc` could not be read or understood.
    #[error("cannot read /proc/{pid}: {detail}")]
    Unreadable {
        /// The process.
        pid: i32,
        /// What the kernel or the parser said.
        detail: String,
    },
}

impl ProcessError {
    fn from_procfs(pid: i32, error: ProcError) -> Self {
        match error {
            ProcError::NotFound(_) => ProcessError::NotFound { pid },
            ProcError::PermissionDenied(_) => ProcessError::Denied { pid },
            ProcError::Io(ref io, _) if io.raw_os_error() == Some(Errno::ESRCH as i32) => {
                ProcessError::NotFound { pid }
            }
            // What is read while the process ends may be cut short.
            ProcError::Incomplete(_) if !Path::new(&format!("/proc/{pid}")).exists() => {
                ProcessError::NotFound { pid }
            }
            other => ProcessError::Unreadable {
                pid,
                detail: other.to_string(),
            },
        }
    }
}

impl Process {
    /// The process with this pid, as it is now.
    ///
    /// # Errors
    /// [`ProcessError::NotFound`] when there is none.
    pub fn open(pid: i32) -> Result<Self, ProcessError> {
        let failed = |error| ProcessError::from_procfs(pid, error);
        let entry = procfs::process::Process::new(pid).map_err(failed)?;
        Ok(Process {
            pid,
            start_ticks: entry.stat().map_err(failed)?.starttime,
            entry,
            mem: Mutex::default(),
            through_file: AtomicBool::new(false),
        })
    }

    /// Its pid.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// When it started, in clock ticks after boot: with the pid its identity.
    pub fn start_ticks(&self) -> u64 {
        self.start_ticks
    }

    /// Whether the pid still names the same process, and not one that came after it.
    pub fn is_same(&self) -> bool {
        self.stat()
            .is_ok_and(|stat| stat.starttime == self.start_ticks)
    }

    /// Whether the environment it was started with has this variable.
    pub fn has_variable(&self, name: &str) -> bool {
        let environment = std::fs::read(format!("/proc/{}/environ", self.pid)).unwrap_or_default();
        let mut variables = environment.split(|&byte| byte == 0);
        variables.any(|variable| {
            variable
                .strip_prefix(name.as_bytes())
                .is_some_and(|rest| rest.first() == Some(&b'='))
        })
    }

    /// Whether it, or its main thread, is ending or has ended: it has no memory any more, or is a
    /// zombie that nobody took notice of yet. (A kernel thread never had memory.)
    pub fn has_ended(&self) -> bool {
        match self.stat() {
            Ok(stat) => {
                let is_ending = stat.vsize == 0 || matches!(stat.state, 'Z' | 'X');
                is_ending || stat.starttime != self.start_ticks
            }
            Err(error) => matches!(error, ProcessError::NotFound { .. }),
        }
    }

    /// Which run of a program this is: when two answers are equal, no exec came between them, as
    /// far as the kernel places programs at random.
    ///
    /// # Errors
    /// As [`Process::open`].
    pub fn execution(&self) -> Result<Execution, ProcessError> {
        let stat = self.stat()?;
        Ok(Execution {
            start_ticks: stat.starttime,
            start_code: stat.startcode,
            start_stack: stat.startstack,
        })
    }

    /// Its `/proc/PID/stat`, fresh.
    ///
    /// # Errors
    /// As [`Process::open`].
    pub fn stat(&self) -> Result<procfs::process::Stat, ProcessError> {
        self.entry.stat().map_err(|error| self.failed(error))
    }

    /// Its `/proc/PID/status`, fresh.
    ///
    /// # Errors
    /// As [`Process::open`].
    pub fn status(&self) -> Result<procfs::process::Status, ProcessError> {
        self.entry.status().map_err(|error| self.failed(error))
    }

    /// Its mappings, fresh.
    ///
    /// # Errors
    /// [`ProcessError::Denied`] where this user may not inspect the process.
    pub fn maps(&self) -> Result<Maps, ProcessError> {
        let text = self.maps_text()?;
        match map_lines::parse(&text) {
            Some(mappings) => Ok(Maps::new(mappings)),
            None if !self.is_same() => Err(ProcessError::NotFound { pid: self.pid }),
            None => Err(ProcessError::Unreadable {
                pid: self.pid,
                detail: "a line of maps has an unknown form".to_owned(),
            }),
        }
    }

    /// The mappings of those files alone of which `least` bytes or more are mapped to be written, in less time;
    /// `None` where the kernel cannot be asked.
    pub fn maps_of_programs(&self, least: u64) -> Option<Maps> {
        let file = self.open_relative("maps").ok()?;
        map_query::of_programs(&file, least)
    }

    /// A file of its `/proc` entry.
    pub(super) fn open_relative(&self, name: &str) -> std::io::Result<File> {
        let opened = self.entry.open_relative(name);
        opened.map_err(|error| std::io::Error::other(error.to_string()))
    }

    fn maps_text(&self) -> Result<Vec<u8>, ProcessError> {
        let mut file = (self.entry.open_relative("maps")).map_err(|error| self.failed(error))?;
        let mut text = Vec::with_capacity(1 << 16);
        file.read_to_end(&mut text)
            .map_err(|error| self.failed(ProcError::Io(error, None)))?;
        Ok(text)
    }

    /// How large the stack of its main thread may become, in bytes; `None` when that is not told.
    pub fn stack_limit(&self) -> Option<u64> {
        let limits = procfs::process::Process::new(self.pid())
            .ok()?
            .limits()
            .ok()?;
        Some(match limits.max_stack_size.soft_limit {
            procfs::process::LimitValue::Unlimited => u64::MAX,
            procfs::process::LimitValue::Value(bytes) => bytes,
        })
    }

    fn failed(&self, error: ProcError) -> ProcessError {
        ProcessError::from_procfs(self.pid, error)
    }

    /// `/proc/PID/mem`, opened once, and again after it came to its end: then the memory it was
    /// opened for is gone, and an exec may have given the process another.
    fn mem_file(&self, anew: bool) -> Option<Arc<File>> {
        let mut known = self.mem.lock().unwrap_or_else(PoisonError::into_inner);
        if anew || known.is_none() {
            *known = File::open(format!("/proc/{}/mem", self.pid))
                .ok()
                .map(Arc::new);
        }
        known.clone()
    }

    fn read_through_mem_file(&self, at: Address, buffer: &mut [u8]) -> Result<usize, ReadError> {
        for anew in [false, true] {
            let Some(mem) = self.mem_file(anew) else {
                return Err(self.denied_or_gone());
            };
            match read_as_far_as_mapped(&mem, at, buffer) {
                Some(got) => return Ok(got),
                None if !self.is_same() => return Err(ReadError::Gone { pid: self.pid }),
                None => {}
            }
        }
        Err(ReadError::Gone { pid: self.pid })
    }

    fn denied_or_gone(&self) -> ReadError {
        if self.is_same() {
            ReadError::Denied { pid: self.pid }
        } else {
            ReadError::Gone { pid: self.pid }
        }
    }

    fn read_pieces(&self, pieces: &mut [Piece<'_>]) -> Result<usize, Errno> {
        let remote: Vec<_> = pieces
            .iter()
            .map(|piece| RemoteIoVec {
                base: piece.at.value() as usize,
                len: piece.bytes.len(),
            })
            .collect();
        let mut local: Vec<_> = pieces
            .iter_mut()
            .map(|piece| IoSliceMut::new(piece.bytes))
            .collect();
        process_vm_readv(Pid::from_raw(self.pid), &mut local, &remote)
    }
}

impl ReadMemory for Process {
    fn read_some_at(&self, at: Address, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let length = buffer.len();
        if self.through_file.load(Ordering::Relaxed) {
            return self.read_through_mem_file(at, buffer);
        }
        match self.read_pieces(&mut [Piece::new(at, buffer)]) {
            Ok(got) if got == length => Ok(got),
            // The kernel reads whole pages or nothing of a piece: find the mapped part.
            Ok(_) | Err(Errno::EFAULT) => self.read_page_by_page(at, buffer),
            Err(Errno::ENOSYS | Errno::EPERM) => {
                let got = self.read_through_mem_file(at, buffer)?;
                self.through_file.store(true, Ordering::Relaxed);
                Ok(got)
            }
            Err(Errno::ESRCH) => Err(ReadError::Gone { pid: self.pid }),
            Err(errno) => Err(ReadError::Failed {
                at,
                errno: errno as i32,
            }),
        }
    }

    fn read_batch(&self, pieces: &mut [Piece<'_>]) -> Result<(), ReadError> {
        for call in pieces.chunks_mut(PIECES_A_CALL) {
            if self.through_file.load(Ordering::Relaxed) {
                self.read_one_by_one(call)?;
                continue;
            }
            self.read_call(call)?;
        }
        Ok(())
    }

    fn read_joined(
        &self,
        spans: &[(Address, usize)],
        buffer: &mut [u8],
    ) -> Result<Vec<bool>, ReadError> {
        let is_quick = spans.len() <= PIECES_A_CALL && !self.through_file.load(Ordering::Relaxed);
        if is_quick && self.read_at_once(spans, buffer).is_some() {
            return Ok(vec![true; spans.len()]);
        }
        let mut pieces = pieces_of(spans, buffer);
        self.read_batch(&mut pieces)?;
        Ok(pieces.iter().map(|piece| piece.complete).collect())
    }
}

impl Process {
    /// Reads all spans with one call; `None` when that does not give all of them.
    fn read_at_once(&self, spans: &[(Address, usize)], buffer: &mut [u8]) -> Option<()> {
        let remote: Vec<_> = spans
            .iter()
            .map(|&(at, len)| RemoteIoVec {
                base: at.value() as usize,
                len,
            })
            .collect();
        let size = buffer.len();
        let local = &mut [IoSliceMut::new(buffer)];
        let got = process_vm_readv(Pid::from_raw(self.pid), local, &remote);
        (got == Ok(size)).then_some(())
    }

    /// Reads pieces of one call; behind a piece that is not mapped the call is taken up again.
    fn read_call(&self, pieces: &mut [Piece<'_>]) -> Result<(), ReadError> {
        let mut next = 0;
        while next < pieces.len() {
            let rest = &mut pieces[next..];
            let got = match self.read_pieces(rest) {
                Ok(got) => got,
                Err(Errno::EFAULT) => 0,
                Err(_) => return self.read_one_by_one(rest),
            };
            next += mark_complete(rest, got);
            if next < pieces.len() {
                let piece = &mut pieces[next];
                let got = self.read_some_at(piece.at, piece.bytes)?;
                piece.complete = got == piece.bytes.len();
                next += 1;
            }
        }
        Ok(())
    }

    fn read_one_by_one(&self, pieces: &mut [Piece<'_>]) -> Result<(), ReadError> {
        for piece in pieces {
            let got = self.read_some_at(piece.at, piece.bytes)?;
            piece.complete = got == piece.bytes.len();
        }
        Ok(())
    }

    fn read_page_by_page(&self, at: Address, buffer: &mut [u8]) -> Result<usize, ReadError> {
        const PAGE: u64 = 4096;
        let mut got = 0;
        while got < buffer.len() {
            let here = at.offset(got as u64);
            let to_page_end = (PAGE - here.value() % PAGE) as usize;
            let end = buffer.len().min(got + to_page_end);
            match self.read_pieces(&mut [Piece::new(here, &mut buffer[got..end])]) {
                Ok(count) if count > 0 => got += count,
                Ok(_) | Err(Errno::EFAULT) => break,
                Err(Errno::ESRCH) => return Err(ReadError::Gone { pid: self.pid }),
                Err(errno) => {
                    return Err(ReadError::Failed {
                        at: here,
                        errno: errno as i32,
                    });
                }
            }
        }
        Ok(got)
    }
}

/// Marks the pieces that `got` bytes filled; returns how many.
fn mark_complete(pieces: &mut [Piece<'_>], got: usize) -> usize {
    let mut left = got;
    let mut count = 0;
    for piece in pieces {
        if piece.bytes.len() > left {
            break;
        }
        left -= piece.bytes.len();
        piece.complete = true;
        count += 1;
    }
    count
}

/// Reads until memory ends; `None` when the file has no memory behind it any more.
fn read_as_far_as_mapped(mem: &File, at: Address, buffer: &mut [u8]) -> Option<usize> {
    let mut got = 0;
    while got < buffer.len() {
        match mem.read_at(&mut buffer[got..], at.offset(got as u64).value()) {
            Ok(0) if got == 0 => return None,
            Ok(0) | Err(_) => break,
            Ok(count) => got += count,
        }
    }
    Some(got)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::memory::ReadMemoryExt;

    fn ourselves() -> Process {
        Process::open(std::process::id() as i32).expect("we exist")
    }

    #[test]
    fn our_own_memory_reads_back() {
        let bytes = [1u8, 2, 3, 4, 5, 6, 7, 8];
        let at = Address::new(bytes.as_ptr() as u64);
        assert_eq!(ourselves().read_bytes_at(at, 8), Ok(bytes.to_vec()));
    }

    #[test]
    fn a_batch_goes_on_behind_every_unmapped_piece() {
        let bytes = [9u8; 64];
        let good = Address::new(bytes.as_ptr() as u64);
        let bad = Address::new(16);
        let blocks = ourselves()
            .read_blocks(&[bad, good, bad, bad, good], 64)
            .expect("readable");
        let mapped: Vec<bool> = blocks.iter().map(Option::is_some).collect();
        assert_eq!(mapped, [false, true, false, false, true]);
    }

    #[test]
    fn the_mem_file_gives_the_same_bytes() {
        let bytes = [5u8; 32];
        let at = Address::new(bytes.as_ptr() as u64);
        let mut buffer = [0u8; 32];
        assert_eq!(ourselves().read_through_mem_file(at, &mut buffer), Ok(32));
        assert_eq!(buffer, bytes);
    }

    #[test]
    fn a_pid_that_is_nobody_is_not_found() {
        assert_eq!(
            Process::open(i32::MAX).err(),
            Some(ProcessError::NotFound { pid: i32::MAX })
        );
    }
}
