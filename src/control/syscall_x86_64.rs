//! A system call made by the target's main thread, at our bidding.
//!
//! The thread stands still. We write a signal frame below its stack that would restore it, then
//! point it at a `syscall; ret` of its C library, with the frame as its stack: the call returns
//! into `__restore_rt`, which restores the thread. So from the one write of the registers on the
//! target heals itself; while we live, we stop the thread right behind the call, read the answer
//! and put registers and signal mask back ourselves, which loses nothing (`rt_sigreturn` would
//! make an interrupted sleep return early).
//!
//! The order counts: "signals blocked" must imply "frame armed".

use crate::address::Address;
use crate::control::control::Control;
use crate::control::error::ControlError;
use crate::control::libc::Libc;
use crate::control::seccomp::Filters;
use crate::control::sigframe_x86_64::SignalFrame;
use crate::target::registers_x86_64::{Registers, resumed};
use crate::target::tracee::Tracee;
use nix::errno::Errno;
use std::time::{Duration, Instant};

/// `NT_X86_XSTATE` (`include/uapi/linux/elf.h`).
const NT_X86_XSTATE: i32 = 0x202;
/// Larger than any xsave image.
const MAX_XSTATE: usize = 64 * 1024;
/// Direction and trap flag.
const UNWANTED_FLAGS: u64 = 1 << 10 | 1 << 8;
/// What a call may take besides when the time of the stop is all but over. A call that only
/// changes mappings ends at once; the watchdog is a little more patient than this.
const PATIENCE: Duration = Duration::from_millis(20);

/// A system call by number, with its arguments and a name for messages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Syscall {
    pub(super) name: &'static str,
    pub(super) number: u64,
    pub(super) arguments: [u64; 6],
}

impl Syscall {
    const MMAP: u64 = 9;
    const MPROTECT: u64 = 10;
    const MUNMAP: u64 = 11;
    const SHMAT: u64 = 30;
    const CLONE: u64 = 56;
    const WAIT4: u64 = 61;
    const EXIT_GROUP: u64 = 231;

    /// A copy of the process, which shares its table of files and its folders, sends no signal when
    /// it ends, and begins with `stack` as its stack.
    pub(super) fn clone_process(stack: Address) -> Self {
        /// `CLONE_FS | CLONE_FILES`, and no exit signal.
        const FLAGS: u64 = 0x200 | 0x400;
        Syscall {
            name: "clone",
            number: Self::CLONE,
            arguments: [FLAGS, stack.value(), 0, 0, 0, 0],
        }
    }

    /// Takes a child that has ended out of the process table, if it has; its number is one of the
    /// caller's own namespace.
    pub(super) fn wait_for_child(child: i32) -> Self {
        /// `__WALL | WNOHANG`.
        const OPTIONS: u64 = 0x4000_0000 | 1;
        Syscall {
            name: "wait4",
            number: Self::WAIT4,
            arguments: [child as u64, 0, OPTIONS, 0, 0, 0],
        }
    }

    /// Ends the process with a status.
    pub(super) fn exit_group(status: u64) -> Self {
        Syscall {
            name: "exit_group",
            number: Self::EXIT_GROUP,
            arguments: [status, 0, 0, 0, 0, 0],
        }
    }

    /// Private anonymous memory, readable and writable, there and nowhere else.
    pub(super) fn map_memory(at: Address, length: u64) -> Self {
        const READ_WRITE: u64 = 3;
        /// `MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE`.
        const FLAGS: u64 = 0x10_0022;
        let no_file = u64::MAX;
        Syscall {
            name: "mmap",
            number: Self::MMAP,
            arguments: [at.value(), length, READ_WRITE, FLAGS, no_file, 0],
        }
    }

    /// Changes what may be done with memory: `PROT_*`.
    pub(super) fn protect(at: Address, length: u64, protection: u64) -> Self {
        Syscall {
            name: "mprotect",
            number: Self::MPROTECT,
            arguments: [at.value(), length, protection, 0, 0, 0],
        }
    }

    /// Puts a segment, to be read and executed, in the place of what is mapped there.
    pub(super) fn attach(id: i32, at: Address) -> Self {
        /// `SHM_RDONLY | SHM_REMAP | SHM_EXEC`.
        const FLAGS: u64 = 0o010_000 | 0o040_000 | 0o100_000;
        Syscall {
            name: "shmat",
            number: Self::SHMAT,
            arguments: [id as u64, at.value(), FLAGS, 0, 0, 0],
        }
    }

    /// Gives memory back.
    pub(super) fn unmap(at: Address, length: u64) -> Self {
        Syscall {
            name: "munmap",
            number: Self::MUNMAP,
            arguments: [at.value(), length, 0, 0, 0, 0],
        }
    }
}

/// What the code in the target calls besides: `rt_sigreturn`, `getpid`, `clock_gettime`.
const CALLS_OF_THE_CODE: [(&str, u64); 3] =
    [("rt_sigreturn", 15), ("getpid", 39), ("clock_gettime", 228)];

impl Control<'_> {
    /// Whether the seccomp filters of the main thread let these calls happen, and those that the
    /// healing frame and our code in the target make.
    ///
    /// # Errors
    /// [`ControlError::Filtered`], [`ControlError::FilterUnreadable`].
    pub(super) fn check_filters(&self, libc: &Libc, calls: &[Syscall]) -> Result<(), ControlError> {
        if !self.is_filtered() {
            return Ok(());
        }
        let filters = Filters::of(self.main_thread())
            .map_err(|errno| ControlError::FilterUnreadable { errno })?;
        let behind = libc.syscall_return.offset(2).value();
        let of_the_code = CALLS_OF_THE_CODE.map(|(name, number)| Syscall {
            name,
            number,
            arguments: [0; 6],
        });
        for call in calls.iter().chain(&of_the_code) {
            if !filters.allow(call.number, behind, call.arguments) {
                return Err(ControlError::Filtered { call: call.name });
            }
        }
        Ok(())
    }

    /// Has the main thread make a system call; what it returned.
    ///
    /// # Errors
    /// [`ControlError::SyscallFailed`] when the call failed; the gates of
    /// [`Control::check_registers_may_be_set`] and [`Control::check_filters`];
    /// [`ControlError::SyscallAstray`].
    pub(super) fn call(&self, libc: &Libc, call: Syscall) -> Result<u64, ControlError> {
        self.call_through(libc, call, |thread, deadline| {
            run(thread, libc, call.number, deadline)
        })
    }

    /// As [`Control::call`], with another way from the entry of the call to its exit.
    pub(super) fn call_through(
        &self,
        libc: &Libc,
        call: Syscall,
        run: impl FnOnce(&Tracee, Instant) -> Result<u64, ControlError>,
    ) -> Result<u64, ControlError> {
        self.check_registers_may_be_set()?;
        self.check_filters(libc, &[call])?;
        let before = self.main_registers()?;
        let mask = self.arm_frame(libc, &before, call)?;
        let thread = self.main_thread();
        thread
            .set_signal_mask(u64::MAX)
            .map_err(ControlError::Trace)?;
        let deadline = self.deadline().max(Instant::now() + PATIENCE);
        let answer = run(thread, deadline);
        if answer == Err(ControlError::Overdue) {
            // It still runs, to the end of the call and back by the frame.
            return answer;
        }
        // In this order also when the call went astray: the frame stays armed till the last step.
        thread.set_signal_mask(mask).map_err(ControlError::Trace)?;
        thread.set_registers(before).map_err(ControlError::Trace)?;
        let answer = answer?;
        match answer as i64 {
            failed @ -4095..=-1 => Err(ControlError::SyscallFailed {
                call: call.name,
                errno: Errno::from_raw(-failed as i32),
            }),
            _ => Ok(answer),
        }
    }

    /// Writes the healing frame and points the thread at the call; the signal mask as it was.
    fn arm_frame(
        &self,
        libc: &Libc,
        before: &Registers,
        call: Syscall,
    ) -> Result<u64, ControlError> {
        let thread = self.main_thread();
        let mask = thread.signal_mask().map_err(ControlError::Trace)?;
        let frame = self.frame(libc, &resumed(before), mask)?;
        self.check_stack_room(before.rsp.saturating_sub(frame.at.value()))?;
        self.write(frame.at, &frame.bytes)?;
        thread
            .set_registers(calling(before, &frame, libc, call))
            .map_err(ControlError::Trace)?;
        Ok(mask)
    }

    /// The frame that brings the main thread, or a copy of it, to these registers and this mask.
    fn frame(
        &self,
        libc: &Libc,
        registers: &Registers,
        mask: u64,
    ) -> Result<SignalFrame, ControlError> {
        let xstate = self.main_thread().register_set(NT_X86_XSTATE, MAX_XSTATE);
        let xstate = xstate.map_err(ControlError::Trace)?;
        SignalFrame::new(registers, &xstate, mask, libc.restore).ok_or(
            ControlError::SyscallAstray {
                what: "no xsave image",
            },
        )
    }

    /// Writes the frame of a copy of the process that only ends, with `status`: below the place of
    /// the frame that heals the main thread. Where it is.
    pub(super) fn write_ending_frame(
        &self,
        libc: &Libc,
        status: u64,
    ) -> Result<Address, ControlError> {
        let before = self.main_registers()?;
        let healing = self.frame(libc, &resumed(&before), u64::MAX)?;
        let end = Syscall::exit_group(status);
        let ending = calling(&before, &healing, libc, end);
        let frame = self.frame(libc, &ending, u64::MAX)?;
        self.check_stack_room(before.rsp.saturating_sub(frame.at.value()))?;
        self.write(frame.at, &frame.bytes)?;
        Ok(frame.at)
    }
}

/// The registers of a thread about to execute the call, with the frame as its stack.
fn calling(before: &Registers, frame: &SignalFrame, libc: &Libc, call: Syscall) -> Registers {
    let [rdi, rsi, rdx, r10, r8, r9] = call.arguments;
    Registers {
        rip: libc.syscall_return.value(),
        rsp: frame.at.value(),
        rax: call.number,
        orig_rax: u64::MAX,
        rdi,
        rsi,
        rdx,
        r10,
        r8,
        r9,
        eflags: before.eflags & !UNWANTED_FLAGS,
        ..*before
    }
}

/// From the entry of the call to its exit; what it returned.
fn run(thread: &Tracee, libc: &Libc, number: u64, deadline: Instant) -> Result<u64, ControlError> {
    run_to_stop(thread, libc, number, deadline, "no entry")?;
    run_to_stop(thread, libc, number, deadline, "no exit")
}

/// To the next stop of the call, which must be one of this very call; what it returned, if it is
/// the exit.
pub(super) fn run_to_stop(
    thread: &Tracee,
    libc: &Libc,
    number: u64,
    deadline: Instant,
    what: &'static str,
) -> Result<u64, ControlError> {
    let stopped = thread.run_to_syscall_stop(deadline);
    if stopped.map_err(ControlError::Trace)? {
        return answer_at_stop(thread, libc, number);
    }
    Err(match Instant::now() >= deadline {
        true => ControlError::Overdue,
        false => ControlError::SyscallAstray { what },
    })
}

/// What the call returned, when the thread stands at its exit.
pub(super) fn answer_at_stop(
    thread: &Tracee,
    libc: &Libc,
    number: u64,
) -> Result<u64, ControlError> {
    let registers = thread.registers().map_err(ControlError::Trace)?;
    let behind = libc.syscall_return.offset(2).value();
    if registers.rip != behind || registers.orig_rax != number {
        let what = "another call";
        return Err(ControlError::SyscallAstray { what });
    }
    Ok(registers.rax)
}
