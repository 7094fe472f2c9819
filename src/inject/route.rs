//! Which way code takes into a target.
//!
//! 1. The owner has the last word: with remote debugging switched off nothing is run by any way,
//!    unless the user overrides that by name.
//! 2. From 3.14 on, where the target can open a file of ours and its main thread runs or waits in a
//!    call known to bear it: the remote debugging interface (`remote_exec.rs`).
//! 3. A main thread that waits for a lock never looks at that interface. It looks at its pending
//!    calls, so it gets one, and an EINTR where the wait is CPython's own (`pending_call.rs`).
//! 4. Else the queue of pending calls of the main thread: written from outside where one word
//!    commits an entry and its place is proven (3.7 to 3.12), else by a call made by the main thread.
//! 5. A main thread that waits for anything else is not touched, and what it waits in is said.

use crate::cpython::python::Python;
use crate::inject::error::Refusal;
use crate::inject::remote_exec::Slot;
use crate::target::process::Process;

/// The variable by which CPython switches remote debugging off: being there is enough.
const SWITCH: &str = "PYTHON_DISABLE_REMOTE_DEBUG";

/// Refuses where the owner of the target has switched remote debugging off, by its environment or
/// (from 3.14 on, where an option does it too) by what its interpreter was configured with.
///
/// # Errors
/// [`Refusal::SwitchedOff`].
pub(super) fn refuse_switched_off(process: &Process, python: &Python) -> Result<(), Refusal> {
    if process.has_variable(SWITCH) {
        return Err(Refusal::SwitchedOff { by: SWITCH });
    }
    match Slot::of(process, python) {
        Some(slot) if !slot.is_enabled(process) => Err(Refusal::SwitchedOff {
            by: "its configuration",
        }),
        _ => Ok(()),
    }
}
