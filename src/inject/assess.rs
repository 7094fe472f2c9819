//! What can be told of a run beforehand, without stopping the target.

use crate::cpython::python::Python;
use crate::inject::error::InjectError;
use crate::inject::pending_call::route_for;
use crate::inject::remote_exec::{Slot, nudges};
use crate::inject::remote_script::Script;
use crate::inject::request::Route;
use crate::inject::route::refuse_switched_off;
use crate::inject::run::refuse_early;
use crate::inject::safe_point::{Seen, look_twice, may_wake};
use crate::target::process::Process;

/// What a run would meet, as far as it can be seen from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prospect {
    /// The way it would take.
    pub route: Route,
    /// Whether the main thread waits where it would be woken by an EINTR for it.
    pub woken: bool,
    /// Where in the kernel the main thread waits, so that it would not come to its safe point by
    /// itself. `None` when it moves, or would be woken: if the wait is CPython's own, which only a
    /// stop shows.
    pub waits_in: Option<String>,
}

/// Looks at everything that can be seen without a stop. What only a stop shows (the queue and its
/// lock, the registers) stays open. Takes some milliseconds when the main thread waits.
///
/// # Errors
/// [`InjectError::Refused`] with the reason, [`InjectError::Gone`].
pub fn assess(process: &Process, python: &Python) -> Result<Prospect, InjectError> {
    refuse_early(process, python)?;
    refuse_switched_off(process, python)?;
    let (queue, _) = route_for(python)?;
    let seen = look_twice(process);
    let remote = Slot::of(process, python).is_some() && Script::has_a_place(process);
    let route = match &seen {
        seen if seen.is_lock_wait() => queue,
        _ if remote => Route::RemoteExec,
        _ => queue,
    };
    let could_be_woken = match &seen {
        Seen::Parked {
            number,
            wait_channel,
        } if remote && nudges(*number, wait_channel) => true,
        seen => seen.is_lock_wait() && may_wake(python),
    };
    let waits_in = match seen {
        Seen::Moving => None,
        Seen::Parked { .. } if could_be_woken => None,
        Seen::Parked { wait_channel, .. } => Some(wait_channel),
        Seen::Gone => return Err(InjectError::Gone),
    };
    Ok(Prospect {
        route,
        woken: could_be_woken,
        waits_in,
    })
}

/// As [`assess`], without looking at what the main thread does.
///
/// # Errors
/// As [`assess`].
pub fn refuse_at_sight(process: &Process, python: &Python) -> Result<(), InjectError> {
    Ok(refuse_early(process, python)?)
}
