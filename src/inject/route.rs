//! Which way code takes into a target: the decision, whole, used by a run and foretold by `doctor`.
//!
//! **Before anything** ([`means`]), without a stop. Refused: a build without the GIL (unless forced), an
//! interpreter that is ending, a target that is stopped, traced or in the middle of a `vfork`. The owner
//! has the last word: with remote debugging switched off nothing is run by any way, unless the user
//! overrides that by name.
//!
//! **By what the main thread is seen to do** ([`choose`]), again at every try:
//!
//! | it | 3.14 on, with the interface for debuggers | else |
//! |---|---|---|
//! | runs, or waits for the GIL | the interface | the queue of pending calls |
//! | waits for a lock (3.6 on) | the queue, and an EINTR: the interface is not looked at there | the same |
//! | waits in a loop of asyncio | the interface, and an EINTR | to 3.12 the queue, and a byte in its self-pipe |
//! | waits in a call known to bear it | the interface, and an EINTR | in the middle of its wait (3.8 on) |
//! | waits in anything else | in the middle of its wait, if it is proven | the same |
//! | waits for a child of `vfork` | nothing, until that has executed its program | the same |
//!
//! Another interpreter than the main one is reached by the interface alone, in the thread that executes
//! it, whatever the main thread does; where nobody executes it, nobody would run the code.
//!
//! The queue is written from outside where one word commits an entry and its place is proven (3.7 to
//! 3.12), else by a call that the main thread is made to make. The interface is `remote_exec.rs`, the
//! queue `pending_call.rs`, the middle of a wait `parked_thread/`. Each proves under its own stop what was
//! only seen here, and refuses when it is not so. What may pass is tried again until the time is over; a
//! main thread that nobody reaches is not touched, and what it waits in is said.

use crate::control::control::Onward;
use crate::control::error::ControlError;
use crate::cpython::python::{Interpreter, Python};
use crate::inject::error::Refusal;
use crate::inject::pending_call::route_for;
use crate::inject::remote_exec::{Slot, newest_state, nudges};
use crate::inject::request::{Request, Route};
use crate::inject::safe_point::{Seen, may_wake, refuse_finalizing};
use crate::target::pause::PauseError;
use crate::target::process::Process;
use crate::target::registers_x86_64::is_epoll_wait;
use crate::target::threads::vfork_parent;

/// The variable by which CPython switches remote debugging off: being there is enough.
const SWITCH: &str = "PYTHON_DISABLE_REMOTE_DEBUG";

/// What the user asks for or forbids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Wishes {
    /// Go ahead where remote debugging is switched off.
    pub(super) override_switch: bool,
    /// Run code beside other threads, in a build without the GIL.
    pub(super) beside_threads: bool,
    /// The number of the interpreter.
    pub(super) interpreter: i64,
}

impl Wishes {
    /// Those of a request.
    pub(super) fn of(request: &Request<'_>) -> Self {
        Wishes {
            override_switch: request.override_switch,
            beside_threads: request.beside_threads,
            interpreter: request.interpreter,
        }
    }
}

/// What can be done in a target, whatever its main thread does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Means {
    /// The interface for debuggers is there and looked at.
    pub(super) interface: Option<Slot>,
    /// How a request comes into the queue.
    pub(super) queue: Route,
    /// Waits for locks bear an EINTR.
    pub(super) wakes_locks: bool,
    /// A loop of asyncio that waits can be woken by its own socket: where a request comes into the queue without the
    /// main thread.
    pub(super) wakes_loops: bool,
    /// The interpreter, where it is not the main one: what the main thread does is nothing to it.
    pub(super) elsewhere: Option<Interpreter>,
}

/// One try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// The interface for debuggers.
    Interface(Slot, Onward),
    /// The queue of pending calls.
    Queue(Onward),
    /// The queue, and a byte for the loop of asyncio that the main thread may be waiting in.
    Loop,
    /// By the main thread in the middle of its wait.
    WhileWaiting,
}

/// The preconditions, in their order.
///
/// # Errors
/// The first that does not hold.
pub(super) fn means(process: &Process, python: &Python, wishes: Wishes) -> Result<Means, Refusal> {
    refuse_at_sight(process, python, wishes)?;
    let chosen = python.interpreter(wishes.interpreter);
    let elsewhere = chosen.filter(|it| *it != python.main()).copied();
    let slot = Slot::of(process, python, chosen.unwrap_or(python.main()));
    let enabled = slot.filter(|slot| slot.is_enabled(process));
    if !wishes.override_switch {
        if process.has_variable(SWITCH) {
            return Err(Refusal::SwitchedOff { by: SWITCH });
        }
        // From 3.14 on an option does it too.
        if slot.is_some() && enabled.is_none() {
            let by = "its configuration";
            return Err(Refusal::SwitchedOff { by });
        }
    }
    if let Some(interpreter) = &elsewhere {
        enabled.ok_or(Refusal::MainInterpreterOnly)?;
        newest_state(process, python, interpreter)?;
    }
    let queue = route_for(python)?.0;
    Ok(Means {
        elsewhere,
        interface: enabled,
        queue,
        wakes_loops: queue == Route::QueueWrite,
        wakes_locks: may_wake(process, python)?,
    })
}

/// The preconditions that are quick to look at.
///
/// # Errors
/// The first that does not hold.
pub(super) fn refuse_at_sight(
    process: &Process,
    python: &Python,
    wishes: Wishes,
) -> Result<(), Refusal> {
    if python.build.free_threaded && !wishes.beside_threads {
        return Err(Refusal::BesideThreads);
    }
    route_for(python)?;
    refuse_finalizing(process, python)?;
    let pid = process.pid();
    let status = process.status().map_err(ControlError::Process)?;
    let refused = |error: PauseError| Err(ControlError::from(error).into());
    match (status.tracerpid, &status.state) {
        (0, state) if state.starts_with(['T', 't']) => refused(PauseError::Stopped { pid }),
        (0, _) => match vfork_parent(process) {
            Some(parent) => Err(Refusal::SharesMemory { parent }),
            None => Ok(()),
        },
        (tracer, _) => refused(PauseError::Traced { pid, tracer }),
    }
}

/// The next try; `None` when nothing reaches a main thread that does this.
pub(super) fn choose(means: &Means, seen: &Seen) -> Option<Way> {
    let interface = |onward| means.interface.map(|slot| Way::Interface(slot, onward));
    match seen {
        Seen::Gone | Seen::Forking => None,
        _ if means.elsewhere.is_some() => interface(Onward::AsItWas),
        Seen::Moving => Some(interface(Onward::AsItWas).unwrap_or(Way::Queue(Onward::AsItWas))),
        seen if seen.is_lock_wait() => means.wakes_locks.then_some(Way::Queue(Onward::Woken)),
        Seen::Parked {
            number,
            wait_channel,
        } => {
            let nudged = nudges(*number, wait_channel).then(|| interface(Onward::Woken));
            let is_in_loop = means.wakes_loops && is_epoll_wait(*number);
            let other = if is_in_loop {
                Way::Loop
            } else {
                Way::WhileWaiting
            };
            Some(nudged.flatten().unwrap_or(other))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLEEP: i64 = 230;
    const FUTEX: i64 = 202;
    const PAUSE: i64 = 34;

    fn means_with(interface: Option<Slot>, wakes_locks: bool) -> Means {
        Means {
            interface,
            queue: Route::QueueCall,
            wakes_locks,
            wakes_loops: false,
            elsewhere: None,
        }
    }

    fn waits(number: i64) -> Seen {
        Seen::Parked {
            number,
            wait_channel: String::new(),
        }
    }

    #[test]
    fn with_the_interface_all_but_locks_and_unknown_waits_go_by_it() {
        let slot = Slot::default();
        let means = means_with(Some(slot), true);
        let interface = |onward| Some(Way::Interface(slot, onward));
        assert_eq!(choose(&means, &Seen::Moving), interface(Onward::AsItWas));
        assert_eq!(choose(&means, &waits(SLEEP)), interface(Onward::Woken));
        let woken = Some(Way::Queue(Onward::Woken));
        assert_eq!(choose(&means, &waits(FUTEX)), woken);
        assert_eq!(choose(&means, &waits(PAUSE)), Some(Way::WhileWaiting));
    }

    #[test]
    fn without_it_a_wait_runs_the_code_itself_and_the_rest_goes_by_the_queue() {
        let means = means_with(None, true);
        let moving = Some(Way::Queue(Onward::AsItWas));
        assert_eq!(choose(&means, &Seen::Moving), moving);
        assert_eq!(choose(&means, &waits(SLEEP)), Some(Way::WhileWaiting));
    }

    #[test]
    fn a_wait_that_may_be_a_loop_goes_by_the_queue_where_that_is_written_from_outside() {
        const EPOLL: i64 = 232;
        let means = means_with(None, true);
        assert_eq!(choose(&means, &waits(EPOLL)), Some(Way::WhileWaiting));
        let wakes_loops = true;
        let means = Means {
            wakes_loops,
            ..means
        };
        assert_eq!(choose(&means, &waits(EPOLL)), Some(Way::Loop));
        assert_eq!(choose(&means, &waits(SLEEP)), Some(Way::WhileWaiting));
    }

    #[test]
    fn nothing_is_tried_with_a_lock_that_bears_no_eintr_nor_with_vfork() {
        assert_eq!(choose(&means_with(None, false), &waits(FUTEX)), None);
        assert_eq!(choose(&means_with(None, true), &Seen::Forking), None);
        assert_eq!(choose(&means_with(None, true), &Seen::Gone), None);
    }
}
