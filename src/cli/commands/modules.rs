//! `modules`: sys.modules of one process.

use super::open::{Opened, open, open_core};
use super::paused;
use crate::cli::args::Which;
use crate::cli::exit::Failure;
use crate::cli::glob;
use crate::cli::timings::Timings;
use crate::cpython::python::Interpreter;
use crate::modules::inventory::Inventory;
use crate::modules::row::ModuleRow;
use crate::report::{Consistency, Envelope, Module, Modules};
use crate::target::second_thread::SecondThread;
use crate::target::target::Target;
use std::path::Path;
use std::sync::OnceLock;
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
    /// Whether the answer will be JSON on one line.
    pub json: bool,
}

/// Reads sys.modules of a process or a core file.
///
/// # Errors
/// When the target cannot be looked at, or not be stopped.
pub fn run(
    which: &Which,
    wanted: &Wanted<'_>,
    beside: Option<&Beside<'_, '_>>,
    timings: &mut Timings,
) -> Result<Modules, Failure> {
    match which {
        Which::Pid(pid) => of_process(*pid, wanted, beside, timings),
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

/// How many eighths of the rows are put into JSON here: the other thread has to be woken up, and has not made them
/// itself.
const OURS: usize = 5;

/// A second thread that starts while the first finds the runtime, and where it then finds the target:
/// for the first process of a command.
pub struct Beside<'s, 'env> {
    /// The thread.
    pub second: &'s SecondThread<'env>,
    /// The target, once it was opened.
    pub place: &'env OnceLock<Opened>,
}

fn of_process(
    pid: i32,
    wanted: &Wanted<'_>,
    beside: Option<&Beside<'_, '_>>,
    timings: &mut Timings,
) -> Result<Modules, Failure> {
    let opened = open(pid)?;
    timings.mark("find the runtime");
    if let Some(limit) = wanted.stop {
        return of_stopped(&opened, limit, wanted, timings);
    }
    if let Some(beside) = beside.filter(|beside| beside.place.get().is_none()) {
        let opened = beside.place.get_or_init(|| opened);
        let interpreter = opened.interpreter(wanted.interpreter)?;
        let inventory = opened.inventory_with(beside.second, interpreter)?;
        let mut answer = of_live(opened, interpreter, inventory, wanted, timings);
        if wanted.json {
            let ours = answer.modules.len() * OURS / 8;
            let begin = |work| beside.second.begin(work);
            answer.modules.write_rest(ours, begin);
        }
        // It ends while the answer goes out.
        beside.second.end();
        return Ok(answer);
    }
    let interpreter = opened.interpreter(wanted.interpreter)?;
    let inventory = opened.inventory(interpreter)?;
    Ok(of_live(&opened, interpreter, inventory, wanted, timings))
}

fn of_live(
    opened: &Opened,
    interpreter: &Interpreter,
    inventory: Inventory,
    wanted: &Wanted<'_>,
    timings: &mut Timings,
) -> Modules {
    timings.mark("read sys.modules");
    let envelope = Envelope::live("modules", Some(opened.target(interpreter)));
    report(opened, envelope, inventory, wanted.patterns)
}

fn of_stopped(
    opened: &Opened,
    limit: Duration,
    wanted: &Wanted<'_>,
    timings: &mut Timings,
) -> Result<Modules, Failure> {
    let interpreter = opened.interpreter(wanted.interpreter)?;
    let (inventory, stopped) = paused::inventory(opened, interpreter, limit)?;
    timings.mark("read sys.modules");
    let mut envelope = Envelope::live("modules", Some(opened.target(interpreter)));
    envelope.consistency = Consistency::Paused;
    envelope.stopped_us = u64::try_from(stopped.as_micros()).unwrap_or(u64::MAX);
    Ok(report(opened, envelope, inventory, wanted.patterns))
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
        modules: rows.map(Module::from).collect::<Vec<_>>().into(),
        total,
    }
}
