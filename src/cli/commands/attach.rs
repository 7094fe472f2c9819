//! `attach`: the summary with which a session begins.

use super::open::{open, open_core};
use crate::cli::args::Which;
use crate::cli::exit::Failure;
use crate::modules::kind::Kind;
use crate::report::{Attach, Envelope, ModuleCounts};
use crate::target::about::About;
use std::path::Path;

/// What a session says of its target first.
///
/// # Errors
/// When the target cannot be looked at.
pub fn run(
    which: &Which,
    interpreter: Option<i64>,
    sysroot: Option<&Path>,
) -> Result<Attach, Failure> {
    match which {
        Which::Pid(pid) => of_process(*pid, interpreter),
        Which::Core(path) => of_core(path, interpreter, sysroot),
    }
}

fn of_core(
    path: &Path,
    interpreter: Option<i64>,
    sysroot: Option<&Path>,
) -> Result<Attach, Failure> {
    let opened = open_core(path, sysroot)?;
    let interpreter = opened.interpreter(interpreter)?;
    let inventory = opened.inventory(interpreter)?;
    let mut envelope = Envelope::core("attach", Some(opened.target(interpreter)));
    envelope.warnings = opened.warnings(inventory.warnings);
    let told = opened.process.told();
    Ok(Attach {
        envelope,
        uptime_s: None,
        threads: Some(told.threads.len() as u64),
        process: told.command.clone(),
        modules: count(inventory.rows.iter().map(|row| row.kind)),
    })
}

fn of_process(pid: i32, interpreter: Option<i64>) -> Result<Attach, Failure> {
    let opened = open(pid)?;
    let interpreter = opened.interpreter(interpreter)?;
    let inventory = opened.inventory(interpreter)?;
    let about = About::of(pid);
    let mut envelope = Envelope::live("attach", Some(opened.target(interpreter)));
    envelope.warnings = opened.warnings(inventory.warnings);
    Ok(Attach {
        envelope,
        uptime_s: about.as_ref().and_then(|about| about.uptime_s),
        threads: about.as_ref().map(|about| about.threads),
        process: about.map(|about| about.command).unwrap_or_default(),
        modules: count(inventory.rows.iter().map(|row| row.kind)),
    })
}

fn count(kinds: impl Iterator<Item = Kind>) -> ModuleCounts {
    let mut counts = ModuleCounts::default();
    for kind in kinds {
        counts.total += 1;
        *match kind {
            Kind::Source => &mut counts.source,
            Kind::Sourceless => &mut counts.sourceless,
            Kind::Extension => &mut counts.extension,
            Kind::Builtin => &mut counts.builtin,
            Kind::Frozen => &mut counts.frozen,
            Kind::Namespace => &mut counts.namespace,
            Kind::Stub => &mut counts.stub,
            Kind::Blocked => &mut counts.blocked,
            Kind::Other => &mut counts.other,
        } += 1;
    }
    counts
}
