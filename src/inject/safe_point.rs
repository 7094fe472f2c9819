//! Whether the interpreter will come to its own safe point, and whether it may be asked to.
//!
//! The safe point is the evaluation loop's look at its pending calls: no C code of the program is
//! half done there, and the GIL is held. A main thread that executes bytecode, or waits for the
//! GIL, reaches it by itself. One that waits in the kernel does not look; then nothing is queued.

use crate::address::Address;
use crate::control::control::Control;
use crate::cpython::python::Python;
use crate::inject::error::Refusal;
use crate::inject::ring::{Ring, RingState};
use crate::target::memory::ReadMemory;
use crate::target::process::Process;
use crate::target::threads::{Activity, Thread};
use std::time::Duration;

/// Between two looks at a thread.
pub(super) const BETWEEN_LOOKS: Duration = Duration::from_millis(25);

/// What the main thread is seen to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// It runs, or changed between two looks.
    Moving,
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

/// Looks twice at the main thread, [`BETWEEN_LOOKS`] apart.
pub(super) fn look_twice(process: &Process) -> Seen {
    let Some(before) = Thread::main(process) else {
        return Seen::Gone;
    };
    if is_running(&before) {
        return Seen::Moving;
    }
    std::thread::sleep(BETWEEN_LOOKS);
    Thread::main(process).map_or(Seen::Gone, |after| compare(&before, &after))
}

fn is_running(thread: &Thread) -> bool {
    thread.state == 'R' || thread.activity == Activity::Running
}

fn compare(before: &Thread, after: &Thread) -> Seen {
    let same = before.activity == after.activity && before.switches == after.switches;
    match after.activity {
        Activity::Syscall { number, .. } if same && !is_running(after) => Seen::Parked {
            number,
            wait_channel: after.wait_channel.clone(),
        },
        // Without a look at its system call: parked when nothing else moved either.
        Activity::Unknown | Activity::InKernel if same && !is_running(after) => Seen::Parked {
            number: -1,
            wait_channel: after.wait_channel.clone(),
        },
        _ => Seen::Moving,
    }
}

/// Whether the interpreter is ending.
pub(super) fn refuse_finalizing(
    memory: &(impl ReadMemory + ?Sized),
    python: &Python,
) -> Result<(), Refusal> {
    let read = |error| Refusal::Control(crate::control::error::ControlError::Read(error));
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
    let state = ring
        .read(control)
        .map_err(crate::control::error::ControlError::Read)??;
    if state.lock_held {
        return Err(Refusal::LockHeld);
    }
    if ring.is_full(state) {
        return Err(Refusal::QueueFull);
    }
    Ok(Some(state))
}

/// `_PyRuntime.main_thread` is a `pthread_t`, on glibc and musl the base of the `fs` segment.
fn refuse_other_main_thread(control: &Control<'_>, python: &Python) -> Result<(), Refusal> {
    let (Some(at), Some(layout)) = (python.runtime, python.layout.runtime) else {
        return Ok(());
    };
    let expected = layout
        .main_thread
        .read(control, at)
        .map_err(crate::control::error::ControlError::Read)?;
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
        assert_eq!(compare(&thread('S', 232, 5), &thread('S', 232, 5)), parked);
    }

    #[test]
    fn a_thread_that_switched_or_runs_is_moving() {
        let before = thread('S', 202, 5);
        assert_eq!(compare(&before, &thread('S', 202, 6)), Seen::Moving);
        assert_eq!(compare(&before, &thread('S', 0, 5)), Seen::Moving);
        assert_eq!(compare(&before, &thread('R', 202, 5)), Seen::Moving);
    }
}
