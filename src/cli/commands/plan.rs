//! `plan`: what an unload would do, and what would stay.

use super::graph;
use super::open::open;
use super::picture::{Picture, document};
use super::unload::failure;
use crate::change::target::Target;
use crate::change::unload;
use crate::cli::exit::{Exit, Failure};
use crate::plan::key::Key;
use crate::report::{Document, Plan, Verdict};

/// Works out what the unload of these packages would come to.
///
/// # Errors
/// When the target cannot be looked at, or the packages are not loaded or never unloaded.
pub fn run(pid: i32, names: &[String], picture: Picture) -> Result<Document<Plan>, Failure> {
    let opened = open(pid)?;
    let interpreter = opened.interpreter(picture.interpreter)?;
    let target = Target {
        process: &opened.process,
        python: &opened.located.python,
        interpreter,
    };
    let names: Vec<Key> = names.iter().map(|name| Key::new(name)).collect();
    let planned = unload::plan(target, &names).map_err(|error| failure(pid, error))?;
    let mut looked = graph::plan(&opened, interpreter, &planned, picture.limits)?;
    looked.warnings.extend(planned.warnings);
    Ok(document("plan", &opened, interpreter, looked))
}

/// How the command ends: a plan that leaves something behind is a no.
pub fn exit_of(plan: &Plan) -> Exit {
    match plan.verdict {
        Some(Verdict::Clean | Verdict::Remediable) => Exit::Done,
        // Not looked at is no yes.
        Some(Verdict::Blocked | Verdict::Restart) | None => Exit::No,
    }
}
