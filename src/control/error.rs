//! Why a target could not be changed.

use crate::address::Address;
use crate::target::headroom::NoRoom;
use crate::target::memory::ReadError;
use crate::target::pause::PauseError;
use crate::target::process::ProcessError;
use nix::errno::Errno;
use std::time::Duration;

/// Why a target could not be changed. What had been changed until then has been undone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// It could not be stopped.
    #[error(transparent)]
    Pause(#[from] PauseError),
    /// Its `/proc` entry could not be read.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// Its memory could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Memory the target itself may not write, or not all of it.
    #[error("{length} bytes at {at} are not memory the target may write")]
    NotWritable {
        /// Where the write begins.
        at: Address,
        /// How many bytes.
        length: usize,
    },
    /// No library with the C functions and instructions an injection needs.
    #[error("no C library with {missing} was found in the target")]
    NoLibc {
        /// What was looked for.
        missing: &'static str,
    },
    /// The thread is in a restartable sequence, which a change of its registers would break.
    #[error("the main thread is in a restartable sequence")]
    InRestartableSequence,
    /// The thread has a shadow stack, which the injected return would violate.
    #[error("the target runs with a shadow stack")]
    ShadowStack,
    /// The main thread does not wait in a system call.
    #[error("the main thread does not wait any more")]
    NotWaiting,
    /// The range of addresses that scratch memory is mapped in is taken.
    #[error("there is no room in the target's address space for scratch memory")]
    NoPlace,
    /// The stack of the thread has no room for a signal frame.
    #[error("the stack of the main thread has no room below {stack}")]
    NoStackRoom {
        /// Its stack pointer.
        stack: Address,
    },
    /// The injected system call did not go as it must. The thread heals itself.
    #[error("an injected system call went astray ({what})")]
    SyscallAstray {
        /// What was seen.
        what: &'static str,
    },
    /// The stop lasted too long, so it was given up. The thread heals itself.
    #[error("the stop lasted longer than allowed and was given up")]
    Overdue,
    /// The target's kernel or policy refused a system call it was made to do.
    #[error("the target may not call {call}: {errno}")]
    SyscallFailed {
        /// Its name.
        call: &'static str,
        /// What it returned.
        errno: Errno,
    },
    /// A seccomp filter would not let the target make a system call; it might kill it for it.
    #[error("a seccomp filter does not let the target call {call}")]
    Filtered {
        /// The name of the call.
        call: &'static str,
    },
    /// A seccomp filter is on, and the kernel does not show it to this user.
    #[error("the target runs under a seccomp filter that cannot be read: {errno}")]
    FilterUnreadable {
        /// What the kernel said.
        errno: Errno,
    },
    /// There is no room for a copy of the process.
    #[error("there is no room for a clone: {0}")]
    NoRoom(#[from] NoRoom),
    /// Cloning would take longer than a stop may last.
    #[error("cloning {bytes} bytes is foreseen to take {} ms, and a stop may last {} ms", .foreseen.as_millis(), .allowed.as_millis())]
    StopTooLong {
        /// Memory of its own that the process has in use.
        bytes: u64,
        /// The time that would take.
        foreseen: Duration,
        /// The time allowed.
        allowed: Duration,
    },
    /// The moment did not come.
    #[error("it was never at rest in {looks} looks")]
    Unsettled {
        /// How often it was stopped and let go.
        looks: u32,
    },
    /// Any other answer of ptrace.
    #[error("ptrace failed: {0}")]
    Trace(Errno),
}

impl ControlError {
    /// Whether the cause may pass by itself in milliseconds, so that it is worth trying again.
    pub fn may_pass(&self) -> bool {
        match self {
            ControlError::InRestartableSequence
            | ControlError::NoStackRoom { .. }
            | ControlError::NotWaiting
            | ControlError::Pause(PauseError::InEpollWait { .. }) => true,
            // Something was mapped there since the mappings were read.
            ControlError::SyscallFailed { errno, .. } => *errno == Errno::EEXIST,
            _ => false,
        }
    }
}
