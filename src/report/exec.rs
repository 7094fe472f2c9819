//! `pyunload.exec/1`: Python that was run in a target.

use super::{Envelope, Injection};
use crate::inject::exec::{Exception, Executed};
use schemars::JsonSchema;
use serde::Serialize;

/// The answer of `exec`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Exec {
    /// What every document begins with.
    #[serde(flatten)]
    pub envelope: Envelope,
    /// How it was made to run; `null` when its end was not seen.
    pub injection: Option<Injection>,
    /// How it ended.
    pub status: ExecStatus,
    /// The `repr` of the expression the code ends with; `null` when it ends with none.
    pub value: Option<String>,
    /// What the code printed with `print`.
    pub stdout: String,
    /// The exception that left the code.
    pub exception: Option<RaisedException>,
    /// Which of `value`, `stdout`, `message` and `traceback` were too long, and were cut.
    pub truncated: Vec<String>,
}

/// How the code ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExecStatus {
    /// It ran to its end.
    Ok,
    /// An exception left it.
    Raised,
    /// It was taken back; it has not run and never will.
    Withdrawn,
    /// It began, or may have begun, and its end was not seen.
    Started,
}

/// An exception.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RaisedException {
    /// Its class, with its module unless that is builtins.
    #[serde(rename = "type")]
    pub class: String,
    /// Its text.
    pub message: String,
    /// The traceback as Python writes it.
    pub traceback: String,
}

impl Exec {
    /// The answer of code that ran.
    pub fn executed(mut envelope: Envelope, injection: Injection, executed: Executed) -> Self {
        envelope.stopped_us = injection.stopped_us;
        Exec {
            envelope,
            injection: Some(injection),
            status: match executed.exception {
                Some(_) => ExecStatus::Raised,
                None => ExecStatus::Ok,
            },
            value: executed.value,
            stdout: executed.stdout,
            exception: executed.exception.map(RaisedException::from),
            truncated: executed.cut,
        }
    }

    /// The answer when no end was seen. `why` becomes a warning.
    pub fn without_end(mut envelope: Envelope, status: ExecStatus, why: String) -> Self {
        envelope.warnings.push(why);
        Exec {
            envelope,
            injection: None,
            status,
            value: None,
            stdout: String::new(),
            exception: None,
            truncated: Vec::new(),
        }
    }
}

impl From<Exception> for RaisedException {
    fn from(exception: Exception) -> Self {
        RaisedException {
            class: exception.class,
            message: exception.message,
            traceback: exception.traceback,
        }
    }
}
