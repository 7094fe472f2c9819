//! `why`: who holds a module.

use super::graph;
use super::moment::Moment;
use super::open::{Opened, open, open_core};
use super::picture::Picture;
use crate::cli::args::Which;
use crate::cli::exit::Failure;
use crate::report::{Document, Why};
use std::path::Path;

/// Finds every place from which a module is held.
///
/// # Errors
/// When the target cannot be looked at, or nothing of the module is alive.
pub fn run(
    which: &Which,
    sysroot: Option<&Path>,
    name: &str,
    picture: Picture,
) -> Result<Document<Why>, Failure> {
    match which {
        Which::Pid(pid) => answer(&open(*pid)?, name, picture),
        Which::Core(path) => answer(&open_core(path, sysroot)?, name, picture),
    }
}

fn answer<M: Moment>(
    opened: &Opened<M>,
    name: &str,
    picture: Picture,
) -> Result<Document<Why>, Failure> {
    let look = |interpreter: &_, limits| graph::why(opened, interpreter, name, limits);
    let message = format!("no module {name} is loaded, and no code of one is alive");
    picture.answer(opened, "why", name, look, message)
}
