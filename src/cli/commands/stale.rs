//! `stale`: loaded code against the files.

use super::open::open;
use crate::cli::args::Which;
use crate::cli::exit::{Exit, Failure};
use crate::cli::glob;
use crate::modules::group::is_member;
use crate::modules::row::ModuleRow;
use crate::report::{Envelope, Stale, StaleModule};

/// What to look at.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// Patterns of names; none for all.
    pub patterns: &'a [String],
    /// Groups: a name, or a package with everything below it.
    pub groups: &'a [String],
    /// Which interpreter; `None` for the main one.
    pub interpreter: Option<i64>,
}

impl Wanted<'_> {
    fn has(&self, row: &ModuleRow) -> bool {
        let all = self.patterns.is_empty() && self.groups.is_empty();
        all || self.patterns.iter().any(|p| glob::matches(p, &row.name))
            || self.groups.iter().any(|group| is_member(&row.name, group))
    }
}

/// Compares the modules of a process with their files.
///
/// # Errors
/// When the process cannot be looked at.
pub fn run(which: &Which, wanted: &Wanted<'_>) -> Result<Stale, Failure> {
    let Which::Pid(pid) = which else {
        return Err(Failure::new(
            Exit::Usage,
            "a core file has no files to compare with",
            "stale compares with the files that a running process sees: give its pid",
        ));
    };
    let opened = open(*pid)?;
    let interpreter = opened.interpreter(wanted.interpreter)?;
    let inventory = opened.inventory(interpreter)?;
    let rows = inventory.rows.into_iter().filter(|row| wanted.has(row));
    let rows: Vec<ModuleRow> = rows.collect();
    let survey = opened.survey(interpreter, &rows)?;
    let mut envelope = Envelope::live("stale", Some(opened.target(interpreter)));
    let warnings = inventory.warnings.into_iter().chain(survey.warnings);
    envelope.warnings = opened.warnings(warnings.collect());
    let modules: Vec<StaleModule> = survey.modules.into_iter().map(StaleModule::from).collect();
    let is_stale = modules.iter().any(|module| module.state.is_stale());
    Ok(Stale {
        envelope,
        modules,
        group_stale: (!wanted.groups.is_empty()).then_some(is_stale),
    })
}

/// How it ends: no when a member of a group is stale, or when nothing has such a name.
pub fn exit(report: &Stale, asked: bool) -> Exit {
    let none = report.modules.is_empty() && asked;
    match report.group_stale == Some(true) || none {
        true => Exit::No,
        false => Exit::Done,
    }
}
