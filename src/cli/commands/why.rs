//! `why`: who holds a module.

use super::graph;
use super::picture::{Picture, absent};
use crate::cli::args::Which;
use crate::cli::exit::Failure;
use crate::report::{Document, Why};

/// Finds every place from which a module is held.
///
/// # Errors
/// When the target cannot be looked at, or nothing of the module is alive.
pub fn run(which: &Which, name: &str, picture: &Picture) -> Result<Document<Why>, Failure> {
    picture.answer(
        which,
        "why",
        |opened, interpreter, limits| graph::why(opened, interpreter, name, limits),
        |opened, interpreter| {
            let message = format!("no module {name} is loaded, and no code of one is alive");
            absent(opened, interpreter, name, message)
        },
    )
}
