//! `modules`: sys.modules of one process.

use super::open::{Opened, open};
use super::paused;
use crate::cli::exit::Failure;
use crate::cli::glob;
use crate::cli::timings::Timings;
use crate::cpython::python::Interpreter;
use crate::modules::inventory::Inventory;
use crate::modules::row::ModuleRow;
use crate::report::{Consistency, Envelope, Module, Modules};
use std::time::Duration;

/// What to show of a process.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// Patterns of names; none for all.
    pub patterns: &'a [String],
    /// Which interpreter; `None` for the main one.
    pub interpreter: Option<i64>,
    /// How long the process may be stopped to be read; `None` to read it while it runs.
    pub stop: Option<Duration>,
}

/// Reads sys.modules of a process.
///
/// # Errors
/// When the target cannot be looked at, or not be stopped.
pub fn run(pid: i32, wanted: &Wanted<'_>, timings: &mut Timings) -> Result<Modules, Failure> {
    let opened = open(pid)?;
    timings.mark("find the runtime");
    let interpreter = opened.interpreter(wanted.interpreter)?;
    let (inventory, stopped) = match wanted.stop {
        None => (opened.inventory(interpreter)?, None),
        Some(limit) => {
            let (inventory, stopped) = paused::inventory(&opened, interpreter, limit)?;
            (inventory, Some(stopped))
        }
    };
    timings.mark("read sys.modules");
    let mut report = report(&opened, interpreter, inventory, wanted.patterns);
    if let Some(stopped) = stopped {
        report.envelope.consistency = Consistency::Paused;
        report.envelope.stopped_us = u64::try_from(stopped.as_micros()).unwrap_or(u64::MAX);
    }
    Ok(report)
}

fn report(
    opened: &Opened,
    interpreter: &Interpreter,
    inventory: Inventory,
    patterns: &[String],
) -> Modules {
    let mut envelope = Envelope::live("modules", Some(opened.target(interpreter)));
    envelope.warnings = opened.warnings(inventory.warnings);
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
