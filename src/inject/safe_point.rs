//! Whether the interpreter will come to its own safe point, and whether it may be asked to.
//!
//! The safe point is the evaluation loop's look at its pending calls: no C code of the program is
//! half done there, and the GIL is held. A main thread that executes bytecode, or waits for the
//! GIL, reaches it by itself. One that waits in the kernel does not look; then nothing is queued.
//!
//! There is one exception: a main thread that waits for a lock in CPython's own code. Every such
//! wait of CPython (3.6 on) expects EINTR, and `Lock.acquire` and its like then look at pending
//! calls and go on waiting with what is left of their time (PEP 475; `acquire_timed` in
//! `Modules/_threadmodule.c`). So that EINTR can be given without any signal. A library that waits
//! by itself may not expect it: it is told by a return address on the stack, and left alone.

use crate::address::Address;
use crate::control::control::{Control, Onward};
use crate::control::error::ControlError;
use crate::control::libc::has_musl;
use crate::control::scratch::is_scratch;
use crate::cpython::python::Python;
use crate::inject::error::Refusal;
use crate::inject::ring::{Ring, RingState};
use crate::target::maps::MappedFile;
use crate::target::memory::{ReadMemory, ReadMemoryExt, word_in};
use crate::target::process::Process;
use crate::target::registers_x86_64::is_lock_wait;
use crate::target::threads::{Activity, Thread, is_in_vfork};
use std::cell::RefCell;
use std::time::{Duration, Instant};

/// Between two looks at a thread.
pub(super) const BETWEEN_LOOKS: Duration = Duration::from_millis(25);

/// Between two looks at one that has not moved yet. One that waits for the GIL asks for it every 5 ms.
const A_STEP: Duration = Duration::from_millis(6);

/// What the main thread is seen to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// It runs, waits for the GIL, or changed between two looks.
    Moving,
    /// It waits for a child of `vfork`, and cannot be stopped.
    Forking,
    /// It stands in one system call.
    Parked {
        /// Its number.
        number: i64,
        /// Where in the kernel.
        wait_channel: String,
    },
    /// It is not there.
    Gone,
}

impl Seen {
    /// Whether the main thread waits for a lock.
    pub(super) fn is_lock_wait(&self) -> bool {
        matches!(self, Seen::Parked { number, wait_channel } if is_lock_wait(*number, wait_channel))
    }
}

/// Whether waits for locks expect EINTR in this version, and get to see one.
///
/// # Errors
/// When the process cannot be looked at.
pub(super) fn may_wake(process: &Process, python: &Python) -> Result<bool, ControlError> {
    Ok(python.version.minor_pair() >= (3, 6) && !waits_on_by_itself(process)?)
}

/// musl begins a wait for a lock again by itself as long as the program has installed no handler that
/// lets calls end (`__timedwait_cp` in `src/thread/__timedwait.c`, 1.2): one that was started with
/// SIGINT ignored, as shells do in the background, has none.
fn waits_on_by_itself(process: &Process) -> Result<bool, ControlError> {
    // Those above are for realtime, and for the C library itself.
    const USUAL_SIGNALS: u64 = (1 << 31) - 1;
    let caught = process.status()?.sigcgt & USUAL_SIGNALS;
    Ok(caught == 0 && has_musl(&process.maps()?))
}

/// The main thread of a target, as it is seen without a stop.
#[derive(Debug)]
pub(super) struct MainThread<'p> {
    process: &'p Process,
    /// What it was seen to do at the beginning: all that is made ready meanwhile need not be waited for.
    early: RefCell<Option<(Thread, Instant)>>,
    /// The word at which it waits for the GIL, where that wait lasts as long as others run.
    gil: Option<Address>,
}

impl<'p> MainThread<'p> {
    /// From 3.2 on a thread that wants the GIL asks for it every 5 ms, and so is seen to move. On 2.7
    /// it waits at a semaphore until it gets it, which other threads may long prevent: there
    /// `interpreter_lock` (`Python/ceval.c`) points to that semaphore.
    pub(super) fn of(
        process: &'p Process,
        python: &Python,
        symbols: &dyn Fn(&str) -> Option<Address>,
    ) -> Self {
        let waits_long = python.version.major < 3;
        let lock = waits_long.then(|| symbols("interpreter_lock")).flatten();
        MainThread {
            process,
            early: RefCell::new(Thread::main(process).map(|thread| (thread, Instant::now()))),
            gil: lock.and_then(|at| process.read_at(at).ok()),
        }
    }

    /// Looks until it is seen to move, [`BETWEEN_LOOKS`] at most.
    pub(super) fn watch(&self) -> Seen {
        let Some(before) = Thread::main(self.process) else {
            return Seen::Gone;
        };
        if is_running(&before) {
            return Seen::Moving;
        }
        // What moved once, longer ago, may be waiting since.
        let tells = |(early, at): &(Thread, Instant)| {
            at.elapsed() < BETWEEN_LOOKS || has_not_moved(early, &before)
        };
        let early = self.early.take().filter(tells);
        let (before, began) = early.unwrap_or_else(|| (before, Instant::now()));
        loop {
            let left = BETWEEN_LOOKS.saturating_sub(began.elapsed());
            let Some(after) = Thread::main(self.process) else {
                return Seen::Gone;
            };
            let seen = compare(&before, &after, self.gil);
            if left.is_zero() || matches!(seen, Seen::Moving | Seen::Gone) {
                return seen;
            }
            std::thread::sleep(left.min(A_STEP));
        }
    }
}

fn is_running(thread: &Thread) -> bool {
    thread.state == 'R' || thread.activity == Activity::Running
}

/// Whether it waits in the same call and had no processor in between.
fn has_not_moved(before: &Thread, after: &Thread) -> bool {
    before.activity == after.activity && before.switches == after.switches
}

fn compare(before: &Thread, after: &Thread, gil: Option<Address>) -> Seen {
    if "ZX".contains(after.state) {
        return Seen::Gone;
    }
    if !has_not_moved(before, after) || is_running(after) {
        return Seen::Moving;
    }
    match after.activity {
        _ if is_in_vfork(after) => Seen::Forking,
        Activity::Syscall {
            number, argument, ..
        } => match is_lock_wait(number, "") && gil == Some(Address::new(argument)) {
            true => Seen::Moving,
            false => Seen::Parked {
                number,
                wait_channel: after.wait_channel.clone(),
            },
        },
        // Without a look at its system call: parked when nothing else moved either.
        Activity::Unknown | Activity::InKernel { .. } => Seen::Parked {
            number: -1,
            wait_channel: after.wait_channel.clone(),
        },
        Activity::Running => Seen::Moving,
    }
}

/// Whether the interpreter is ending.
pub(super) fn refuse_finalizing(
    memory: &(impl ReadMemory + ?Sized),
    python: &Python,
) -> Result<(), Refusal> {
    let read = |error| Refusal::Control(ControlError::Read(error));
    if let (Some(at), Some(layout)) = (python.runtime, python.layout.runtime) {
        let finalizing: Address = layout.finalizing.read(memory, at).map_err(read)?;
        if !finalizing.is_null() {
            return Err(Refusal::Finalizing);
        }
    }
    if let Some(field) = python.layout.interpreter.finalizing {
        let ending = field.read(memory, python.main().address).map_err(read)?;
        if ending != 0 {
            return Err(Refusal::Finalizing);
        }
    }
    Ok(())
}

/// The gates that count only while all threads stand still. The state of the ring, where it has
/// an address.
///
/// # Errors
/// The gate that is shut; nothing has been written then.
pub(super) fn check_gates(
    control: &Control<'_>,
    python: &Python,
    ring: Option<&Ring>,
) -> Result<Option<RingState>, Refusal> {
    refuse_finalizing(control, python)?;
    refuse_other_main_thread(control, python)?;
    control.check_registers_may_be_set()?;
    let Some(ring) = ring else {
        return Ok(None);
    };
    let state = ring.read(control).map_err(ControlError::Read)??;
    if state.lock_held {
        return Err(Refusal::LockHeld);
    }
    if ring.is_full(state) {
        return Err(Refusal::QueueFull);
    }
    Ok(Some(state))
}

/// Bytes of stack in which the C library's part of waiting for a lock ends: at most four frames.
const WAITING_FRAMES: usize = 512;

/// Whether the main thread waits for a lock by CPython's own hand: of the code addresses at the
/// top of its stack at least one is CPython's, and none is of anything but CPython and `libc`.
/// `python` is any address in CPython's code.
///
/// # Errors
/// [`Refusal::ForeignWait`], or [`ControlError::NotWaiting`] when it has gone on meanwhile.
pub(super) fn check_lock_wait(
    control: &Control<'_>,
    libc: &MappedFile,
    python: Address,
) -> Result<(), Refusal> {
    let registers = control.main_registers()?;
    control.onward_registers(Onward::Woken)?;
    if !is_lock_wait(registers.orig_rax as i64, "futex") {
        return Err(ControlError::NotWaiting.into());
    }
    check_wait_of_python(control, libc, python)
}

/// As [`check_lock_wait`], for whatever system call the main thread waits in.
///
/// # Errors
/// [`Refusal::ForeignWait`].
pub(super) fn check_wait_of_python(
    control: &Control<'_>,
    libc: &MappedFile,
    python: Address,
) -> Result<(), Refusal> {
    let registers = control.main_registers()?;
    let maps = control.maps();
    let interpreter = maps.find(python).and_then(|mapping| mapping.file.as_ref());
    let stack = control
        .read_bytes_at(Address::new(registers.rsp), WAITING_FRAMES)
        .map_err(ControlError::Read)?;
    let mut by_python = false;
    for word in stack.chunks_exact(8) {
        let address: Address = word_in(word, 0).unwrap_or_default();
        // A word that an earlier run of ours has left in a gap of a frame: nobody returns there, for a
        // request that has not begun is in nobody's call.
        if is_scratch(address) {
            continue;
        }
        let Some(mapping) = maps.find(address).filter(|mapping| mapping.execute) else {
            continue;
        };
        if mapping.file.is_some() && mapping.file.as_ref() == interpreter {
            by_python = true;
        } else if mapping.file.as_ref() != Some(libc) {
            return Err(Refusal::ForeignWait);
        }
    }
    if by_python {
        Ok(())
    } else {
        Err(Refusal::ForeignWait)
    }
}

/// Whether the interpreter runs on, in the main thread of the process.
///
/// # Errors
/// [`Refusal::Finalizing`], [`Refusal::OtherMainThread`].
pub(super) fn check_main_thread(control: &Control<'_>, python: &Python) -> Result<(), Refusal> {
    refuse_finalizing(control, python)?;
    refuse_other_main_thread(control, python)
}

/// The state of the thread with this `pthread_t` in the main interpreter. The kernel's tid in it may be that of
/// another pid namespace.
///
/// # Errors
/// [`Refusal::OtherMainThread`]: it has none.
pub(super) fn find_state(
    memory: &(impl ReadMemory + ?Sized),
    python: &Python,
    thread: u64,
) -> Result<Address, Refusal> {
    /// More than any process has.
    const MOST: usize = 100_000;
    let read = ControlError::Read;
    let layout = &python.layout;
    let head = layout.interpreter.threads_head;
    let mut state = head.read(memory, python.main().address).map_err(read)?;
    for _ in 0..MOST {
        if state.is_null() {
            break;
        }
        if layout.thread.thread_id.read(memory, state).map_err(read)? == thread {
            return Ok(state);
        }
        state = layout.thread.next.read(memory, state).map_err(read)?;
    }
    Err(Refusal::OtherMainThread)
}

/// `_PyRuntime.main_thread` is a `pthread_t`, on glibc and musl the base of the `fs` segment.
pub(super) fn refuse_other_main_thread(
    control: &Control<'_>,
    python: &Python,
) -> Result<(), Refusal> {
    let (Some(at), Some(layout)) = (python.runtime, python.layout.runtime) else {
        return Ok(());
    };
    let expected = layout
        .main_thread
        .read(control, at)
        .map_err(ControlError::Read)?;
    if control.main_registers()?.fs_base == expected {
        Ok(())
    } else {
        Err(Refusal::OtherMainThread)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thread(state: char, number: i64, switches: u64) -> Thread {
        Thread {
            tid: 1,
            state,
            activity: Activity::Syscall {
                number,
                argument: 0x100,
                stack: 1,
                instruction: 2,
            },
            wait_channel: "ep_poll".to_owned(),
            switches: (switches, 0),
        }
    }

    #[test]
    fn a_thread_that_stays_in_one_call_is_parked() {
        let parked = Seen::Parked {
            number: 232,
            wait_channel: "ep_poll".to_owned(),
        };
        let same = compare(&thread('S', 232, 5), &thread('S', 232, 5), None);
        assert_eq!(same, parked);
    }

    #[test]
    fn a_thread_that_switched_or_runs_is_moving() {
        let before = thread('S', 202, 5);
        let then = |after: Thread| compare(&before, &after, None);
        assert_eq!(then(thread('S', 202, 6)), Seen::Moving);
        assert_eq!(then(thread('S', 0, 5)), Seen::Moving);
        assert_eq!(then(thread('R', 202, 5)), Seen::Moving);
        assert_eq!(then(thread('Z', 202, 5)), Seen::Gone);
    }

    #[test]
    fn a_thread_that_waits_at_the_word_of_the_gil_will_move() {
        let waits = thread('S', 202, 5);
        let at = |gil| compare(&waits, &waits, Some(Address::new(gil)));
        assert_eq!(at(0x100), Seen::Moving);
        assert!(at(0x200).is_lock_wait());
    }

    #[test]
    fn a_thread_that_waits_for_a_child_of_vfork_is_told_from_others() {
        let waits = thread('D', 58, 5);
        assert_eq!(compare(&waits, &waits, None), Seen::Forking);
    }
}
