//! How Python was made to run in a target.

use crate::inject::{self, Ran};
use schemars::JsonSchema;
use serde::Serialize;

/// How the target was made to run something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Injection {
    /// The way in.
    pub route: Route,
    /// What made the target come to it.
    pub wake: Wake,
    /// From the end of the stop to the result, in microseconds.
    pub latency_us: u64,
    /// How long threads were held for it, in microseconds.
    pub stopped_us: u64,
    /// How long it held the GIL, in microseconds.
    pub gil_held_us: u64,
    /// How often it was tried: an import or a call inside may be in the way.
    pub attempts: usize,
}

/// A way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// The queue of pending calls of the main thread.
    PendingCall,
    /// The remote debugging interface of 3.14.
    RemoteExec,
    /// A thread that waits outside of the interpreter.
    ParkedThread,
}

/// What made the target come to the point where it runs such code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Wake {
    /// Nothing: it was running.
    None,
    /// A system call was made to end early.
    Eintr,
    /// The wake-up pipe of its event loop.
    SelfPipe,
}

impl Injection {
    /// Of a run that needed so many attempts.
    pub fn new(ran: &Ran, attempts: usize) -> Self {
        Injection {
            route: ran.route.into(),
            wake: ran.wake.into(),
            latency_us: ran.latency_us,
            stopped_us: ran.stopped_us,
            gil_held_us: ran.gil_held_us,
            attempts,
        }
    }
}

impl From<inject::Route> for Route {
    fn from(route: inject::Route) -> Self {
        match route {
            inject::Route::QueueWrite | inject::Route::QueueCall => Route::PendingCall,
            inject::Route::RemoteExec => Route::RemoteExec,
            inject::Route::ParkedThread => Route::ParkedThread,
        }
    }
}

impl From<inject::Wake> for Wake {
    fn from(wake: inject::Wake) -> Self {
        match wake {
            inject::Wake::None => Wake::None,
            inject::Wake::Eintr => Wake::Eintr,
            inject::Wake::SelfPipe => Wake::SelfPipe,
        }
    }
}

impl Route {
    /// What a person calls it.
    pub fn words(self) -> &'static str {
        match self {
            Route::PendingCall => "pending call on the main thread",
            Route::RemoteExec => "remote debugging interface of the main thread",
            Route::ParkedThread => "the main thread where it waits",
        }
    }
}
