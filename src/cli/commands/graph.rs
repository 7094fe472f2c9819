//! The questions that need every object of the target. Here the commands meet the graph.

use super::open::Opened;
use super::picture::{Limits, Looked};
use super::subject::Subject;
use crate::cli::exit::{Exit, Failure};
use crate::cpython::python::Interpreter;
use crate::plan::key::Key;
use crate::plan::steps::Allowed;
use crate::report::{Ghost, Ghosts, Plan, Refs, Why};
use crate::target::target::Target;
use std::collections::BTreeSet;

mod ghosts;
mod holders;
pub mod plan;
mod refs;
mod take;
mod why;

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
    opened: &Opened<Subject>,
    interpreter: &Interpreter,
    name: &str,
    limits: Limits,
) -> Result<Option<Looked<Refs>>, Failure> {
    let look = |picture: &take::Seen<'_>| refs::answer(picture, interpreter, name);
    take::with_picture(opened, limits, look).map(when_found)
}

/// Who holds a module, or the newest ghost of it; `None` when nothing of it is alive.
///
/// # Errors
/// When the target cannot be looked at.
pub fn why(
    opened: &Opened<Subject>,
    interpreter: &Interpreter,
    name: &str,
    limits: Limits,
) -> Result<Option<Looked<Why>>, Failure> {
    let look = |picture: &take::Seen<'_>| why::answer(picture, interpreter, name);
    take::with_picture(opened, limits, look).map(when_found)
}

/// The ghosts of a package with everything below it, or all of them.
///
/// # Errors
/// When the target cannot be looked at.
pub fn ghosts(
    opened: &Opened<Subject>,
    _interpreter: &Interpreter,
    name: Option<&str>,
    limits: Limits,
) -> Result<Looked<Ghosts>, Failure> {
    take::with_picture(opened, limits, |picture| Ghosts {
        name: name.map(str::to_owned),
        ghosts: ghosts::answer(picture, name),
    })
}

/// What the unload of these packages would come to.
///
/// # Errors
/// When the target cannot be looked at.
pub fn plan(
    opened: &Opened<Subject>,
    interpreter: &Interpreter,
    names: &[Key],
    limits: Limits,
) -> Result<Looked<Plan>, Failure> {
    let looked = take::with_picture(opened, limits, |picture| {
        let answer = plan::answer(picture, interpreter, names, Allowed::default());
        answer.map(|(plan, _)| plan)
    })?;
    let body = looked.body.map_err(|error| {
        Failure::new(Exit::Changed, "the modules changed meanwhile", "try again")
            .because(error.to_string())
            .of(opened.process.pid())
    })?;
    Ok(Looked {
        body,
        consistency: looked.consistency,
        stopped: looked.stopped,
        warnings: looked.warnings,
    })
}

/// What assertions about these modules ask of the graph, from one picture of the target.
///
/// # Errors
/// When the target cannot be looked at.
pub fn check_facts(
    opened: &Opened<Subject>,
    interpreter: &Interpreter,
    names: &BTreeSet<String>,
    limits: Limits,
) -> Result<Looked<GraphFacts>, Failure> {
    take::with_picture(opened, limits, |picture| GraphFacts {
        ghosts: ghosts::answer(picture, None),
        why: names
            .iter()
            .filter_map(|name| why::answer(picture, interpreter, name))
            .collect(),
    })
}

fn when_found<B>(looked: Looked<Option<B>>) -> Option<Looked<B>> {
    Some(Looked {
        body: looked.body?,
        consistency: looked.consistency,
        stopped: looked.stopped,
        warnings: looked.warnings,
    })
}
