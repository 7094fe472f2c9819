//! `snapshot`: writes a core file of a process that goes on running.

use super::open::{Opened, open};
use super::paused;
use crate::cli::args::SnapshotArgs;
use crate::cli::exit::{Exit, Failure};
use crate::elf::core_writer::{CoreWriter, NewFile, WriteError, Written};
use crate::report::{Consistency, Envelope, Snapshot, SnapshotMethod};
use crate::target::copy::CopyError;
use crate::target::dump::Facts;
use crate::target::pause::{Paused, StopLimits};
use crate::target::process::Process;
use crate::target::taken::{BYTES_PER_MS, TakeError, Taken, take};
use crate::target::watchdog::Watchdog;
use std::time::Duration;

/// Writes a core file of a process.
///
/// # Errors
/// When the file is there already or cannot be written, or the process cannot be stopped, or not
/// for long enough. No file is left behind.
pub fn run(args: &SnapshotArgs) -> Result<Snapshot, Failure> {
    let opened = open(args.pid)?;
    let file = NewFile::create(&args.output)?;
    let facts = Facts::of(&opened.process)?;
    let taken = take_copy(&opened, args.max_stop)?;
    let written = write(file, &facts, &taken)?;
    Ok(report(args, &opened, &taken, written))
}

fn take_copy(opened: &Opened, max_stop: u64) -> Result<Taken<&Process>, Failure> {
    let python = &opened.located.python;
    let limits = StopLimits {
        max_stop: Duration::from_millis(max_stop),
        // Python 2 does not call again what a stop has interrupted (PEP 475 came with 3.5).
        refuse_epoll_wait: python.version.major < 3,
    };
    let pid = opened.process.pid();
    let watchdog = Watchdog::start().map_err(|error| paused::failure(pid, error.into()))?;
    let at_rest = |paused: &Paused<'_>| Ok(!python.is_collecting(paused)?);
    take(&opened.process, &watchdog, limits, at_rest)
        .map_err(|error| failure(opened, limits, error))
}

fn write(file: NewFile, facts: &Facts, taken: &Taken<&Process>) -> Result<Written, WriteError> {
    let mut writer = CoreWriter::begin(file, facts, &taken.threads, &taken.segments)?;
    for copy in &taken.copies {
        writer.write(copy, copy.ranges())?;
    }
    writer.finish()
}

fn report(
    args: &SnapshotArgs,
    opened: &Opened,
    taken: &Taken<&Process>,
    written: Written,
) -> Snapshot {
    let target = opened.target(opened.located.python.main());
    let mut envelope = Envelope::live("snapshot", Some(target));
    envelope.consistency = Consistency::Snapshot;
    envelope.stopped_us = u64::try_from(taken.stopped.as_micros()).unwrap_or(u64::MAX);
    envelope.warnings = opened.warnings(Vec::new());
    Snapshot {
        envelope,
        file: args.output.display().to_string(),
        bytes: written.bytes,
        method: SnapshotMethod::Copy,
        pages: written.pages,
        threads: taken.threads.len(),
    }
}

fn failure(opened: &Opened, limits: StopLimits, error: TakeError) -> Failure {
    let pid = opened.process.pid();
    let why = error.to_string();
    match error {
        TakeError::Pause(error) => paused::failure(pid, error),
        TakeError::Copy(CopyError::TooLarge { bytes, .. }) => too_large(pid, limits, bytes),
        TakeError::Copy(CopyError::Process(error)) => error.into(),
        TakeError::Read(_) | TakeError::Copy(CopyError::Read(_)) if opened.process.is_same() => {
            paused::too_long(pid, limits.max_stop)
        }
        TakeError::Read(_) | TakeError::Copy(CopyError::Read(_)) => Failure::gone(pid),
        TakeError::Registers(_) => Failure::new(
            Exit::Changed,
            "a thread went away under the stop",
            "try again",
        )
        .because(why)
        .of(pid),
        TakeError::Unsettled { .. } => Failure::new(
            Exit::Withdrawn,
            format!("no snapshot of {pid} was taken"),
            "it collects garbage all the time: try again later",
        )
        .because(why)
        .of(pid),
    }
}

fn too_large(pid: i32, limits: StopLimits, bytes: u64) -> Failure {
    const MEBIBYTE: u64 = 1 << 20;
    let foreseen = bytes.div_ceil(BYTES_PER_MS);
    let allowed = limits.max_stop.as_millis();
    Failure {
        cause: Some("stop_too_long"),
        ..Failure::new(
            Exit::Forbidden,
            format!("a stop of {foreseen} ms is foreseen, and --max-stop allows {allowed} ms"),
            format!("allow it with --max-stop {foreseen}"),
        )
    }
    .because(format!(
        "it has {} MiB of its own to copy",
        bytes.div_ceil(MEBIBYTE)
    ))
    .of(pid)
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        let (exit, help) = match &error {
            WriteError::Exists { .. } => (Exit::Usage, "give a path where nothing is yet"),
            WriteError::Unwritable { .. } => (Exit::Usage, "give a path that can be written to"),
            WriteError::TooManyMappings { .. } => (Exit::NotUnderstood, "use gcore"),
            WriteError::Read(_) => (Exit::Changed, "try again"),
        };
        Failure::new(exit, "no snapshot was written", help).because(error.to_string())
    }
}
