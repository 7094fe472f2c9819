//! `refs`: the references to a module, accounted for.

use super::graph;
use super::moment::Moment;
use super::open::{Opened, open, open_core};
use super::picture::Picture;
use crate::cli::args::Which;
use crate::cli::exit::Failure;
use crate::report::{Document, Refs};
use std::path::Path;

/// Accounts for every reference to a module.
///
/// # Errors
/// When the target cannot be looked at, or the module is not loaded.
pub fn run(
    which: &Which,
    sysroot: Option<&Path>,
    name: &str,
    picture: Picture,
) -> Result<Document<Refs>, Failure> {
    match which {
        Which::Pid(pid) => answer(&open(*pid)?, name, picture),
        Which::Core(path) => answer(&open_core(path, sysroot)?, name, picture),
    }
}

fn answer<M: Moment>(
    opened: &Opened<M>,
    name: &str,
    picture: Picture,
) -> Result<Document<Refs>, Failure> {
    let look = |interpreter: &_, limits| graph::refs(opened, interpreter, name, limits);
    let message = format!("no module {name} is loaded");
    picture.answer(opened, "refs", name, look, message)
}
