//! `modules`: sys.modules of one process.

use super::open::{Opened, open};
use crate::cli::exit::Failure;
use crate::cli::glob;
use crate::cli::timings::Timings;
use crate::cpython::python::Interpreter;
use crate::modules::inventory::Inventory;
use crate::modules::row::ModuleRow;
use crate::report::{Envelope, Module, Modules};

/// What to show of a process.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// Patterns of names; none for all.
    pub patterns: &'a [String],
    /// Which interpreter; `None` for the main one.
    pub interpreter: Option<i64>,
}

/// Reads sys.modules of a process that runs on meanwhile.
///
/// # Errors
/// When the target cannot be looked at.
pub fn run(pid: i32, wanted: &Wanted<'_>, timings: &mut Timings) -> Result<Modules, Failure> {
    let opened = open(pid)?;
    timings.mark("find the runtime");
    let interpreter = opened.interpreter(wanted.interpreter)?;
    let inventory = opened.inventory(interpreter)?;
    timings.mark("read sys.modules");
    Ok(report(&opened, interpreter, inventory, wanted.patterns))
}

fn report(
    opened: &Opened,
    interpreter: &Interpreter,
    inventory: Inventory,
    patterns: &[String],
) -> Modules {
    let mut envelope = Envelope::live("modules", Some(opened.target(interpreter)));
    envelope.warnings = inventory.warnings;
    let total = inventory.rows.len();
    let wanted = |row: &ModuleRow| {
        patterns.is_empty() || patterns.iter().any(|p| glob::matches(p, &row.name))
    };
    let rows = inventory.rows.into_iter().filter(wanted);
    Modules {
        envelope,
        modules: rows.map(Module::from).collect(),
        total,
    }
}
