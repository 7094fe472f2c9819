//! Where answers go: standard output, as text or JSON; notes and failures to standard error.

use super::exit::{Exit, Failure};
use crate::render::{Answer, Look, error_text, escaped, warn, write_json};
use serde::Serialize;
use std::io::{ErrorKind, IsTerminal, Write};

/// Answers are cut to this many columns, also on wider terminals.
const WIDEST: usize = 100;
/// What a terminal has that does not say.
const USUAL_WIDTH: usize = 80;

/// How and where the answers of this run are written.
#[derive(Debug)]
pub struct Output {
    /// Whether as JSON.
    pub json: bool,
    /// How a person wants to see things.
    pub look: Look,
    closed: bool,
}

/// A document of a session: it also says to which line it is the answer.
#[derive(Serialize)]
struct OfCommand<'a, D> {
    #[serde(flatten)]
    document: &'a D,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<&'a str>,
}

impl Output {
    /// The output of this process.
    pub fn new(json: bool) -> Self {
        let terminal = std::io::stdout().is_terminal();
        Output {
            json,
            look: Look {
                width: terminal.then(terminal_width),
                ..Look::default()
            },
            closed: false,
        }
    }

    /// Whether answers are JSON on one line each.
    pub fn is_for_a_program(&self) -> bool {
        self.json && !self.is_to_a_terminal()
    }

    fn is_to_a_terminal(&self) -> bool {
        self.look.width.is_some()
    }

    /// Whether the reader of standard output has gone: nothing more needs to be computed.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Writes an answer; in a session with the line it answers.
    pub fn answer(&mut self, answer: &impl Answer, command: Option<&str>) {
        if self.json {
            self.document(answer, command);
            return;
        }
        self.text(&answer.text(&self.look));
        for warning in &answer.envelope().warnings {
            self.note(warning);
        }
    }

    /// Writes what a command came to, and says how it ended.
    pub fn result<A: Answer>(&mut self, result: Result<A, Failure>, command: Option<&str>) -> Exit {
        match result {
            Ok(answer) => {
                self.answer(&answer, command);
                Exit::Done
            }
            Err(failure) => {
                self.failure(&failure, command);
                failure.exit
            }
        }
    }

    /// Writes a failure: as a document on standard output, or in two lines on standard error.
    pub fn failure(&mut self, failure: &Failure, command: Option<&str>) {
        let report = failure.report();
        if self.json {
            self.document(&report, command);
        } else {
            let _ = anstream::stderr().write_all(error_text(&report.error).as_bytes());
        }
    }

    /// Writes one line to standard error that is no part of the answer.
    pub fn note(&self, text: &str) {
        let line = format!("{} {}\n", warn("warning:"), escaped(text));
        let _ = anstream::stderr().write_all(line.as_bytes());
    }

    /// Writes text to standard error that is no part of the answer.
    pub fn aside(&self, text: &str) {
        let _ = anstream::stderr().write_all(text.as_bytes());
    }

    /// Writes text to standard output; colours only reach a terminal.
    pub fn text(&mut self, text: &str) {
        let mut stdout = anstream::stdout().lock();
        // A question has no line end, and is to be seen before it is answered.
        let written = stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush());
        self.heed(written);
    }

    /// Writes any document as JSON.
    pub fn document(&mut self, document: &impl Serialize, command: Option<&str>) {
        let document = OfCommand { document, command };
        let indented = self.is_to_a_terminal();
        let written = write_json(&document, indented, std::io::stdout().lock());
        self.heed(written);
    }

    /// A closed pipe is no error, only the end; nothing else can be said without an output.
    fn heed(&mut self, written: std::io::Result<()>) {
        match written {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::BrokenPipe => self.closed = true,
            Err(error) => {
                self.closed = true;
                self.note(&format!("standard output cannot be written: {error}"));
            }
        }
    }
}

fn terminal_width() -> usize {
    let width = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    width.unwrap_or(USUAL_WIDTH).min(WIDEST)
}
