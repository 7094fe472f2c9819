//! Why nothing was run, or why it is not known what became of it.

use crate::control::error::ControlError;
use crate::inject::parked_thread::Unproven;
use crate::target::memory::ReadError;
use crate::target::pause::PauseError;
use crate::target::watchdog::WatchdogError;
use std::time::Duration;

/// What an error means for the target; every [`InjectError`] is of exactly one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing was queued: the target is as before.
    Refused,
    /// The code was queued and taken back. It has not run and never will.
    Withdrawn,
    /// The code began, or may have begun, and its end was not seen.
    Started,
    /// The target ended meanwhile.
    Gone,
}

/// Why there is no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InjectError {
    /// Nothing was queued.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Queued, not reached within the time limit, and taken back.
    #[error("the target did not come to a safe point within {} ms; the request was taken back", .waited.as_millis())]
    Withdrawn {
        /// How long it was queued.
        waited: Duration,
    },
    /// Queued, and taken back because the tool was told to end.
    #[error("told to end by signal {signal}; the request was taken back")]
    Interrupted {
        /// The signal.
        signal: i32,
    },
    /// The code began to run and had not ended within the time limit.
    #[error("the code began to run and has not ended after {} ms", .waited.as_millis())]
    Unfinished {
        /// How long it was waited for.
        waited: Duration,
    },
    /// The interpreter took the script within the time limit, and its first line was not seen to run.
    #[error("the interpreter took the code, and none of it was seen to run within {} ms", .waited.as_millis())]
    Taken {
        /// How long it was waited for.
        waited: Duration,
    },
    /// The request could not be taken back, and may still run.
    #[error("the request is queued and could not be taken back: {0}")]
    NotWithdrawn(ControlError),
    /// The code ran, but left a `result` that was not as agreed.
    #[error("the code ran, but {0}")]
    BadResult(BadResult),
    /// The target ended.
    #[error("the target ended before the code had")]
    Gone,
}

/// What is wrong with a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadResult {
    /// No global `result`.
    #[error("it set no result")]
    Missing,
    /// Not bytes.
    #[error("its result is not bytes")]
    NotBytes,
    /// More than agreed.
    #[error("its result is longer than {limit} bytes")]
    TooLong {
        /// What was agreed.
        limit: usize,
    },
    /// The shared words are not what the code writes.
    #[error("its result could not be read back")]
    Unreadable,
}

/// Why nothing was queued. The target is as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The main thread waits for something, and no safe way to wake it is known.
    #[error("the main thread has been waiting in {wait_channel} (system call {number}) for {} ms", .waited.as_millis())]
    Parked {
        /// The system call.
        number: i64,
        /// Where in the kernel it sleeps.
        wait_channel: String,
        /// How long it was watched.
        waited: Duration,
    },
    /// The main thread waits, and what is seen of its stack does not prove that it may run code.
    #[error("the main thread waits, and may not be made to run code there: {}", .why.text())]
    ParkedUnproven {
        /// What is missing.
        why: Unproven,
    },
    /// The main thread waits, and has the GIL.
    #[error("the main thread waits in a call that holds the GIL")]
    GilHeld,
    /// The main thread waits for a lock, but not in code that is known to bear being woken.
    #[error("the main thread waits for a lock in a library that is not known to bear being woken")]
    ForeignWait,
    /// Told to end before anything was queued.
    #[error("told to end by signal {signal} before anything was queued")]
    Interrupted {
        /// The signal.
        signal: i32,
    },
    /// The target could not be stopped or changed.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// There is no watchdog.
    #[error(transparent)]
    Watchdog(#[from] WatchdogError),
    /// Another run of this tool is at work in the target.
    #[error("process {pid} (pyunload) is at work in this target")]
    OtherRun {
        /// The other run.
        pid: i32,
    },
    /// A request of a run that was killed still runs there, or too many that do nothing are queued.
    #[error("a request of an earlier run is still queued or running in this target")]
    EarlierRequest,
    /// Its owner has switched remote debugging off, which is honoured on every way.
    #[error("remote debugging is switched off in this target ({by})")]
    SwitchedOff {
        /// By what.
        by: &'static str,
    },
    /// Another debugger waits in the one slot that there is.
    #[error("another debugger has a script waiting in this target: {path}")]
    SlotTaken {
        /// The path of its script.
        path: String,
    },
    /// There is no GIL: the code would run beside other threads.
    #[error("this build has no GIL: the code would run beside other threads of Python")]
    BesideThreads,
    /// Code can be run in the main interpreter only.
    #[error("before CPython 3.14 code is run in the main interpreter only")]
    MainInterpreterOnly,
    /// No thread executes the interpreter.
    #[error("no thread executes interpreter {number}, so that nobody would run the code")]
    NobodyExecutes {
        /// Its number.
        number: i64,
    },
    /// No file of ours can be opened by the target.
    #[error("the target can open no file of ours, neither in memory nor in its /tmp")]
    NoPlaceForScript,
    /// It came from `vfork` and has not executed its program yet.
    #[error(
        "it shares the memory of process {parent} until it executes a program of its own (vfork)"
    )]
    SharesMemory {
        /// Whose memory it is.
        parent: i32,
    },
    /// The main thread waits for a child of `vfork`.
    #[error("the main thread has been waiting in vfork for {} ms, until a child executes its program", .waited.as_millis())]
    InVfork {
        /// How long it was watched.
        waited: Duration,
    },
    /// The interpreter is shutting down.
    #[error("the interpreter is shutting down")]
    Finalizing,
    /// The thread that runs pending calls is not the main thread of the process.
    #[error("the interpreter was started in another thread than the main one")]
    OtherMainThread,
    /// The lock of the queue is held by a thread.
    #[error("a thread holds the lock of the queue of pending calls")]
    LockHeld,
    /// The queue of pending calls is full.
    #[error("the queue of pending calls is full")]
    QueueFull,
    /// The words where the queue should be are not those of a queue.
    #[error("the queue of pending calls is not where it was expected ({detail})")]
    QueueUnproven {
        /// What did not fit.
        detail: &'static str,
    },
    /// A function that is needed has no symbol.
    #[error("the function {name} was not found in the target")]
    NoSymbol {
        /// Its name.
        name: &'static str,
    },
    /// Source or result larger than the limit.
    #[error("source and result may have {limit} bytes each")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// The source has a NUL byte in it.
    #[error("the source contains a NUL character")]
    NulInSource,
}

impl InjectError {
    /// What this means for the target.
    pub fn kind(&self) -> Kind {
        match self {
            InjectError::Refused(Refusal::Control(ControlError::Pause(PauseError::Gone {
                ..
            })))
            | InjectError::Gone => Kind::Gone,
            InjectError::Refused(_) => Kind::Refused,
            InjectError::Withdrawn { .. } | InjectError::Interrupted { .. } => Kind::Withdrawn,
            InjectError::Unfinished { .. }
            | InjectError::Taken { .. }
            | InjectError::NotWithdrawn(_)
            | InjectError::BadResult(_) => Kind::Started,
        }
    }

    /// What the user can do.
    pub fn help(&self) -> &'static str {
        match self {
            InjectError::Refused(refusal) => refusal.help(),
            InjectError::Withdrawn { .. } => {
                "the main thread is in a long call that holds the GIL; try again, or wait longer"
            }
            InjectError::Interrupted { .. } => "nothing has run; nothing is to be done",
            InjectError::Unfinished { .. } => "look at the target before doing anything else",
            InjectError::Taken { .. } => {
                "an audit hook of the target has most likely stopped it, or it could not open the file: its standard error says which"
            }
            InjectError::NotWithdrawn(_) => "run the command again: it takes the request back",
            InjectError::BadResult(_) => "this is a fault of the code that was run",
            InjectError::Gone => "see the target's own log for why it ended",
        }
    }
}

impl Refusal {
    /// Whether the cause may pass by itself in milliseconds, so that it is worth trying again.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Refusal::LockHeld
            | Refusal::QueueFull
            | Refusal::ForeignWait
            | Refusal::GilHeld
            | Refusal::Parked { .. }
            | Refusal::ParkedUnproven { .. }
            | Refusal::InVfork { .. }
            | Refusal::SharesMemory { .. } => true,
            Refusal::Control(error) => error.may_pass(),
            _ => false,
        }
    }

    fn help(&self) -> &'static str {
        match self {
            Refusal::Parked { .. } | Refusal::ParkedUnproven { .. } | Refusal::GilHeld => {
                "make the target do something (a request, a timer), or try with a longer time limit"
            }
            Refusal::Control(ControlError::Pause(pause)) => pause_help(pause),
            Refusal::Control(
                ControlError::Overdue | ControlError::Read(ReadError::Overdue { .. }),
            ) => "allow longer stops (--max-stop), or try again when the machine is less busy",
            Refusal::Control(ControlError::FilterUnreadable { .. }) => {
                "run as root outside the container: whether the filter would kill the target is not known"
            }
            Refusal::Control(
                ControlError::SyscallFailed { .. } | ControlError::Filtered { .. },
            ) => "a policy of the target forbids new executable memory; restart it instead",
            Refusal::Interrupted { .. } => "nothing was changed",
            Refusal::Control(_) | Refusal::QueueUnproven { .. } => {
                "this target can be looked at, but not changed"
            }
            Refusal::Watchdog(_) => "see that /proc is mounted and a process may be started",
            Refusal::OtherRun { .. } => "wait until the other run has ended",
            Refusal::EarlierRequest => "try again when the target's main thread has run on",
            Refusal::SwitchedOff { .. } => {
                "if that may be overridden here: --override-remote-debug-switch"
            }
            Refusal::SlotTaken { .. } => "try again when that script has run",
            Refusal::BesideThreads => {
                "exec --force runs it all the same; what it changes must bear that"
            }
            Refusal::MainInterpreterOnly | Refusal::NobodyExecutes { .. } => {
                "leave --interpreter out; every interpreter can be looked at"
            }
            Refusal::NoPlaceForScript => "run as the user of the target, in its namespaces",
            Refusal::SharesMemory { .. } | Refusal::InVfork { .. } => {
                "try again in a moment; the child has to execute its program first"
            }
            Refusal::Finalizing => "nothing needs to be unloaded from a process that ends",
            Refusal::OtherMainThread => "programs that embed Python this way are not supported",
            Refusal::LockHeld | Refusal::QueueFull => "try again",
            Refusal::ForeignWait => "try again while the target is busy",
            Refusal::NoSymbol { .. } => {
                "the interpreter was linked without its dynamic symbols; it can be looked at only"
            }
            Refusal::TooLarge { .. } | Refusal::NulInSource => "use smaller or other code",
        }
    }
}

fn pause_help(error: &PauseError) -> &'static str {
    match error {
        PauseError::Stopped { .. } => "let it go on (kill -CONT) and try again",
        PauseError::Traced { .. } => "end the debugger or tracer that holds it",
        PauseError::Denied { .. } => {
            "run as root, or as the user of the target with ptrace allowed"
        }
        PauseError::InEpollWait { .. } => "try again while the target is busy",
        PauseError::Late { .. } => {
            "allow longer stops (--max-stop); a thread that hangs in the kernel cannot be stopped"
        }
        PauseError::Gone { .. } => "see the target's own log for why it ended",
        PauseError::Watchdog(_) | PauseError::Failed { .. } => "try again",
    }
}
