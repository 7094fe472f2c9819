//! Which members of groups are stale: what `reload --stale` and `unload --stale` ask before they do
//! anything.

use super::open::Opened;
use super::unload::with_cause;
use crate::cli::exit::{Exit, Failure};
use crate::cpython::python::Interpreter;
use crate::modules::group::is_member;
use crate::modules::row::ModuleRow;
use crate::modules::stale::survey::{Checked, State};
use crate::plan::nearest::nearest;
use crate::report::{StaleMember, StaleModule};

/// The members of some groups against their files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaleGroup {
    /// All members, in the order of sys.modules.
    pub names: Vec<String>,
    /// Those that are stale.
    pub stale: Vec<StaleMember>,
    /// What could not be compared.
    pub warnings: Vec<String>,
}

impl StaleGroup {
    /// Whether the whole group is to be moved, or cleared.
    pub fn is_stale(&self) -> bool {
        !self.stale.is_empty()
    }
}

/// Compares the members of groups with their files. Nothing is stopped, nothing is changed.
///
/// # Errors
/// When the modules cannot be read, a group has no member, or the process ended meanwhile.
pub fn look(
    opened: &Opened,
    interpreter: &Interpreter,
    groups: &[String],
) -> Result<StaleGroup, Failure> {
    let inventory = opened.inventory(interpreter)?;
    let has = |row: &ModuleRow, group: &String| is_member(&row.name, group);
    let is_empty = |group: &&String| !inventory.rows.iter().any(|row| has(row, group));
    if let Some(group) = groups.iter().find(is_empty) {
        let names = inventory.rows.iter().map(|row| row.name.as_str());
        return Err(not_loaded(opened, group, &nearest(group, names)));
    }
    let rows = inventory.rows.iter();
    let rows = rows.filter(|row| groups.iter().any(|group| has(row, group)));
    let rows: Vec<ModuleRow> = rows.cloned().collect();
    let survey = opened.survey(interpreter, &rows)?;
    let mut warnings = inventory.warnings;
    warnings.extend(survey.warnings);
    warnings.extend(unsure(&survey.modules));
    let stale = survey.modules.into_iter();
    let stale = stale.filter(|one| one.state.is_stale());
    Ok(StaleGroup {
        names: rows.into_iter().map(|row| row.name).collect(),
        stale: stale.map(|one| StaleModule::from(one).into()).collect(),
        warnings,
    })
}

/// Who counts as not stale, because it cannot be told: one line for all in which nothing can be
/// compared, as in an empty file.
fn unsure(modules: &[Checked]) -> Vec<String> {
    let of = |state| modules.iter().filter(move |one| one.state == state);
    let mut warnings: Vec<String> = of(State::Unreadable)
        .map(|one| {
            let detail = one.detail.as_deref().unwrap_or("its file cannot be read");
            format!("{} counts as not stale: {detail}", one.name)
        })
        .collect();
    let unknown: Vec<&str> = of(State::Unknown).map(|one| one.name.as_str()).collect();
    if !unknown.is_empty() {
        let names = unknown.join(", ");
        warnings.push(format!("not compared, so not stale: {names}; see stale"));
    }
    warnings
}

fn not_loaded(opened: &Opened, group: &str, nearest: &[String]) -> Failure {
    let help = match nearest {
        [] => "pyunload modules <pid> lists what is loaded".to_owned(),
        _ => format!("did you mean {}?", nearest.join(" or ")),
    };
    let failure = Failure::new(Exit::No, format!("{group} is not loaded"), help);
    with_cause(failure.of(opened.process.pid()), "not_loaded")
}
