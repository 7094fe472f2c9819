//! What an unload is going to do, from all objects of one moment, or from the module table alone.

use crate::address::Address;
use crate::change::error::UnloadError;
use crate::change::look::Seen;
use crate::change::target::Target;
use crate::cpython::python::Interpreter;
use crate::modules::inventory::inventory;
use crate::plan::cut::{self, Cut};
use crate::plan::entries::{entries, holds};
use crate::plan::key::Key;
use crate::plan::own::Own;
use crate::plan::step::Step;
use crate::plan::steps::{Allowed, Planned, plan_steps};

/// What would be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What would be detached.
    pub cut: Cut,
    /// `sys.modules`.
    pub table: Address,
    /// What would make holders let go.
    pub steps: Vec<Step>,
    /// What could not be read of the table.
    pub warnings: Vec<String>,
    /// Whether all objects were looked at.
    pub is_seen: bool,
}

/// Works out what unloading `names` would detach, from the module table alone. Nothing is stopped.
///
/// # Errors
/// [`UnloadError::Refused`]; [`UnloadError::Unreadable`] and [`UnloadError::Read`].
pub fn plan(target: Target<'_>, names: &[Key]) -> Result<Plan, UnloadError> {
    let Target {
        process,
        python,
        interpreter,
    } = target;
    let layout = &python.layout;
    let inventory = inventory(process, python, interpreter)?;
    let entries = entries(process, layout, &inventory.rows, names)?;
    let cut = cut::cut(&entries, names, |dict, attribute, child| {
        holds(process, layout, dict, attribute, child)
    })?;
    Ok(Plan {
        cut,
        table: interpreter.modules,
        steps: Vec::new(),
        warnings: inventory.warnings,
        is_seen: false,
    })
}

/// What was found out for a plan.
pub struct Found {
    /// What goes.
    pub own: Own,
    /// What would make holders let go, and what holds it before and after.
    pub planned: Planned,
}

/// Works it out from all objects.
///
/// # Errors
/// As [`plan`].
pub fn plan_seen(
    picture: &Seen<'_>,
    interpreter: &Interpreter,
    names: &[Key],
    allowed: Allowed,
) -> Result<(Plan, Found), UnloadError> {
    let mut tables = picture.tables.iter();
    let table = tables.find(|table| table.interpreter.id == interpreter.id);
    let (rows, warnings) = table.map_or((&[][..], Vec::new()), |table| {
        (&table.rows[..], table.warnings.clone())
    });
    let layout = &picture.python.layout;
    let entries = entries(picture.memory, layout, rows, names)?;
    let cut = cut::cut(&entries, names, |dict, attribute, child| {
        holds(picture.memory, layout, dict, attribute, child)
    })?;
    let own = Own::of_cut(picture, &cut);
    let planned = plan_steps(picture, &cut, &own, allowed);
    let plan = Plan {
        cut,
        table: interpreter.modules,
        steps: planned.steps.clone(),
        warnings,
        is_seen: true,
    };
    Ok((plan, Found { own, planned }))
}
