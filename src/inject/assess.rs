//! What can be told of a run beforehand, without stopping the target.

use crate::address::Address;
use crate::control::control::Onward;
use crate::control::libc::Libc;
use crate::cpython::python::Python;
use crate::inject::error::InjectError;
use crate::inject::event_loop::waits_in_loop;
use crate::inject::parked_thread;
use crate::inject::remote_script::Script;
use crate::inject::request::Route;
use crate::inject::route::{self, Way, Wishes, choose, means};
use crate::inject::safe_point::{MainThread, Seen};
use crate::target::process::Process;
use crate::target::threads::thread_ids;

/// What a run would meet, as far as it can be seen from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prospect {
    /// The way it would take.
    pub route: Route,
    /// How the main thread would come to run the code.
    pub comes: Comes,
    /// How long the target would stand still, all stops together, in microseconds, if the machine has
    /// nothing else to do.
    pub stop_us: u64,
    /// Its threads: each is stopped.
    pub threads: usize,
}

/// How a main thread comes to run the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comes {
    /// It runs Python, and looks by itself.
    Itself,
    /// It waits, and is woken by an EINTR, if the wait is CPython's own: only a stop shows that.
    Woken,
    /// It waits in an event loop of asyncio, which is woken by the socket by which it wakes itself.
    ByItsLoop,
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
    let mut means = means(process, python, Wishes::default())?;
    means.interface = means.interface.filter(|_| Script::has_a_place(process));
    let seen = MainThread::of(process, python, symbols).watch();
    let (route, comes) = match (choose(&means, &seen), seen) {
        (_, Seen::Gone) => return Err(InjectError::Gone),
        (Some(Way::Interface(_, onward)), _) => (Route::RemoteExec, Comes::by(onward)),
        (Some(Way::Queue(onward)), _) => (means.queue, Comes::by(onward)),
        (Some(Way::Loop), _) if waits_in_loop(process, python) => (means.queue, Comes::ByItsLoop),
        (Some(Way::WhileWaiting | Way::Loop), _)
            if can_run_while_waiting(process, python, symbols) =>
        {
            (Route::ParkedThread, Comes::WhileWaiting)
        }
        (_, Seen::Parked { wait_channel, .. }) => (means.queue, Comes::Later { wait_channel }),
        (_, Seen::Moving | Seen::Forking) => {
            let wait_channel = "for a child of vfork".to_owned();
            (means.queue, Comes::Later { wait_channel })
        }
    };
    let threads = thread_ids(process).map_or(1, |tids| tids.len());
    Ok(Prospect {
        stop_us: foretold_stop_us(route, threads),
        route,
        comes,
        threads,
    })
}

/// Microseconds that each stop takes for a thread, and microseconds besides for system calls and
/// writes: rounded medians of many runs on a machine with nothing else to do. A stop to arm, and
/// another to give memory back where a way needs memory.
fn foretold_stop_us(route: Route, threads: usize) -> u64 {
    let (stops, besides) = match route {
        Route::RemoteExec => (1, 50),
        Route::QueueWrite | Route::QueueCall => (2, 200),
        Route::ParkedThread => (2, 400),
    };
    stops * 50 * threads as u64 + besides
}

impl Comes {
    fn by(onward: Onward) -> Self {
        match onward {
            Onward::AsItWas => Comes::Itself,
            Onward::Woken => Comes::Woken,
        }
    }
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
    Ok(route::refuse_at_sight(process, python, Wishes::default())?)
}
