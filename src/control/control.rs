//! A target that stands still and may be changed.
//!
//! Who restores what: the registers of a thread are set only by an injected system call, which
//! puts them back (and would be undone by the target itself if we died), or once, as the very
//! last act, by a hijack into code that restores itself. Memory is written with
//! `process_vm_writev`, which writes only where the target itself may write: never program text.

use crate::address::Address;
use crate::control::consent::Consent;
use crate::control::error::ControlError;
use crate::target::core_file::CoreThread;
use crate::target::maps::{Mapping, Maps};
use crate::target::memory::{Piece, ReadError, ReadMemory, ReadMemoryExt};
use crate::target::pause::{Paused, StopLimits};
use crate::target::process::Process;
use crate::target::registers_x86_64::{
    Registers, SYSCALL, interrupted, interrupted_when_rewound, resumed,
};
use crate::target::steps::step;
use crate::target::tracee::Tracee;
use crate::target::watchdog::Watchdog;
use nix::errno::Errno;
use nix::sys::uio::{RemoteIoVec, process_vm_writev};
use nix::unistd::Pid;
use std::io::IoSlice;
use std::time::{Duration, Instant};

/// `NT_X86_SHSTK`: the shadow stack pointer (`include/uapi/linux/elf.h`).
const NT_X86_SHSTK: i32 = 0x204;
/// Trap flag of the processor's flags: single-step.
const TRAP_FLAG: u64 = 1 << 8;

/// What the kernel keeps free below a stack that grows (`stack_guard_gap`).
const STACK_GAP: u64 = 1 << 20;

/// A process whose threads stand still (all, or the main thread), and that may be changed until this
/// is dropped.
#[derive(Debug)]
pub struct Control<'p> {
    paused: Paused<'p>,
    maps: Maps,
    filtered: bool,
    stack_limit: u64,
}

impl<'p> Control<'p> {
    /// Stops the threads of `process` that `limits` name.
    ///
    /// # Errors
    /// [`ControlError::Pause`]; the process then runs as before.
    pub fn seize(
        process: &'p Process,
        watchdog: &'p Watchdog,
        limits: StopLimits,
        _consent: Consent,
    ) -> Result<Self, ControlError> {
        // Read before the stop: the mappings that matter (stack, data) do not come and go.
        let maps = process.maps()?;
        let filtered = process.status()?.seccomp.is_none_or(|mode| mode != 0);
        let stack_limit = process.stack_limit().unwrap_or(0);
        Ok(Control {
            paused: Paused::stop(process, watchdog, limits)?,
            maps,
            filtered,
            stack_limit,
        })
    }

    /// Lets the threads go on; how long they stood still.
    pub fn resume(self) -> Duration {
        self.paused.resume()
    }

    /// The process.
    pub fn process(&self) -> &'p Process {
        self.paused.process()
    }

    /// The mappings, as they were just before the stop.
    pub fn maps(&self) -> &Maps {
        &self.maps
    }

    /// Until when the threads may stand still.
    pub(super) fn deadline(&self) -> Instant {
        self.paused.deadline()
    }

    /// Whether a seccomp filter is on the main thread.
    pub(super) fn is_filtered(&self) -> bool {
        self.filtered
    }

    pub(super) fn main_thread(&self) -> &Tracee {
        self.paused.main_thread()
    }

    /// The registers of the main thread.
    ///
    /// # Errors
    /// [`ControlError::Trace`].
    pub fn main_registers(&self) -> Result<Registers, ControlError> {
        self.main_thread().registers().map_err(ControlError::Trace)
    }

    /// The threads that stand still with their registers, the main thread first.
    ///
    /// # Errors
    /// [`ControlError::Trace`].
    pub fn core_threads(&self) -> Result<Vec<CoreThread>, ControlError> {
        self.paused.core_threads().map_err(ControlError::Trace)
    }

    /// Where each thread that stands still will go on executing, the main thread first.
    ///
    /// # Errors
    /// [`ControlError::Trace`].
    pub fn instruction_pointers(&self) -> Result<Vec<Address>, ControlError> {
        let at = |tracee: &Tracee| Ok(Address::new(tracee.registers()?.rip));
        let all: Result<_, Errno> = self.paused.threads().map(at).collect();
        all.map_err(ControlError::Trace)
    }

    /// Writes memory, all of it or an error.
    ///
    /// # Errors
    /// [`ControlError::NotWritable`] when the target itself may not write there.
    pub fn write(&self, at: Address, bytes: &[u8]) -> Result<(), ControlError> {
        step();
        let remote = [RemoteIoVec {
            base: at.value() as usize,
            len: bytes.len(),
        }];
        let pid = Pid::from_raw(self.process().pid());
        match process_vm_writev(pid, &[IoSlice::new(bytes)], &remote) {
            Ok(count) if count == bytes.len() => Ok(()),
            Ok(_) | Err(Errno::EFAULT) => Err(ControlError::NotWritable {
                at,
                length: bytes.len(),
            }),
            Err(errno) => Err(ControlError::Trace(errno)),
        }
    }

    /// Writes one 4-byte word.
    ///
    /// # Errors
    /// As [`Control::write`].
    pub fn write_u32(&self, at: Address, value: u32) -> Result<(), ControlError> {
        self.write(at, &value.to_le_bytes())
    }

    /// Whether registers of the main thread may be set at this instant.
    ///
    /// # Errors
    /// [`ControlError::InRestartableSequence`] passes by itself; [`ControlError::ShadowStack`]
    /// stays.
    pub fn check_registers_may_be_set(&self) -> Result<(), ControlError> {
        let shadow = self.main_thread().register_set(NT_X86_SHSTK, 8);
        if shadow.is_ok_and(|bytes| bytes.iter().any(|&byte| byte != 0)) {
            return Err(ControlError::ShadowStack);
        }
        let area = self.main_thread().rseq_area();
        if area == 0 {
            return Ok(());
        }
        let critical: Address = self.read_at(Address::new(area).offset(8))?;
        if critical.is_null() {
            return Ok(());
        }
        // struct rseq_cs: version, flags, start_ip, post_commit_offset, abort_ip.
        let start: Address = self.read_at(critical.offset(8))?;
        let length: u64 = self.read_at(critical.offset(16))?;
        let here = Address::new(self.main_registers()?.rip);
        match here.distance_from(start) {
            Some(distance) if distance < length => Err(ControlError::InRestartableSequence),
            _ => Ok(()),
        }
    }

    /// Whether `bytes` bytes below the main thread's stack pointer are stack too.
    ///
    /// # Errors
    /// [`ControlError::NoStackRoom`].
    pub fn check_stack_room(&self, bytes: u64) -> Result<(), ControlError> {
        let stack = Address::new(self.main_registers()?.rsp);
        let room = self.maps.find(stack).is_some_and(|mapping| {
            mapping.write
                && mapping.file.is_none()
                && stack
                    .distance_from(mapping.range.start)
                    .is_some_and(|depth| depth >= bytes)
        });
        if room {
            Ok(())
        } else {
            Err(ControlError::NoStackRoom { stack })
        }
    }

    /// Whether `bytes` bytes below the main thread's stack pointer are stack too, or become it when
    /// they are used: the stack of a main thread grows up to its limit.
    ///
    /// # Errors
    /// [`ControlError::NoStackRoom`].
    pub fn check_stack_can_grow(&self, bytes: u64) -> Result<(), ControlError> {
        let at = Address::new(self.main_registers()?.rsp);
        let below = |mapping: &Mapping| mapping.special == Some("[stack]");
        let grows = self.maps.find(at).is_some_and(below);
        let Some(end) = self.maps.find(at).map(|stack| stack.range.end) else {
            return Err(ControlError::NoStackRoom { stack: at });
        };
        let lowest = end.before(self.stack_limit.min(end.value()));
        let neighbour = self
            .maps
            .iter()
            .take_while(|mapping| mapping.range.end <= at)
            .last()
            .map_or(Address::NULL, |mapping| mapping.range.end.offset(STACK_GAP));
        let room = at.distance_from(lowest.max(neighbour));
        if grows && room.is_some_and(|room| room >= bytes) {
            return Ok(());
        }
        self.check_stack_room(bytes)
    }

    /// The registers with which the main thread goes on.
    ///
    /// # Errors
    /// [`ControlError::NotWaiting`] when it is to be woken and does not wait.
    pub fn onward_registers(&self, onward: Onward) -> Result<Registers, ControlError> {
        let registers = self.main_registers()?;
        match onward {
            Onward::AsItWas => Ok(resumed(&registers)),
            Onward::Woken => interrupted(&registers)
                .or_else(|| self.interrupted_again(&registers))
                .ok_or(ControlError::NotWaiting),
        }
    }

    /// A wait that fails at every stop was set back to its call ([`Paused`]); here it fails for good.
    fn interrupted_again(&self, registers: &Registers) -> Option<Registers> {
        let at = Address::new(registers.rip);
        let instruction = self.read_bytes_at(at, SYSCALL.len()).ok()?;
        (instruction == SYSCALL).then(|| interrupted_when_rewound(registers))?
    }

    /// Lets all threads go on, the main thread with an EINTR from the system call it waits in. How
    /// long they stood still. One register write: it is done or it is not.
    ///
    /// # Errors
    /// As [`Control::onward_registers`]; all threads go on as they were.
    pub fn wake_main(self) -> Result<Duration, ControlError> {
        let registers = self.onward_registers(Onward::Woken)?;
        self.main_thread()
            .set_registers(registers)
            .map_err(ControlError::Trace)?;
        Ok(self.resume())
    }

    /// Sends the main thread to `code`, which restores every register and jumps to where the
    /// thread would have gone on, and lets all threads go. How long they stood still.
    ///
    /// One register write and nothing after it: whoever dies, the code runs to its end.
    ///
    /// # Errors
    /// [`ControlError::Trace`]: nothing was changed.
    pub fn hijack_main(self, code: Address, onward: Onward) -> Result<Duration, ControlError> {
        let mut registers = self.onward_registers(onward)?;
        registers.rip = code.value();
        registers.eflags &= !TRAP_FLAG;
        self.main_thread()
            .set_registers(registers)
            .map_err(ControlError::Trace)?;
        Ok(self.resume())
    }
}

/// How the main thread goes on after a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Onward {
    /// As if nothing had been.
    AsItWas,
    /// The system call it waits in fails with EINTR, as when a signal arrives.
    Woken,
}

impl ReadMemory for Control<'_> {
    fn read_some_at(&self, at: Address, buffer: &mut [u8]) -> Result<usize, ReadError> {
        self.paused.read_some_at(at, buffer)
    }

    fn read_batch(&self, pieces: &mut [Piece<'_>]) -> Result<(), ReadError> {
        self.paused.read_batch(pieces)
    }
}
