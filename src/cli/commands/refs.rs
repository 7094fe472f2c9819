//! `refs`: the references to a module, accounted for.

use super::graph;
use super::picture::{Picture, absent};
use crate::cli::args::Which;
use crate::cli::exit::Failure;
use crate::report::{Document, Refs};

/// Accounts for every reference to a module.
///
/// # Errors
/// When the target cannot be looked at, or the module is not loaded.
pub fn run(which: &Which, name: &str, picture: &Picture) -> Result<Document<Refs>, Failure> {
    picture.answer(
        which,
        "refs",
        |opened, interpreter, limits| graph::refs(opened, interpreter, name, limits),
        |opened, interpreter| {
            let message = format!("no module {name} is loaded");
            absent(opened, interpreter, name, message)
        },
    )
}
