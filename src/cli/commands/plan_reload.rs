//! `plan --reload`: what a reload would move, told from outside.

use super::open::{open, pid_of};
use super::reload::failure;
use crate::change::reload::{Wanted, plan};
use crate::change::reload_source::Strength;
use crate::change::target::Target;
use crate::cli::args::Which;
use crate::cli::exit::Failure;
use crate::modules::row::ModuleRow;
use crate::report::{Document, Envelope, PlanReload};

/// Compares these modules with their files. Nothing is stopped, nothing runs in the process.
///
/// # Errors
/// When it cannot be looked at, or a reload would fail before anything is compared.
pub fn run(which: &Which, names: &[String]) -> Result<Document<PlanReload>, Failure> {
    let pid = pid_of(which)?;
    let opened = open(pid)?;
    let python = &opened.located.python;
    let interpreter = python.main();
    let target = Target {
        process: &opened.process,
        python,
        interpreter,
    };
    let wanted = Wanted {
        names: names.to_vec(),
        groups: Vec::new(),
        strength: Strength::Code,
    };
    let planned = plan(target, &wanted).map_err(|error| failure(pid, error))?;
    let inventory = opened.inventory(interpreter)?;
    let row_of = |name: &String| inventory.rows.iter().find(|row| row.name == *name).cloned();
    let rows = planned.modules.iter().filter_map(|one| row_of(&one.name));
    let rows: Vec<ModuleRow> = rows.collect();
    let survey = opened.survey(interpreter, &rows)?;
    let mut envelope = Envelope::live("plan", Some(opened.target(interpreter)));
    let warnings = inventory.warnings.into_iter().chain(survey.warnings);
    envelope.warnings = opened.warnings(warnings.collect());
    Ok(Document {
        envelope,
        body: PlanReload::new(&planned, survey.modules),
    })
}
