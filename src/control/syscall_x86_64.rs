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
        self.check_registers_may_be_set()?;
        self.check_filters(libc, &[call])?;
        let before = self.main_registers()?;
        let mask = self.arm_frame(libc, &before, call)?;
        let thread = self.main_thread();
        thread
            .set_signal_mask(u64::MAX)
            .map_err(ControlError::Trace)?;
        let deadline = self.deadline().max(Instant::now() + PATIENCE);
        let answer = run(thread, libc, call.number, deadline);
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
        let xstate = thread
            .register_set(NT_X86_XSTATE, MAX_XSTATE)
            .map_err(ControlError::Trace)?;
        let mask = thread.signal_mask().map_err(ControlError::Trace)?;
        let frame = SignalFrame::new(&resumed(before), &xstate, mask, libc.restore).ok_or(
            ControlError::SyscallAstray {
                what: "no xsave image",
            },
        )?;
        self.check_stack_room(before.rsp.saturating_sub(frame.at.value()))?;
        self.write(frame.at, &frame.bytes)?;
        thread
            .set_registers(calling(before, &frame, libc, call))
            .map_err(ControlError::Trace)?;
        Ok(mask)
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
    let astray = |what| ControlError::SyscallAstray { what };
    let behind = libc.syscall_return.offset(2).value();
    for (entering, what) in [(true, "no entry"), (false, "no exit")] {
        if !thread
            .run_to_syscall_stop(deadline)
            .map_err(ControlError::Trace)?
        {
            let late = Instant::now() >= deadline;
            return Err(if late {
                ControlError::Overdue
            } else {
                astray(what)
            });
        }
        let registers = thread.registers().map_err(ControlError::Trace)?;
        if registers.rip != behind || registers.orig_rax != number {
            return Err(astray("another call"));
        }
        if !entering {
            return Ok(registers.rax);
        }
    }
    Err(astray("no exit"))
}
