//! What the commands have in common that look at all objects of a target at one moment.

use super::open::Opened;
use super::subject::{Subject, open_subject};
use crate::cli::args::{PictureArgs, Snapshot, Which};
use crate::cli::exit::{Exit, Failure};
use crate::cpython::python::Interpreter;
use crate::plan::nearest::nearest;
use crate::report::{Consistency, Document, Envelope};
use crate::target::target::Target;
use std::path::PathBuf;
use std::time::Duration;

/// How long the target may be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest a stop may last.
    pub max_stop: Duration,
    /// How its memory is taken.
    pub snapshot: Snapshot,
}

/// An answer, and how the memory was taken that it is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked<B> {
    /// The answer.
    pub body: B,
    /// How its pieces hang together in time.
    pub consistency: Consistency,
    /// How long the target stood still.
    pub stopped: Duration,
    /// What was skipped or is not certain.
    pub warnings: Vec<String>,
}

/// What is to be looked at and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Which interpreter; `None` for the main one.
    pub interpreter: Option<i64>,
    /// How long the target may be held.
    pub limits: Limits,
    /// Where files are that a core file leaves out; `None` for where they were.
    pub sysroot: Option<PathBuf>,
}

impl Picture {
    /// Opens a target.
    ///
    /// # Errors
    /// The one true cause for which it cannot be looked at.
    pub fn open(&self, which: &Which) -> Result<Opened<Subject>, Failure> {
        open_subject(which, self.sysroot.as_deref())
    }

    /// What was asked for.
    pub fn new(args: &PictureArgs) -> Self {
        Picture {
            interpreter: args.interpreter,
            limits: Limits {
                max_stop: Duration::from_millis(args.max_stop),
                snapshot: args.snapshot,
            },
            sysroot: args.core.sysroot.clone(),
        }
    }

    /// The answer of `command` about a process; `None` when what `look` was to find is not there.
    ///
    /// # Errors
    /// When the target cannot be looked at.
    pub fn answer<B>(
        &self,
        which: &Which,
        command: &str,
        look: impl FnOnce(&Opened<Subject>, &Interpreter, Limits) -> Result<Option<Looked<B>>, Failure>,
        absent: impl FnOnce(&Opened<Subject>, &Interpreter) -> Failure,
    ) -> Result<Document<B>, Failure> {
        let opened = self.open(which)?;
        let interpreter = opened.interpreter(self.interpreter)?;
        match look(&opened, interpreter, self.limits)? {
            Some(looked) => Ok(document(command, &opened, interpreter, looked)),
            None => Err(absent(&opened, interpreter)),
        }
    }
}

/// An answer with what every document begins with.
pub fn document<B>(
    command: &str,
    opened: &Opened<Subject>,
    interpreter: &Interpreter,
    looked: Looked<B>,
) -> Document<B> {
    let mut envelope = Envelope::live(command, Some(opened.target(interpreter)));
    envelope.consistency = looked.consistency;
    envelope.stopped_us = u64::try_from(looked.stopped.as_micros()).unwrap_or(u64::MAX);
    envelope.warnings = opened.warnings(looked.warnings);
    Document {
        envelope,
        body: looked.body,
    }
}

/// That a module is not there: a no, with the names that may have been meant.
pub fn absent(
    opened: &Opened<Subject>,
    interpreter: &Interpreter,
    name: &str,
    message: String,
) -> Failure {
    let pid = Target::pid(&opened.process);
    // The answer is no whatever can be suggested.
    let rows = opened
        .inventory(interpreter)
        .map(|inventory| inventory.rows);
    let rows = rows.unwrap_or_default();
    let near = nearest(name, rows.iter().map(|row| row.name.as_str()));
    let help = match near.is_empty() {
        true => format!("pyunload modules {pid} lists what is loaded"),
        false => format!("did you mean {}?", near.join(", ")),
    };
    let failure = Failure::new(Exit::No, message, help).of(pid);
    Failure {
        cause: Some("not_loaded"),
        ..failure
    }
}
