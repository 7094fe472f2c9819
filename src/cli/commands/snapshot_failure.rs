//! Why there is no snapshot, and what would help.

use super::paused;
use crate::cli::exit::{Exit, Failure};
use crate::control::error::ControlError;
use crate::elf::core_writer::WriteError;
use crate::target::copy::CopyError;
use crate::target::pause::{PauseError, StopLimits};
use crate::target::process::Process;
use crate::target::taken::{BYTES_PER_MS, TakeError};

/// Why it was not stopped; there is no way to take a snapshot without.
pub(super) fn failure_to_stop(pid: i32, error: PauseError) -> Failure {
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

/// Why there is no clone.
pub(super) fn fork_failure(process: &Process, error: &ControlError) -> Failure {
    let pid = process.pid();
    if !process.is_same() {
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

/// Why there is no copy.
pub(super) fn copy_failure(process: &Process, limits: StopLimits, error: TakeError) -> Failure {
    let pid = process.pid();
    let why = error.to_string();
    match error {
        TakeError::Pause(error) => failure_to_stop(pid, error),
        TakeError::Copy(CopyError::TooLarge { bytes, .. }) => too_large(pid, limits, bytes),
        TakeError::Copy(CopyError::Process(error)) => error.into(),
        TakeError::Read(_) | TakeError::Copy(CopyError::Read(_)) if process.is_same() => {
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
