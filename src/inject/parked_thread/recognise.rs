//! Which waits of the main thread are known to be harmless to interrupt and to run code in.
//!
//! A positive list. From the innermost frame outwards there must stand: the C library, at most
//! four functions, the last of which is a known wrapper of the very system call; then CPython
//! alone, among its first functions a method that is known to wait in that wrapper. Each method here
//! releases the GIL around the wait, holds no lock of C meanwhile, and is a loop that takes EINTR as
//! a reason to look at signals and wait on with what is left of its time (PEP 475, 3.5 on:
//! `pysleep`, `select_epoll_poll_impl`, `_Py_read`, `sock_call_impl`, `os_waitpid_impl`, ...).
//! Whatever stands further out must not be in the middle of the C library, of the loader, or of a
//! signal handler.

use crate::address::Address;
use crate::elf::unwind::{End, Frame};

/// A wait that is on the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parked {
    /// The method of Python that waits.
    pub method: &'static str,
    /// The function of the C library it waits in.
    pub function: &'static str,
}

/// Why a wait is not proven to be on the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unproven {
    /// The stack could not be followed.
    NotFollowed,
    /// The system call is not one of those.
    Call,
    /// It was not made by a known function of the C library.
    Library,
    /// That was not called by CPython itself.
    Foreign,
    /// It was called by CPython, but in no method that is known.
    Method,
    /// Further out, a signal handler is at work.
    InSignalHandler,
    /// Further out, the C library or the loader is at work.
    InLibrary,
}

impl Unproven {
    /// For a message.
    pub fn text(self) -> &'static str {
        match self {
            Unproven::NotFollowed => "its stack could not be followed",
            Unproven::Call => "no method is known that waits in this call",
            Unproven::Library => "the call was not made by a known function of the C library",
            Unproven::Foreign => "the call was not made by CPython itself",
            Unproven::Method => "the method that waits is not a known one",
            Unproven::InSignalHandler => "a signal handler is at work",
            Unproven::InLibrary => "the C library called Python and has not ended",
        }
    }
}

/// A function of the C library that waits, the system calls it makes, and who waits in it.
pub(super) struct Wait {
    pub(super) function: &'static str,
    calls: &'static [i64],
    methods: &'static [&'static str],
}

const RESTART_SYSCALL: i64 = 219;
const SOCKET: &[&str] = &["_accept", "recv", "recv_into", "recvfrom", "recvfrom_into"];

/// The list. Numbers of system calls are those of x86-64.
pub(super) const WAITS: [Wait; 14] = [
    wait("clock_nanosleep", &[230], &["sleep"]),
    wait("select", &[23, 270], &["sleep", "select"]),
    wait("epoll_wait", &[232, 281], &["poll"]),
    wait("poll", &[7, 271], &["poll"]),
    // A socket with a time limit waits in `poll` first.
    wait("poll", &[7, 271], SOCKET),
    // 3.15 waits in `ppoll`.
    wait("ppoll", &[271], &["poll"]),
    wait("read", &[0], &["read", "readinto"]),
    wait("accept4", &[288], &["_accept"]),
    wait("accept", &[43], &["_accept"]),
    wait("recv", &[45], &["recv", "recv_into"]),
    wait("recvfrom", &[45], &["recvfrom", "recvfrom_into"]),
    wait("wait4", &[61], &["waitpid"]),
    wait("waitpid", &[61], &["waitpid"]),
    wait("flock", &[73], &["flock"]),
];

/// Every method of the list.
pub(super) const METHODS: [&str; 12] = [
    "sleep",
    "select",
    "poll",
    "read",
    "readinto",
    "_accept",
    "recv",
    "recv_into",
    "recvfrom",
    "recvfrom_into",
    "waitpid",
    "flock",
];

const fn wait(
    function: &'static str,
    calls: &'static [i64],
    methods: &'static [&'static str],
) -> Wait {
    Wait {
        function,
        calls,
        methods,
    }
}

/// What the code of a frame belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// The C library.
    C,
    /// The dynamic loader.
    Loader,
    /// CPython, or an extension of its own standard library.
    Python,
    /// Anything else.
    Other,
}

/// What is known of the addresses in a stack.
pub(super) trait Known {
    /// Whose code a frame is in.
    fn owner(&self, frame: &Frame) -> Owner;
    /// Whether a function of the C library begins here, under this name.
    fn is_function(&self, at: Address, name: &str) -> bool;
    /// The method of the list that begins here.
    fn method(&self, at: Address) -> Option<&'static str>;
}

/// Functions of the C library and of CPython between the kernel and the method.
const MOST_LIBRARY: usize = 4;
const MOST_PYTHON: usize = 6;

/// Recognises the wait of a thread in the system call `number`, by its frames.
pub(super) fn recognise(
    number: i64,
    frames: &[Frame],
    end: End,
    known: &impl Known,
) -> Result<Parked, Unproven> {
    if frames.iter().any(|frame| frame.is_signal) {
        return Err(Unproven::InSignalHandler);
    }
    let makes = |wait: &&Wait| wait.calls.contains(&number) || number == RESTART_SYSCALL;
    if !WAITS.iter().any(|wait| makes(&wait)) {
        // No stack makes that a known wait, followed or not.
        return Err(Unproven::Call);
    }
    let is_of = |owner: Owner| move |frame: &&Frame| known.owner(frame) == owner;
    let library: Vec<&Frame> = frames.iter().take_while(is_of(Owner::C)).collect();
    let outer = &frames[library.len()..];
    let python: Vec<&Frame> = outer.iter().take_while(is_of(Owner::Python)).collect();
    let Some(wrapper) = library.last().filter(|_| library.len() <= MOST_LIBRARY) else {
        return Err(cut_short(frames, end).unwrap_or(Unproven::Library));
    };
    if python.is_empty() {
        return Err(cut_short(outer, end).unwrap_or(Unproven::Foreign));
    }
    let waits: Vec<&Wait> = WAITS
        .iter()
        .filter(makes)
        .filter(|wait| known.is_function(wrapper.function, wait.function))
        .collect();
    if waits.is_empty() {
        return Err(Unproven::Library);
    }
    // The innermost method is the one that waits.
    let method = python
        .iter()
        .take(MOST_PYTHON)
        .find_map(|frame| known.method(frame.function));
    let Some(method) = method else {
        return Err(cut_short(&outer[python.len()..], end)
            .filter(|_| python.len() < MOST_PYTHON)
            .unwrap_or(Unproven::Method));
    };
    let wait = waits
        .into_iter()
        .find(|wait| wait.methods.contains(&method))
        .ok_or(Unproven::Method)?;
    check_outer(&outer[python.len()..], known)?;
    Ok(Parked {
        method,
        function: wait.function,
    })
}

/// When the frames ended here for want of knowledge, that is the reason.
fn cut_short(rest: &[Frame], end: End) -> Option<Unproven> {
    (rest.is_empty() && end != End::First).then_some(Unproven::NotFollowed)
}

/// Whoever called Python must not be the C library, but for the one who calls `main` or begins a
/// thread, nor the loader.
fn check_outer(outer: &[Frame], known: &impl Known) -> Result<(), Unproven> {
    let owners: Vec<Owner> = outer.iter().map(|frame| known.owner(frame)).collect();
    if owners.contains(&Owner::Loader) {
        return Err(Unproven::InLibrary);
    }
    let Some(first) = owners.iter().position(|&owner| owner == Owner::C) else {
        return Ok(());
    };
    // What called `main` was called by `_start`, and that by nobody.
    let behind: Vec<&Owner> = owners[first..].iter().filter(|o| **o != Owner::C).collect();
    let ends_there = owners.last() != Some(&Owner::C);
    match behind.len() {
        0 => Ok(()),
        1 if ends_there => Ok(()),
        _ => Err(Unproven::InLibrary),
    }
}

#[cfg(test)]
#[path = "recognise_tests.rs"]
mod tests;
