//! What can be told of a run beforehand, without stopping the target.

use crate::cpython::python::Python;
use crate::inject::error::InjectError;
use crate::inject::pending_call::route_for;
use crate::inject::request::Route;
use crate::inject::run::refuse_early;
use crate::inject::safe_point::{Seen, look_twice, may_wake};
use crate::target::process::Process;

/// What a run would meet, as far as it can be seen from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prospect {
    /// The way it would take.
    pub route: Route,
    /// Where in the kernel the main thread waits, so that it would not come to its safe point by
    /// itself. `None` when it moves, or waits for a lock: if that is in CPython's own code, which
    /// only a stop shows, it would be woken, run the code and wait on.
    pub waits_in: Option<String>,
}

/// Looks at everything that can be seen without a stop. What only a stop shows (the queue and its
/// lock, the registers) stays open. Takes some milliseconds when the main thread waits.
///
/// # Errors
/// [`InjectError::Refused`] with the reason, [`InjectError::Gone`].
pub fn assess(process: &Process, python: &Python) -> Result<Prospect, InjectError> {
    refuse_early(process, python)?;
    let (route, _) = route_for(python)?;
    let seen = look_twice(process);
    let could_be_woken = seen.is_lock_wait() && may_wake(python);
    let waits_in = match seen {
        Seen::Moving => None,
        Seen::Parked { .. } if could_be_woken => None,
        Seen::Parked { wait_channel, .. } => Some(wait_channel),
        Seen::Gone => return Err(InjectError::Gone),
    };
    Ok(Prospect { route, waits_in })
}

/// As [`assess`], without looking at what the main thread does.
///
/// # Errors
/// As [`assess`].
pub fn refuse_at_sight(process: &Process, python: &Python) -> Result<(), InjectError> {
    Ok(refuse_early(process, python)?)
}
