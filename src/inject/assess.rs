//! What can be told of a run beforehand, without stopping the target.

use crate::address::Address;
use crate::control::libc::Libc;
use crate::cpython::python::Python;
use crate::inject::error::InjectError;
use crate::inject::parked_thread;
use crate::inject::pending_call::route_for;
use crate::inject::remote_exec::{Slot, nudges};
use crate::inject::remote_script::Script;
use crate::inject::request::Route;
use crate::inject::route::refuse_switched_off;
use crate::inject::run::refuse_early;
use crate::inject::safe_point::{Seen, look_twice, may_wake};
use crate::target::process::Process;
use crate::target::registers_x86_64::is_lock_wait;

/// What a run would meet, as far as it can be seen from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prospect {
    /// The way it would take.
    pub route: Route,
    /// How the main thread would come to run the code.
    pub comes: Comes,
}

/// How a main thread comes to run the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comes {
    /// It runs Python, and looks by itself.
    Itself,
    /// It waits, and is woken by an EINTR, if the wait is CPython's own: only a stop shows that.
    Woken,
    /// It waits with the GIL released, and runs the code in the middle of that wait, if the stop
    /// confirms what its stack looks like.
    WhileWaiting,
    /// It waits in the kernel, there, and does not look until that ends.
    Later {
        /// The function of the kernel; empty when it is not shown.
        wait_channel: String,
    },
}

/// Looks at everything that can be seen without a stop. What only a stop shows (the queue and its
/// lock, the registers) stays open. Takes some milliseconds when the main thread waits. `symbols`
/// finds names in the image of the interpreter.
///
/// # Errors
/// [`InjectError::Refused`] with the reason, [`InjectError::Gone`].
pub fn assess(
    process: &Process,
    python: &Python,
    symbols: &dyn Fn(&str) -> Option<Address>,
) -> Result<Prospect, InjectError> {
    refuse_early(process, python)?;
    refuse_switched_off(process, python)?;
    let (queue, _) = route_for(python)?;
    let seen = look_twice(process);
    let remote = Slot::of(process, python).is_some() && Script::has_a_place(process);
    let route = match remote && !seen.is_lock_wait() {
        true => Route::RemoteExec,
        false => queue,
    };
    let (number, wait_channel) = match seen {
        Seen::Moving => {
            return Ok(Prospect {
                route,
                comes: Comes::Itself,
            });
        }
        Seen::Gone => return Err(InjectError::Gone),
        Seen::Parked {
            number,
            wait_channel,
        } => (number, wait_channel),
    };
    let is_woken = match is_lock_wait(number, &wait_channel) {
        true => may_wake(python),
        false => remote && nudges(number, &wait_channel),
    };
    Ok(if is_woken {
        Prospect {
            route,
            comes: Comes::Woken,
        }
    } else if can_run_while_waiting(process, python, symbols) {
        Prospect {
            route: Route::ParkedThread,
            comes: Comes::WhileWaiting,
        }
    } else {
        Prospect {
            route,
            comes: Comes::Later { wait_channel },
        }
    })
}

fn can_run_while_waiting(
    process: &Process,
    python: &Python,
    symbols: &dyn Fn(&str) -> Option<Address>,
) -> bool {
    let Ok(maps) = process.maps() else {
        return false;
    };
    let Ok(libc) = Libc::find(process, &maps) else {
        return false;
    };
    parked_thread::is_open_to(process, python, symbols, &libc)
}

/// As [`assess`], without looking at what the main thread does.
///
/// # Errors
/// As [`assess`].
pub fn refuse_at_sight(process: &Process, python: &Python) -> Result<(), InjectError> {
    Ok(refuse_early(process, python)?)
}
