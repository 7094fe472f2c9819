//! `snapshot`: writes a core file of a process that goes on running.
//!
//! A thread may be stopped in the middle of changing a list of the collector. So what was taken is
//! looked through before it is written, and taken again when the lists are not whole.

use super::open::{Opened, open};
use super::snapshot_failure::{copy_failure, failure_to_stop, fork_failure};
use crate::cli::args::{Snapshot as Method, SnapshotArgs};
use crate::cli::exit::Failure;
use crate::cli::progress::with_progress;
use crate::control::consent::Consent;
use crate::control::control::Control;
use crate::control::snapshot_fork::{Forking, with_clone};
use crate::elf::core_writer::{CoreWriter, NewFile, WriteError, Written};
use crate::heap::walk::{WalkError, walk};
use crate::report::{Consistency, Envelope, Snapshot, SnapshotMethod};
use crate::target::again::until_it_suits;
use crate::target::dump::Facts;
use crate::target::pause::{Paused, StopLimits};
use crate::target::process::Process;
use crate::target::taken::{Taken, take};
use crate::target::watchdog::Watchdog;
use std::time::Duration;

/// More objects than are looked through.
const OBJECTS: usize = 1 << 27;

type Moment<'p> = Taken<&'p Process>;

/// Writes a core file of a process.
///
/// # Errors
/// When the file is there already or cannot be written, or the process cannot be stopped, or not
/// for long enough. No file is left behind.
pub fn run(args: &SnapshotArgs) -> Result<Snapshot, Failure> {
    let opened = open(args.pid)?;
    let file = NewFile::create(&args.output)?;
    let facts = Facts::of(&opened.process)?;
    let python = &opened.located.python;
    let limits = python.stop_limits(Duration::from_millis(args.max_stop));
    let watchdog = Watchdog::start().map_err(|error| failure_to_stop(args.pid, error.into()))?;
    let mut warnings = Vec::new();
    let (taken, written) = with_progress("taking a snapshot", || {
        let taken = take_whole(&opened, &mut warnings, |warnings| match args.snapshot {
            Method::Copy => take_copy(&opened, &watchdog, limits),
            Method::Fork => take_clone(&opened, &watchdog, limits, warnings),
        })?;
        let written = write(file, &facts, &taken)?;
        Ok::<_, Failure>((taken, written))
    })?;
    Ok(report(args, &opened, &taken, written, warnings))
}

/// Takes moments until the lists of the collector are whole in one; the last one counts.
fn take_whole<'p>(
    opened: &'p Opened,
    warnings: &mut Vec<String>,
    mut take: impl FnMut(&mut Vec<String>) -> Result<Moment<'p>, Failure>,
) -> Result<Moment<'p>, Failure> {
    let mut stopped = Duration::ZERO;
    let taken = until_it_suits(Unwritten::may_pass, || {
        let mut taken = take(warnings).map_err(Unwritten::Failure)?;
        stopped += taken.stopped;
        taken.stopped = stopped;
        match is_whole(opened, &taken) {
            true => Ok(taken),
            false => Err(Unwritten::Torn(Box::new(taken))),
        }
    });
    match taken {
        Ok(taken) => Ok(taken),
        Err(Unwritten::Failure(failure)) => Err(failure),
        Err(Unwritten::Torn(taken)) => {
            let what = "it was caught in a change of its objects each time: some lists break off";
            warnings.push(what.to_owned());
            Ok(*taken)
        }
    }
}

/// Why a moment is not written.
enum Unwritten<'p> {
    /// There is none.
    Failure(Failure),
    /// Lists of the collector break off in it.
    Torn(Box<Moment<'p>>),
}

impl Unwritten<'_> {
    fn may_pass(&self) -> bool {
        matches!(self, Unwritten::Torn(_))
    }
}

/// Whether every list of the collector leads back to its beginning. Where there are no lists, or
/// none that are known, nothing can break off.
fn is_whole(opened: &Opened, taken: &Moment<'_>) -> bool {
    let python = &opened.located.python;
    let walks = python
        .interpreters
        .iter()
        .map(|one| walk(taken, python, one, OBJECTS));
    walks.into_iter().all(|walked| match walked {
        Ok(walk) => walk.walked.is_complete(),
        Err(WalkError::Collecting) => false,
        Err(_) => true,
    })
}

fn take_copy<'p>(
    opened: &'p Opened,
    watchdog: &Watchdog,
    limits: StopLimits,
) -> Result<Moment<'p>, Failure> {
    let python = &opened.located.python;
    let at_rest = |paused: &Paused<'_>| Ok(!python.is_collecting(paused)?);
    take(&opened.process, watchdog, limits, at_rest)
        .map_err(|error| copy_failure(&opened.process, limits, error))
}

fn take_clone<'p>(
    opened: &'p Opened,
    watchdog: &Watchdog,
    limits: StopLimits,
    warnings: &mut Vec<String>,
) -> Result<Moment<'p>, Failure> {
    let process = &opened.process;
    let python = &opened.located.python;
    let forking = Forking {
        process,
        watchdog,
        limits,
        // Who names this method has been told what it does.
        consent: Consent::given_by_user(),
    };
    let at_rest = |control: &Control<'_>| Ok(!python.is_collecting(control)?);
    let cloned = with_clone(forking, at_rest, |fork| {
        Taken::of_still(fork.child(), fork.threads().to_vec(), process)
    })
    .map_err(|error| fork_failure(process, &error))?;
    warnings.extend(cloned.left.map(|error| {
        format!("the clone has ended and stays in the process table until the next one: {error}")
    }));
    let mut taken = cloned.done.map_err(|_| Failure::gone(process.pid()))?;
    taken.stopped = cloned.stopped;
    Ok(taken)
}

fn write(file: NewFile, facts: &Facts, taken: &Moment<'_>) -> Result<Written, WriteError> {
    let mut writer = CoreWriter::begin(file, facts, &taken.threads, &taken.segments)?;
    for copy in &taken.copies {
        writer.write(copy, copy.ranges())?;
    }
    writer.finish()
}

fn report(
    args: &SnapshotArgs,
    opened: &Opened,
    taken: &Moment<'_>,
    written: Written,
    warnings: Vec<String>,
) -> Snapshot {
    let target = opened.target(opened.located.python.main());
    let mut envelope = Envelope::live("snapshot", Some(target));
    envelope.consistency = Consistency::Snapshot;
    envelope.stopped_us = u64::try_from(taken.stopped.as_micros()).unwrap_or(u64::MAX);
    envelope.warnings = opened.warnings(warnings);
    Snapshot {
        envelope,
        file: args.output.display().to_string(),
        bytes: written.bytes,
        method: match args.snapshot {
            Method::Copy => SnapshotMethod::Copy,
            Method::Fork => SnapshotMethod::Fork,
        },
        pages: written.pages,
        threads: taken.threads.len(),
    }
}
