//! `snapshot`: writes a core file of a process that goes on running.

use super::open::{Opened, open};
use super::paused;
use crate::cli::args::{Method, SnapshotArgs};
use crate::cli::exit::{Exit, Failure};
use crate::control::consent::Consent;
use crate::control::control::Control;
use crate::control::error::ControlError;
use crate::control::snapshot_fork::{Fork, Forking};
use crate::elf::core_writer::{CoreWriter, NewFile, WriteError, Written};
use crate::report::{Consistency, Envelope, Snapshot, SnapshotMethod};
use crate::target::copy::CopyError;
use crate::target::dump::{Facts, Kept};
use crate::target::pause::{PauseError, Paused, StopLimits};
use crate::target::taken::{BYTES_PER_MS, TakeError, take};
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
    let limits = StopLimits {
        max_stop: Duration::from_millis(args.max_stop),
        // Python 2 does not call again what a stop has interrupted (PEP 475 came with 3.5).
        refuse_epoll_wait: opened.located.python.version.major < 3,
    };
    let watchdog = Watchdog::start().map_err(|error| failure_to_stop(args.pid, error.into()))?;
    let done = match args.snapshot {
        Method::Copy => copy(&opened, &watchdog, limits, file, &facts)?,
        Method::Fork => fork(&opened, &watchdog, limits, file, &facts)?,
    };
    Ok(report(args, &opened, done))
}

/// A core that was written.
struct Done {
    written: Written,
    threads: usize,
    stopped: Duration,
    warning: Option<String>,
}

fn copy(
    opened: &Opened,
    watchdog: &Watchdog,
    limits: StopLimits,
    file: NewFile,
    facts: &Facts,
) -> Result<Done, Failure> {
    let python = &opened.located.python;
    let at_rest = |paused: &Paused<'_>| Ok(!python.is_collecting(paused)?);
    let taken = take(&opened.process, watchdog, limits, at_rest)
        .map_err(|error| failure(opened, limits, error))?;
    let mut writer = CoreWriter::begin(file, facts, &taken.threads, &taken.segments)?;
    for copy in &taken.copies {
        writer.write(copy, copy.ranges())?;
    }
    Ok(Done {
        written: writer.finish()?,
        threads: taken.threads.len(),
        stopped: taken.stopped,
        warning: None,
    })
}

fn fork(
    opened: &Opened,
    watchdog: &Watchdog,
    limits: StopLimits,
    file: NewFile,
    facts: &Facts,
) -> Result<Done, Failure> {
    let python = &opened.located.python;
    let forking = Forking {
        process: &opened.process,
        watchdog,
        limits,
        // Who names this method has been told what it does.
        consent: Consent::given_by_user(),
    };
    let at_rest = |control: &Control<'_>| Ok(!python.is_collecting(control)?);
    let fork = Fork::make(forking, at_rest).map_err(|error| fork_failure(opened, &error))?;
    let written = write_clone(&fork, file, facts);
    let threads = fork.threads().len();
    let before = fork.stopped();
    let (stopped, warning) = match fork.end(forking) {
        Ok(stopped) => (stopped, None),
        Err(error) => (
            before,
            Some(format!(
                "the clone has ended and stays in the process table until the next snapshot: {error}"
            )),
        ),
    };
    Ok(Done {
        written: written?,
        threads,
        stopped,
        warning,
    })
}

fn write_clone(fork: &Fork, file: NewFile, facts: &Facts) -> Result<Written, Failure> {
    let gone = |_| Failure::gone(fork.child().pid());
    let kept = Kept::of(fork.child()).map_err(gone)?;
    let mut writer = CoreWriter::begin(file, facts, fork.threads(), &kept.segments)?;
    writer.write(fork.child(), &kept.pages)?;
    Ok(writer.finish()?)
}

fn report(args: &SnapshotArgs, opened: &Opened, done: Done) -> Snapshot {
    let target = opened.target(opened.located.python.main());
    let mut envelope = Envelope::live("snapshot", Some(target));
    envelope.consistency = Consistency::Snapshot;
    envelope.stopped_us = u64::try_from(done.stopped.as_micros()).unwrap_or(u64::MAX);
    envelope.warnings = opened.warnings(done.warning.into_iter().collect());
    Snapshot {
        envelope,
        file: args.output.display().to_string(),
        bytes: done.written.bytes,
        method: match args.snapshot {
            Method::Copy => SnapshotMethod::Copy,
            Method::Fork => SnapshotMethod::Fork,
        },
        pages: done.written.pages,
        threads: done.threads,
    }
}

/// Why it was not stopped; there is no way to take a snapshot without.
fn failure_to_stop(pid: i32, error: PauseError) -> Failure {
    let failure = paused::failure(pid, error);
    Failure {
        message: format!("no snapshot of {pid} was taken"),
        help: match failure.cause {
            Some("in_epoll_wait") => "try again: a moment later it may not wait there".to_owned(),
            Some("stopped" | "traced") => "let it run first, without a debugger".to_owned(),
            Some("does_not_stop") => "try again, or with a longer --max-stop MS".to_owned(),
            Some("no_watchdog") => "nothing is stopped without it".to_owned(),
            _ => failure.help,
        },
        ..failure
    }
}

fn fork_failure(opened: &Opened, error: &ControlError) -> Failure {
    let pid = opened.process.pid();
    if !opened.process.is_same() {
        return Failure::gone(pid);
    }
    let why = error.to_string();
    let by_copy = "take it by copying: --snapshot copy".to_owned();
    let (exit, cause, help) = match error {
        ControlError::Pause(error) => return failure_to_stop(pid, error.clone()),
        ControlError::StopTooLong { foreseen, .. } => (
            Exit::Forbidden,
            "stop_too_long",
            format!(
                "allow it with --max-stop {}",
                enough(foreseen.as_millis() as u64)
            ),
        ),
        ControlError::NoRoom(_) => (Exit::Forbidden, "no_room", by_copy),
        ControlError::Filtered { .. } | ControlError::FilterUnreadable { .. } => {
            (Exit::Forbidden, "seccomp", by_copy)
        }
        ControlError::Unsettled { .. } => (Exit::Withdrawn, "collecting", "try again".to_owned()),
        _ => (Exit::Forbidden, "not_cloned", by_copy),
    };
    Failure {
        cause: Some(cause),
        ..Failure::new(exit, format!("no snapshot of {pid} was taken"), help)
    }
    .because(why)
    .of(pid)
}

/// A limit that leaves some room above what is foreseen, in milliseconds.
fn enough(foreseen: u64) -> u64 {
    foreseen + foreseen / 2 + 10
}

fn failure(opened: &Opened, limits: StopLimits, error: TakeError) -> Failure {
    let pid = opened.process.pid();
    let why = error.to_string();
    match error {
        TakeError::Pause(error) => failure_to_stop(pid, error),
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
            format!(
                "allow it with --max-stop {}, or use --snapshot fork",
                enough(foreseen)
            ),
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
