//! What the commands have in common that look at all objects of a target at one moment.

use super::moment::Moment;
use super::open::Opened;
use crate::cli::args::{PictureArgs, Snapshot};
use crate::cli::exit::{Exit, Failure};
use crate::cpython::python::Interpreter;
use crate::plan::nearest::nearest;
use crate::report::{Consistency, Document, Envelope};
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Picture {
    /// Which interpreter; `None` for the main one.
    pub interpreter: Option<i64>,
    /// How long the target may be held.
    pub limits: Limits,
}

impl Picture {
    /// What was asked for.
    pub fn new(args: PictureArgs) -> Self {
        Picture {
            interpreter: args.interpreter,
            limits: Limits {
                max_stop: Duration::from_millis(args.max_stop),
                snapshot: args.snapshot,
            },
        }
    }

    /// The answer of `command` about a target; when what `look` was to find is not there, `absent`
    /// says so about the module `name`.
    ///
    /// # Errors
    /// When the target cannot be looked at.
    pub fn answer<M: Moment, B>(
        self,
        opened: &Opened<M>,
        command: &str,
        name: &str,
        look: impl FnOnce(&Interpreter, Limits) -> Result<Option<Looked<B>>, Failure>,
        message: String,
    ) -> Result<Document<B>, Failure> {
        let interpreter = opened.interpreter(self.interpreter)?;
        match look(interpreter, self.limits)? {
            Some(looked) => Ok(document(command, opened, interpreter, looked)),
            None => Err(absent(opened, interpreter, name, message)),
        }
    }
}

/// An answer with what every document begins with.
pub fn document<M: Moment, B>(
    command: &str,
    opened: &Opened<M>,
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
fn absent<M: Moment>(
    opened: &Opened<M>,
    interpreter: &Interpreter,
    name: &str,
    message: String,
) -> Failure {
    let target = match opened.process.core() {
        Some(path) => path.display().to_string(),
        None => opened.process.pid().to_string(),
    };
    // The answer is no whatever can be suggested.
    let rows = M::inventory(opened, interpreter).map(|inventory| inventory.rows);
    let rows = rows.unwrap_or_default();
    let near = nearest(name, rows.iter().map(|row| row.name.as_str()));
    let help = match near.is_empty() {
        true => format!("pyunload modules {target} lists what is loaded"),
        false => format!("did you mean {}?", near.join(", ")),
    };
    Failure {
        cause: Some("not_loaded"),
        pid: opened
            .process
            .core()
            .is_none()
            .then(|| opened.process.pid()),
        ..Failure::new(Exit::No, message, help)
    }
}
