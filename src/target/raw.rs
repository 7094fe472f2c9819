//! The only unsafe code of this crate: kernel calls that nix has no safe function for.
//!
//! nix leaves out some requests of `ptrace` (signal mask, register sets of any size, rseq area,
//! seccomp filters, and resuming with a signal it has no name for) and System V shared memory, and its `waitpid` fails for
//! real-time signals, which would then be lost to the target. Each function here is one kernel call.
#![allow(unsafe_code)]

use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{SigAction, Signal, sigaction};
use std::ffi::c_void;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::ptr;

/// What `waitpid` says about one thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waited {
    /// Nothing happened yet.
    Nothing,
    /// It stopped with this raw status (`status >> 8`: signal, and the event above it).
    Stopped {
        /// The signal; with bit 7 set for a stop at a system call.
        signal: i32,
        /// The `PTRACE_EVENT_*`, or 0.
        event: i32,
    },
    /// It ended.
    Ended,
}

/// Asks, without waiting, what became of the thread `tid`.
pub(super) fn wait_for(tid: i32) -> Result<Waited, Errno> {
    let mut status = 0;
    // SAFETY: `status` is a live, writable int for the time of the call.
    let answer = unsafe { libc::waitpid(tid, &raw mut status, libc::__WALL | libc::WNOHANG) };
    Errno::result(answer)?;
    Ok(if answer == 0 {
        Waited::Nothing
    } else if libc::WIFSTOPPED(status) {
        Waited::Stopped {
            signal: libc::WSTOPSIG(status),
            event: status >> 16,
        }
    } else if libc::WIFEXITED(status) || libc::WIFSIGNALED(status) {
        Waited::Ended
    } else {
        Waited::Nothing
    })
}

/// One `ptrace` request whose arguments are numbers.
fn request(request: libc::c_uint, tid: i32, address: usize, data: usize) -> Result<(), Errno> {
    // SAFETY: used only with requests that take numbers, or with pointers by the callers below,
    // each of which passes memory of its own that lives until the call returns.
    let answer = unsafe {
        libc::ptrace(
            request,
            tid,
            ptr::without_provenance_mut::<c_void>(address),
            ptr::without_provenance_mut::<c_void>(data),
        )
    };
    Errno::result(answer).map(drop)
}

/// Asks the kernel to back `items` by huge pages as they are first touched. Only advice: where it is
/// not taken, everything works with small pages.
pub(super) fn advise_huge_pages<T>(items: &mut [T]) {
    advise(items, libc::MADV_HUGEPAGE);
}

/// Asks the kernel for the pages of `items` at once (`MADV_POPULATE_WRITE`, Linux 5.14). Only advice;
/// whether it was taken.
pub(super) fn advise_pages<T>(items: &mut [T]) -> bool {
    advise(items, libc::MADV_POPULATE_WRITE)
}

/// One advice that changes no content, about the pages that lie wholly inside `items`.
fn advise<T>(items: &mut [T], advice: i32) -> bool {
    const PAGE: usize = 4096;
    let start = items.as_mut_ptr().cast::<u8>();
    let skipped = start.align_offset(PAGE);
    let length = size_of_val(items).saturating_sub(skipped) / PAGE * PAGE;
    if length == 0 {
        return true;
    }
    let first = start.wrapping_add(skipped).cast();
    // SAFETY: the pages lie wholly inside `items`, and both callers give an advice that changes no
    // content.
    let answer = unsafe { libc::madvise(first, length, advice) };
    answer == 0
}

/// A question about a mapping, and its answer: `struct procmap_query` (`linux/fs.h`, Linux 6.11).
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(super) struct MapQuestion {
    size: u64,
    query_flags: u64,
    query_address: u64,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) flags: u64,
    page_size: u64,
    /// Where in the file it begins, in bytes.
    pub(super) offset: u64,
    inode: u64,
    major: u32,
    minor: u32,
    /// With the zero behind it; 0 when it was not asked for.
    pub(super) name_length: u32,
    build_id_length: u32,
    name_address: u64,
    build_id_address: u64,
}

impl MapQuestion {
    pub(super) const READABLE: u64 = 1;
    pub(super) const WRITABLE: u64 = 2;
    pub(super) const EXECUTABLE: u64 = 4;
    /// Only mappings of files.
    pub(super) const OF_FILE: u64 = 0x20;
    const COVERING_OR_NEXT: u64 = 0x10;

    /// For the first mapping with all of `flags` that ends behind `address`.
    pub(super) fn next(address: u64, flags: u64) -> Self {
        MapQuestion {
            size: size_of::<Self>() as u64,
            query_flags: flags | Self::COVERING_OR_NEXT,
            query_address: address,
            ..Self::default()
        }
    }

    /// Inode and device of the file.
    pub(super) fn file(&self) -> (u64, u32, u32) {
        (self.inode, self.major, self.minor)
    }
}

/// Asks for one mapping of the process whose `/proc/PID/maps` this is. The name goes into `name`, when that has
/// room for anything. `ENOENT` when there is no such mapping, `ENOTTY` when the kernel cannot be asked.
pub(super) fn ask_for_mapping(
    maps: &File,
    mut question: MapQuestion,
    name: &mut [u8],
) -> Result<MapQuestion, Errno> {
    const PROCMAP_QUERY: libc::Ioctl = 0xc068_6611;
    if !name.is_empty() {
        question.name_length = u32::try_from(name.len()).unwrap_or(u32::MAX);
        question.name_address = name.as_mut_ptr().expose_provenance() as u64;
    }
    // SAFETY: the kernel writes into `question`, whose size it is told, and at most `name_length` bytes into
    // `name`; both live until it returns.
    let answer = unsafe { libc::ioctl(maps.as_raw_fd(), PROCMAP_QUERY, &raw mut question) };
    Errno::result(answer).map(|_| question)
}

/// Resumes a stopped thread and delivers `signal` (0 for none).
pub(super) fn resume_with(tid: i32, signal: i32) -> Result<(), Errno> {
    request(libc::PTRACE_CONT, tid, 0, signal as usize)
}

/// As [`resume_with`], and ends the tracing.
pub(super) fn detach_with(tid: i32, signal: i32) -> Result<(), Errno> {
    request(libc::PTRACE_DETACH, tid, 0, signal as usize)
}

/// As [`resume_with`], and stops it again at the next entry to or exit from a system call.
pub(super) fn resume_to_syscall(tid: i32, signal: i32) -> Result<(), Errno> {
    request(libc::PTRACE_SYSCALL, tid, 0, signal as usize)
}

/// The blocked signals of a stopped thread, signal `n` in bit `n - 1`.
pub(super) fn signal_mask(tid: i32) -> Result<u64, Errno> {
    let mut mask = 0u64;
    // SAFETY: the kernel writes exactly the 8 bytes named by the address argument to `mask`.
    let answer = unsafe {
        libc::ptrace(
            libc::PTRACE_GETSIGMASK,
            tid,
            ptr::without_provenance_mut::<c_void>(size_of::<u64>()),
            &raw mut mask,
        )
    };
    Errno::result(answer).map(|_| mask)
}

/// Sets the blocked signals of a stopped thread.
pub(super) fn set_signal_mask(tid: i32, mask: u64) -> Result<(), Errno> {
    // SAFETY: the kernel reads exactly the 8 bytes named by the address argument from `mask`.
    let answer = unsafe {
        libc::ptrace(
            libc::PTRACE_SETSIGMASK,
            tid,
            ptr::without_provenance_mut::<c_void>(size_of::<u64>()),
            &raw const mask,
        )
    };
    Errno::result(answer).map(drop)
}

/// A register set (`NT_*`) of a stopped thread, at most `limit` bytes of it.
pub(super) fn register_set(tid: i32, kind: i32, limit: usize) -> Result<Vec<u8>, Errno> {
    let mut bytes = vec![0u8; limit];
    let mut piece = libc::iovec {
        iov_base: bytes.as_mut_ptr().cast(),
        iov_len: bytes.len(),
    };
    // SAFETY: `piece` names the whole of `bytes`, which outlives the call; the kernel writes at
    // most `iov_len` bytes there and sets `iov_len` to how many.
    let answer = unsafe {
        libc::ptrace(
            libc::PTRACE_GETREGSET,
            tid,
            ptr::without_provenance_mut::<c_void>(kind as usize),
            &raw mut piece,
        )
    };
    Errno::result(answer)?;
    bytes.truncate(piece.iov_len);
    Ok(bytes)
}

/// Where a stopped thread registered its `struct rseq`; 0 when it did not, or the kernel (before
/// 5.13) does not tell.
pub(super) fn rseq_area(tid: i32) -> u64 {
    const GET_RSEQ_CONFIGURATION: libc::c_uint = 0x420f;
    let mut configuration = [0u64; 3];
    // SAFETY: `struct ptrace_rseq_configuration` is 24 bytes, as the address argument says; the
    // kernel writes no more than that to `configuration`.
    let answer = unsafe {
        libc::ptrace(
            GET_RSEQ_CONFIGURATION,
            tid,
            ptr::without_provenance_mut::<c_void>(size_of_val(&configuration)),
            configuration.as_mut_ptr(),
        )
    };
    if answer < 0 { 0 } else { configuration[0] }
}

/// The size of the processor's xsave image with all features the system has enabled.
pub(super) fn xsave_size() -> u32 {
    #[allow(unused_unsafe)] // Safe from Rust 1.94 on.
    // SAFETY: every x86-64 processor has the instruction.
    let leaf = unsafe { std::arch::x86_64::__cpuid_count(0xd, 0) };
    leaf.ebx
}

/// The seccomp filter with this index of a stopped thread: `struct sock_filter`, 8 bytes each.
pub(super) fn seccomp_filter(tid: i32, index: usize) -> Result<Vec<u8>, Errno> {
    const SECCOMP_GET_FILTER: libc::c_uint = 0x420c;
    let index = ptr::without_provenance_mut::<c_void>(index);
    let nowhere = ptr::null_mut::<c_void>();
    // SAFETY: with a null pointer the kernel writes nothing and only counts.
    let count = unsafe { libc::ptrace(SECCOMP_GET_FILTER, tid, index, nowhere) };
    let count = Errno::result(count)?;
    let mut bytes = vec![0u8; usize::try_from(count).unwrap_or(0) * 8];
    // SAFETY: the thread stands still, so its filter is still `count` instructions long; the
    // kernel writes 8 bytes for each to `bytes`, which has room for all of them.
    let answer = unsafe { libc::ptrace(SECCOMP_GET_FILTER, tid, index, bytes.as_mut_ptr()) };
    Errno::result(answer)?;
    Ok(bytes)
}

/// Makes System V shared memory that only we may write and everybody may execute; its number.
pub(super) fn make_segment(length: usize) -> Result<i32, Errno> {
    const MODE: i32 = 0o755;
    // SAFETY: takes numbers only.
    Errno::result(unsafe { libc::shmget(libc::IPC_PRIVATE, length, libc::IPC_CREAT | MODE) })
}

/// Attaches it to this process, and writes `content` to its beginning, for which it was made long enough; where.
pub(super) fn attach_segment(id: i32, content: &[u8]) -> Result<usize, Errno> {
    // SAFETY: the kernel chooses a place where nothing is.
    let at = unsafe { libc::shmat(id, ptr::null(), 0) };
    if at.addr() == usize::MAX {
        return Err(Errno::last());
    }
    // SAFETY: what was just attached is writable, apart from everything else, and no shorter than `content`.
    unsafe { ptr::copy_nonoverlapping(content.as_ptr(), at.cast(), content.len()) };
    Ok(at.expose_provenance())
}

/// Has it removed when nobody has it attached any more.
pub(super) fn remove_segment(id: i32) -> Result<(), Errno> {
    // SAFETY: this command reads and writes nothing of ours.
    Errno::result(unsafe { libc::shmctl(id, libc::IPC_RMID, ptr::null_mut()) }).map(drop)
}

/// Detaches what [`attach_segment`] attached at this place.
pub(super) fn detach_segment(at: usize) {
    // SAFETY: the kernel does this only at the beginning of a segment, and nothing here borrows from one.
    unsafe { libc::shmdt(ptr::with_exposed_provenance(at)) };
}

/// Sets what a signal to this program does; gives what it did before. A handler in `action` may do
/// only what is safe in one (`man 7 signal-safety`).
pub(super) fn swap_action(signal: Signal, action: &SigAction) -> Result<SigAction, Errno> {
    // SAFETY: the only caller sets a handler that does nothing but `write` and `raise`, which are
    // safe in one, or what was set before.
    unsafe { sigaction(signal, action) }
}
