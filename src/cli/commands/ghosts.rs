//! `ghosts`: code that is alive under names that sys.modules no longer gives.

use super::graph;
use super::picture::{Picture, document};
use crate::cli::args::Which;
use crate::cli::exit::Failure;
use crate::report::{Document, Ghosts};

/// Finds the ghosts of a package, or all of them.
///
/// # Errors
/// When the target cannot be looked at.
pub fn run(
    which: &Which,
    name: Option<&str>,
    picture: &Picture,
) -> Result<Document<Ghosts>, Failure> {
    let opened = picture.open(which)?;
    let interpreter = opened.interpreter(picture.interpreter)?;
    let looked = graph::ghosts(&opened, interpreter, name, picture.limits)?;
    Ok(document("ghosts", &opened, interpreter, looked))
}
