//! Taking a request back, so that it is certain that it never runs.
//!
//! All threads stand still and nobody has the lock of the ring. An entry that is the newest of a
//! one-word ring is taken out by setting `last` back. Any other stays, and the thunk is told to do
//! nothing: it marks itself as running before it looks for that, so a state that still says
//! "armed" under the stop proves that it has not begun and that it will see the mark.

use crate::address::Address;
use crate::control::control::Control;
use crate::control::error::ControlError;
use crate::control::libc::Libc;
use crate::control::scratch::Scratch;
use crate::inject::page::{self, Snapshot, State};
use crate::inject::ring::Ring;
use crate::target::memory::{ReadError, ReadMemoryExt};

/// What became of the attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Withdrawal {
    /// It is out of the queue, and what was mapped for it is given back.
    TakenBack,
    /// It stays in the queue and will do nothing. Its pages stay for a later run.
    Cancelled,
    /// It is no longer in the queue and has not begun: never queued, or about to see its mark.
    Unqueued,
    /// It ended before.
    Ended,
    /// It is running.
    Running,
    /// The lock of the ring is held; try again.
    Busy,
}

/// Takes a request back, or sees that it is too late.
///
/// # Errors
/// [`ControlError`]: the request is as it was.
pub(super) fn withdraw(
    control: &Control<'_>,
    libc: &Libc,
    ring: Option<&Ring>,
    scratch: Scratch,
) -> Result<Withdrawal, ControlError> {
    let snapshot = read_snapshot(control, scratch)?;
    match snapshot.state {
        State::Armed => take_back(control, libc, ring, scratch, &snapshot),
        state if state.has_ended() => Ok(Withdrawal::Ended),
        _ => Ok(Withdrawal::Running),
    }
}

fn take_back(
    control: &Control<'_>,
    libc: &Libc,
    ring: Option<&Ring>,
    scratch: Scratch,
    snapshot: &Snapshot,
) -> Result<Withdrawal, ControlError> {
    let Some(ring) = ring else {
        // Without a look at the queue only the trampoline's own words tell.
        cancel(control, scratch)?;
        return Ok(if snapshot.was_never_queued() {
            Withdrawal::Unqueued
        } else {
            Withdrawal::Cancelled
        });
    };
    let state = ring.read(control)?;
    let (Ok(state), false) = (state, snapshot.is_in_trampoline()) else {
        cancel(control, scratch)?;
        return Ok(Withdrawal::Cancelled);
    };
    if state.lock_held {
        return Ok(Withdrawal::Busy);
    }
    let ours = |function: Address| function == scratch.code();
    let entries = ring.entries_calling(control, state, ours)?;
    if ring.commits_by_one_word() && entries == [ring.before(state.last)] {
        control.write_u32(ring.last_at(), entries[0].unsigned_abs())?;
        // Out of the queue it is; pages that cannot be given back now are found by a later run.
        let _ = scratch.give_back(control, libc);
        return Ok(Withdrawal::TakenBack);
    }
    cancel(control, scratch)?;
    Ok(if entries.is_empty() {
        Withdrawal::Unqueued
    } else {
        Withdrawal::Cancelled
    })
}

/// Tells the thunk to do nothing when it is called.
fn cancel(control: &Control<'_>, scratch: Scratch) -> Result<(), ControlError> {
    control.write_u32(scratch.data().offset(u64::from(page::CANCEL.0)), 1)
}

/// The words of a request; what was killed before it wrote them left zeros.
pub(super) fn read_snapshot(
    control: &Control<'_>,
    scratch: Scratch,
) -> Result<Snapshot, ControlError> {
    let at = scratch.data();
    let bytes = control.read_bytes_at(at, Snapshot::SIZE)?;
    Snapshot::parse(&bytes).ok_or(ControlError::Read(ReadError::Unmapped {
        at,
        wanted: Snapshot::SIZE,
        got: 0,
    }))
}

/// Whether a thread stands in the code of a request.
pub(super) fn is_in_use(control: &Control<'_>, scratch: Scratch) -> Result<bool, ControlError> {
    let places = control.instruction_pointers()?;
    Ok(places.into_iter().any(|at| scratch.code_contains(at)))
}

/// Whether memory cannot be read because nothing is there any more.
pub(super) fn is_unmapped(error: &ControlError) -> bool {
    matches!(error, ControlError::Read(ReadError::Unmapped { .. }))
}
