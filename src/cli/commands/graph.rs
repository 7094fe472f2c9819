//! The questions that need every object of the target. Here the commands meet the graph.

use super::open::Opened;
use super::picture::{Limits, Looked};
use crate::change::unload;
use crate::cli::exit::{Exit, Failure};
use crate::cpython::python::Interpreter;
use crate::report::{Ghost, Ghosts, Plan, Refs, Why};
use std::collections::BTreeSet;

/// What assertions ask of the graph.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GraphFacts {
    /// All ghosts.
    pub ghosts: Vec<Ghost>,
    /// Of each name asked for of which anything is alive, who holds it.
    pub why: Vec<Why>,
}

/// The references to a loaded module; `None` when it is not loaded.
///
/// # Errors
/// When the target cannot be looked at.
pub fn refs(
    opened: &Opened,
    _interpreter: &Interpreter,
    _name: &str,
    _limits: Limits,
) -> Result<Option<Looked<Refs>>, Failure> {
    Err(missing(opened))
}

/// Who holds a module, or the newest ghost of it; `None` when nothing of it is alive.
///
/// # Errors
/// When the target cannot be looked at.
pub fn why(
    opened: &Opened,
    _interpreter: &Interpreter,
    _name: &str,
    _limits: Limits,
) -> Result<Option<Looked<Why>>, Failure> {
    Err(missing(opened))
}

/// The ghosts of a package with everything below it, or all of them.
///
/// # Errors
/// When the target cannot be looked at.
pub fn ghosts(
    opened: &Opened,
    _interpreter: &Interpreter,
    _name: Option<&str>,
    _limits: Limits,
) -> Result<Looked<Ghosts>, Failure> {
    Err(missing(opened))
}

/// What the unload of `planned` would come to.
///
/// # Errors
/// When the target cannot be looked at.
pub fn plan(
    opened: &Opened,
    _interpreter: &Interpreter,
    _planned: &unload::Plan,
    _limits: Limits,
) -> Result<Looked<Plan>, Failure> {
    Err(missing(opened))
}

/// What assertions about these modules ask of the graph, from one picture of the target.
///
/// # Errors
/// When the target cannot be looked at.
pub fn check_facts(
    opened: &Opened,
    _interpreter: &Interpreter,
    _names: &BTreeSet<String>,
    _limits: Limits,
) -> Result<Looked<GraphFacts>, Failure> {
    Err(missing(opened))
}

fn missing(opened: &Opened) -> Failure {
    Failure::new(
        Exit::Fault,
        "the graph of references is not built yet",
        "nothing was stopped and nothing was changed",
    )
    .of(opened.process.pid())
}
