//! What every answer can do: be written for a person, or as a document.

use crate::report::Envelope;
use serde::Serialize;

/// How a person wants to see things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Look {
    /// Columns of the terminal, at most 100; `None` for plain columns, where output is redirected.
    pub width: Option<usize>,
    /// Whether addresses are shown.
    pub addresses: bool,
    /// Whether answers about other processes stand beside this one.
    pub several: bool,
    /// Whether plain columns go on below those of another answer, and need no titles.
    pub continued: bool,
}

/// A report that can be written.
pub trait Answer: Serialize {
    /// What the document begins with.
    fn envelope(&self) -> &Envelope;

    /// The text for a person, with its line ends.
    fn text(&self, look: &Look) -> String;
}
