//! What is to be run, and what became of it.

use std::time::Duration;

/// Python to be run once, by the main thread of the target's main interpreter.
#[derive(Debug, Clone, Copy)]
pub struct Request<'s> {
    /// Python text, run in a namespace of its own; sets the global `result` to bytes. It should
    /// import nothing, take no lock, write nothing to standard output and catch every exception
    /// it does not want reported as [`Status::Raised`].
    pub source: &'s str,
    /// How long to wait: for a safe point, for the target to reach it, for the code to end.
    pub limit: Duration,
    /// How long the target may stand still at one stop.
    pub max_stop: Duration,
    /// Whether to go ahead where the owner of the target has switched remote debugging off.
    pub override_switch: bool,
    /// Whether a main thread that waits with the GIL released may be made to run it itself.
    pub parked: bool,
    /// The number of the interpreter to run it in: 0 is the main one, which every way reaches.
    pub interpreter: i64,
    /// Whether it may run beside other threads of Python, in a build without the GIL.
    pub beside_threads: bool,
    /// Bytes of `result` at most.
    pub max_result: usize,
}

impl Request<'_> {
    /// Longest source and longest result: one MiB each.
    pub const MAX_SIZE: usize = 1 << 20;
}

/// By which way the interpreter was made to run the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// An entry written into the queue of pending calls while all threads stood still.
    QueueWrite,
    /// The main thread itself called `Py_AddPendingCall`.
    QueueCall,
    /// The remote debugging interface of 3.14 (PEP 768).
    RemoteExec,
    /// The main thread, which waited with the GIL released, took the GIL and called it.
    ParkedThread,
}

impl Route {
    /// A stable name.
    pub fn name(self) -> &'static str {
        match self {
            Route::QueueWrite | Route::QueueCall => "pending_call",
            Route::RemoteExec => "remote_exec",
            Route::ParkedThread => "parked_thread",
        }
    }
}

/// What made a main thread that waited come to the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// Nothing: it came by itself.
    None,
    /// Its system call ended with EINTR.
    Eintr,
    /// A byte in the socket by which its event loop wakes itself.
    SelfPipe,
}

/// How the code ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It set `result`.
    Ok,
    /// An exception left it.
    Raised,
}

/// The code ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// How it ended.
    pub status: Status,
    /// The bytes of `result`; of code that raised the `repr` of the exception in UTF-8.
    pub value: Vec<u8>,
    /// How it was started.
    pub route: Route,
    /// What made the main thread come to it.
    pub wake: Wake,
    /// From the end of the stop that armed it to the moment the result was seen, in microseconds.
    pub latency_us: u64,
    /// How long the target stood still, all stops of this run together, in microseconds.
    pub stopped_us: u64,
    /// How long the code ran, with the GIL held, in microseconds.
    pub gil_held_us: u64,
}
