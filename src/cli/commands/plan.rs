//! `plan`: what an unload would do, and what would stay.

use super::graph;
use super::picture::{Picture, document};
use super::unload::failure;
use crate::cli::args::Which;
use crate::cli::exit::{Exit, Failure};
use crate::plan::cut;
use crate::plan::entries::{entries, holds};
use crate::plan::key::Key;
use crate::report::{Document, Plan, Verdict};
use crate::target::target::Target;

/// Works out what the unload of these packages would come to. Whether they may be unloaded at all is
/// found out before anything is stopped.
///
/// # Errors
/// When the target cannot be looked at, or the packages are not loaded or never unloaded.
pub fn run(which: &Which, names: &[String], picture: &Picture) -> Result<Document<Plan>, Failure> {
    let opened = picture.open(which)?;
    let interpreter = opened.interpreter(picture.interpreter)?;
    let names: Vec<Key> = names.iter().map(|name| Key::new(name)).collect();
    let (memory, layout) = (&opened.process, &opened.located.python.layout);
    let pid = memory.pid();
    let inventory = opened.inventory(interpreter)?;
    let entries = entries(memory, layout, &inventory.rows, &names)
        .map_err(|error| Failure::from(error).of(pid))?;
    cut::cut(&entries, &names, |dict, attribute, child| {
        holds(memory, layout, dict, attribute, child)
    })
    .map_err(|refusal| failure(pid, refusal.into()))?;
    let looked = graph::plan(&opened, interpreter, &names, picture.limits)?;
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
