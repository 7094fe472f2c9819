//! A main thread that waits in an event loop of asyncio, and the socket by which that loop wakes itself.
//!
//! The loop is found by what the thread runs: `select` of a selector, called by `_run_once` of a loop whose selector
//! it is (`Lib/asyncio/base_events.py`, 3.7 on). To wake it one byte is written into its `_csock`, as its own
//! `call_soon_threadsafe` does from another thread; `_read_from_self` reads it from `_ssock` and drops it. So that
//! the byte goes nowhere else, memory and the kernel must tell the same: the sockets are those of the loop that
//! waits, a pair; the very set in which the thread waits watches `_ssock`; and `_csock` is one end of a pair that
//! this process made ([`WakingSocket`]).

use crate::address::Address;
use crate::control::consent::Consent;
use crate::control::control::Control;
use crate::control::waking_socket::WakingSocket;
use crate::cpython::python::Python;
use crate::inject::safe_point::find_state;
use crate::pyobject::class;
use crate::pyobject::dict::{SINGLE, Source};
use crate::pyobject::header;
use crate::pyobject::instance::find_attributes;
use crate::pyobject::names::Names;
use crate::pyobject::running::{Running, innermost, name_and_file};
use crate::target::descriptors::is_watched;
use crate::target::memory::{ReadMemory, ReadMemoryExt};
use crate::target::process::Process;
use crate::target::registers_x86_64::{interrupted_when_rewound, is_epoll_wait};
use crate::target::threads::{Activity, Thread};

/// `select.epoll` calls nobody, and the selector and the loop are right above it.
const FRAMES: usize = 2;
/// `AF_UNIX` and `SOCK_STREAM`.
const PAIR: (i32, i32) = (1, 1);

/// A loop that the main thread waits in. Equal ones are the same loop in the same wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Idle {
    event_loop: Address,
    /// `_ssock` and `_csock`, as the process numbers its descriptors.
    reader: i32,
    writer: i32,
}

/// A loop that waits, and all that is needed to wake it.
#[derive(Debug)]
pub(super) struct Waker {
    idle: Idle,
    set: i32,
    socket: WakingSocket,
}

impl Waker {
    /// Finds the loop in which the main thread waits, and takes hold of its socket. Nothing is stopped. `None` where
    /// it waits in none, or where anything tells otherwise.
    pub(super) fn find(process: &Process, python: &Python, consent: Consent) -> Option<Self> {
        let (idle, set) = idle_loop(process, python)?;
        let socket = WakingSocket::take(process, idle.writer, consent)?;
        Some(Waker { idle, set, socket })
    }

    /// Whether the main thread, which stands still now, still waits there.
    pub(super) fn still_waits(&self, control: &Control<'_>, python: &Python) -> bool {
        let waits = control.main_registers().is_ok_and(|registers| {
            let in_wait = interrupted_when_rewound(&registers).is_some();
            in_wait && registers.rdi as i32 == self.set
        });
        waits && read(control, python) == Some(self.idle)
    }

    /// Has the loop run once; whether it will.
    pub(super) fn wake(&self) -> bool {
        self.socket.wake()
    }
}

/// Whether the main thread waits in a loop that can be woken, as far as that is told without taking hold of anything.
pub(super) fn waits_in_loop(process: &Process, python: &Python) -> bool {
    idle_loop(process, python).is_some()
}

/// The loop in which the main thread waits, and the epoll set.
fn idle_loop(process: &Process, python: &Python) -> Option<(Idle, i32)> {
    let set = match Thread::main(process)?.activity {
        Activity::Syscall {
            number, argument, ..
        } if is_epoll_wait(number) => argument as i32,
        _ => return None,
    };
    let idle = read(process, python)?;
    is_watched(process, set, idle.reader).then_some((idle, set))
}

/// What memory says.
fn read(memory: &(impl ReadMemory + ?Sized), python: &Python) -> Option<Idle> {
    let (runtime, layout) = (python.runtime?, &python.layout);
    let thread = layout.runtime?.main_thread.read(memory, runtime).ok()?;
    let state = find_state(memory, python, thread).ok()?;
    let calls = innermost(memory, layout, state, FRAMES).ok()?;
    let [select, run_once] = calls[..] else {
        return None;
    };
    let is_call = |call: Running, name: &str, file: &str| {
        name_and_file(memory, layout, call.code).is_some_and(|(its, in_file)| {
            let in_file = in_file.as_str().unwrap_or_default();
            its.as_str() == Some(name) && in_file.ends_with(file)
        })
    };
    let is_loop = is_call(select, "select", "selectors.py")
        && is_call(run_once, "_run_once", "asyncio/base_events.py");
    let event_loop = run_once.first_local;
    let wanted = ["_selector", "_ssock", "_csock"];
    let [selector, reader, writer] = is_loop
        .then(|| attributes(memory, python, event_loop, wanted))
        .flatten()?;
    (selector == select.first_local).then_some(Idle {
        event_loop,
        reader: descriptor_of_pair(memory, python, reader)?,
        writer: descriptor_of_pair(memory, python, writer)?,
    })
}

/// The values of attributes of an instance; `None` unless it has all of them.
fn attributes<const N: usize>(
    memory: &(impl ReadMemory + ?Sized),
    python: &Python,
    at: Address,
    wanted: [&'static str; N],
) -> Option<[Address; N]> {
    let layout = &python.layout;
    let class = header::read(memory, layout, at).ok()?.class;
    let class = class::read(memory, layout, class).ok()?;
    let sources = find_attributes(memory, layout, &[(at, &class)], &[None]).ok()?;
    let source: Source = sources.into_iter().next()??;
    let mut names = Names::new(wanted);
    let found = names.find_in_instances(memory, layout, &[source], &[None], SINGLE);
    let found = found.ok()?.pop()?.ok()?;
    let all = found.into_iter().collect::<Option<Vec<Address>>>()?;
    all.try_into().ok()
}

/// The descriptor of a `socket.socket` that is one of a Unix pair: `PySocketSockObject` begins with it, its family
/// and its type (`Modules/socketmodule.h`, all of 3).
fn descriptor_of_pair(
    memory: &(impl ReadMemory + ?Sized),
    python: &Python,
    at: Address,
) -> Option<i32> {
    let layout = &python.layout;
    let header = header::read(memory, layout, at).ok()?;
    let class = class::read(memory, layout, header.class).ok()?;
    let member = |index: u64| {
        let offset = layout.header.size + 4 * index;
        memory.read_at::<i32>(at.offset(offset)).ok()
    };
    let pair = (member(1)?, member(2)?);
    let descriptor = member(0)?;
    (class.name == "socket" && pair == PAIR && descriptor >= 0).then_some(descriptor)
}
