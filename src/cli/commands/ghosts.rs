//! `ghosts`: code that is alive under names that sys.modules no longer gives.

use super::graph;
use super::moment::Moment;
use super::open::{Opened, open, open_core};
use super::picture::{Picture, document};
use crate::cli::args::Which;
use crate::cli::exit::Failure;
use crate::report::{Document, Ghosts};
use std::path::Path;

/// Finds the ghosts of a package, or all of them.
///
/// # Errors
/// When the target cannot be looked at.
pub fn run(
    which: &Which,
    sysroot: Option<&Path>,
    name: Option<&str>,
    picture: Picture,
) -> Result<Document<Ghosts>, Failure> {
    match which {
        Which::Pid(pid) => answer(&open(*pid)?, name, picture),
        Which::Core(path) => answer(&open_core(path, sysroot)?, name, picture),
    }
}

fn answer<M: Moment>(
    opened: &Opened<M>,
    name: Option<&str>,
    picture: Picture,
) -> Result<Document<Ghosts>, Failure> {
    let interpreter = opened.interpreter(picture.interpreter)?;
    let looked = graph::ghosts(opened, interpreter, name, picture.limits)?;
    Ok(document("ghosts", opened, interpreter, looked))
}
