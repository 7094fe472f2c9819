//! How a command ends: the exit codes, and what is said instead of an answer.

use crate::pyobject::error::ObjectError;
use crate::report::{Error, ErrorDetail};
use crate::target::access::{Denial, Evidence, explain_refused_look};
use crate::target::memory::ReadError;
use crate::target::process::ProcessError;

/// The exit codes, part of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Done, or: yes.
    Done = 0,
    /// The answer is no: no match, blocked, survivors, an obstacle found.
    No = 1,
    /// The command line is wrong.
    Usage = 2,
    /// There is no such process.
    NoProcess = 3,
    /// This user may not.
    NotPermitted = 4,
    /// Not a CPython, or none that we know.
    NotPython = 5,
    /// The target's state or a policy forbids it.
    Forbidden = 6,
    /// Withdrawn after the time limit; nothing ran.
    Withdrawn = 7,
    /// The target changed or went away meanwhile.
    Changed = 8,
    /// Its memory could not be understood.
    NotUnderstood = 9,
    /// Started, but no result within the time limit: the one uncertain outcome.
    Uncertain = 10,
    /// Our own fault.
    Fault = 70,
}

impl Exit {
    /// The name of the code in an error document.
    pub fn kind(self) -> &'static str {
        match self {
            Exit::Done => "done",
            Exit::No => "no",
            Exit::Usage => "usage",
            Exit::NoProcess => "no_such_process",
            Exit::NotPermitted => "not_permitted",
            Exit::NotPython => "not_python",
            Exit::Forbidden => "forbidden",
            Exit::Withdrawn => "withdrawn",
            Exit::Changed => "target_changed",
            Exit::NotUnderstood => "not_understood",
            Exit::Uncertain => "uncertain",
            Exit::Fault => "fault",
        }
    }

    /// Of two ends the one to report for both: the first that is not `Done`.
    pub fn and(self, later: Exit) -> Exit {
        if self == Exit::Done { later } else { self }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        std::process::ExitCode::from(exit as u8)
    }
}

/// Why there is no answer, and what would help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What could not be done, a lower-case fragment.
    pub message: String,
    /// The cause, a lower-case fragment.
    pub why: Option<String>,
    /// The cause as a stable name.
    pub cause: Option<&'static str>,
    /// What would help.
    pub help: String,
    /// The process it is about.
    pub pid: Option<i32>,
}

impl Failure {
    /// A failure with a message and what would help.
    pub fn new(exit: Exit, message: impl Into<String>, help: impl Into<String>) -> Self {
        Failure {
            exit,
            message: message.into(),
            why: None,
            cause: None,
            help: help.into(),
            pid: None,
        }
    }

    /// The same, with its cause.
    pub fn because(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    /// The same, about a process.
    pub fn of(mut self, pid: i32) -> Self {
        self.pid = Some(pid);
        self
    }

    /// Why looking at `pid`, which the kernel has just refused, was refused: asked now.
    pub fn refused(pid: i32) -> Self {
        Failure::denied(pid, &explain_refused_look(&Evidence::gather(pid)))
    }

    /// The failure that a denial to look is.
    pub fn denied(pid: i32, denial: &Denial) -> Self {
        let exit = match denial {
            Denial::NotFound | Denial::Ended => Exit::NoProcess,
            Denial::KernelThread => Exit::NotPython,
            Denial::Traced { .. } | Denial::Stopped => Exit::Forbidden,
            _ => Exit::NotPermitted,
        };
        Failure {
            cause: Some(denial.kind()),
            ..Failure::new(exit, format!("cannot look at {pid}"), denial.help())
                .because(denial.to_string())
                .of(pid)
        }
    }

    /// The process ended while it was looked at.
    pub fn gone(pid: i32) -> Self {
        Failure::new(
            Exit::Changed,
            format!("process {pid} ended meanwhile"),
            "look for its successor with: pyunload ps",
        )
        .of(pid)
    }

    /// The document that says so.
    pub fn report(&self) -> Error {
        Error {
            schema: "pyunload.error/1".to_owned(),
            error: ErrorDetail {
                code: self.exit as u8,
                kind: self.exit.kind().to_owned(),
                message: self.message.clone(),
                why: self.why.clone(),
                cause: self.cause.map(str::to_owned),
                help: self.help.clone(),
                pid: self.pid,
            },
        }
    }
}

impl From<ProcessError> for Failure {
    fn from(error: ProcessError) -> Self {
        match error {
            ProcessError::NotFound { pid } | ProcessError::Denied { pid } => Failure::refused(pid),
            ProcessError::Unreadable { pid, ref detail } => Failure::new(
                Exit::NotUnderstood,
                format!("cannot look at {pid}"),
                "is /proc mounted, and is it that of this machine?",
            )
            .because(format!("/proc/{pid} cannot be read: {detail}"))
            .of(pid),
        }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Denied { pid } => Failure::refused(pid),
            ReadError::Gone { pid } => Failure::gone(pid),
            ReadError::Overdue { .. } => Failure::new(
                Exit::Withdrawn,
                "it could not be read before the stop was over",
                "allow a longer stop with --max-stop MS",
            )
            .because(error.to_string()),
            ReadError::Unmapped { .. } | ReadError::Failed { .. } => {
                not_understood().because(error.to_string())
            }
        }
    }
}

impl From<ObjectError> for Failure {
    fn from(error: ObjectError) -> Self {
        let why = error.to_string();
        let failure = match error {
            ObjectError::Unreadable { cause, .. } => Failure::from(cause),
            ObjectError::Changed { .. } => Failure::new(
                Exit::Changed,
                "it changes too fast to be read",
                "try again, or with --pause",
            ),
            _ => not_understood(),
        };
        match failure.cause {
            Some(_) => failure,
            None => failure.because(why),
        }
    }
}

fn not_understood() -> Failure {
    Failure::new(
        Exit::NotUnderstood,
        "its memory could not be understood",
        "try again; if it stays so, please report it with the output of: pyunload doctor",
    )
}
