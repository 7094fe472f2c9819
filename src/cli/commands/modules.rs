//! `modules`: sys.modules of one process.

use super::open::{Opened, open, open_core};
use super::paused;
use crate::cli::args::Which;
use crate::cli::exit::Failure;
use crate::cli::glob;
use crate::cli::timings::Timings;
use crate::modules::inventory::Inventory;
use crate::modules::row::ModuleRow;
use crate::report::{Consistency, Envelope, Module, Modules};
use crate::target::target::Target;
use std::path::Path;
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
    /// Where files are that a core file leaves out; `None` for where they were.
    pub sysroot: Option<&'a Path>,
}

/// Reads sys.modules of a process or a core file.
///
/// # Errors
/// When the target cannot be looked at, or not be stopped.
pub fn run(which: &Which, wanted: &Wanted<'_>, timings: &mut Timings) -> Result<Modules, Failure> {
    match which {
        Which::Pid(pid) => of_process(*pid, wanted, timings),
        Which::Core(path) => of_core(path, wanted, timings),
    }
}

fn of_core(path: &Path, wanted: &Wanted<'_>, timings: &mut Timings) -> Result<Modules, Failure> {
    let opened = open_core(path, wanted.sysroot)?;
    timings.mark("find the runtime");
    let interpreter = opened.interpreter(wanted.interpreter)?;
    let inventory = opened.inventory(interpreter)?;
    timings.mark("read sys.modules");
    let envelope = Envelope::core("modules", Some(opened.target(interpreter)));
    Ok(report(&opened, envelope, inventory, wanted.patterns))
}

fn of_process(pid: i32, wanted: &Wanted<'_>, timings: &mut Timings) -> Result<Modules, Failure> {
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
    let envelope = Envelope::live("modules", Some(opened.target(interpreter)));
    let mut report = report(&opened, envelope, inventory, wanted.patterns);
    if let Some(stopped) = stopped {
        report.envelope.consistency = Consistency::Paused;
        report.envelope.stopped_us = u64::try_from(stopped.as_micros()).unwrap_or(u64::MAX);
    }
    Ok(report)
}

fn report<T: Target>(
    opened: &Opened<T>,
    mut envelope: Envelope,
    inventory: Inventory,
    patterns: &[String],
) -> Modules {
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
