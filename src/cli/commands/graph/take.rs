//! Taking the picture: one stop, one copy, everything else afterwards.

use super::super::open::Opened;
use super::super::paused;
use super::super::picture::{Limits, Looked};
use crate::cli::exit::{Exit, Failure};
use crate::heap::graph::GraphError;
use crate::heap::statics::{Area, find_areas};
use crate::heap::walk::WalkError;
use crate::modules::picture::{Picture, PictureError};
use crate::report::Consistency;
use crate::target::copy::{Copy, CopyError};
use crate::target::pause::StopLimits;
use crate::target::process::Process;
use crate::target::still::{self, StillError};
use crate::target::watchdog::Watchdog;
use std::thread;
use std::time::Duration;

/// A picture of a running process.
pub type Seen<'p> = Picture<'p, Copy<&'p Process>>;

/// Stops before it is given up: each may fall into a collection.
const ATTEMPTS: usize = 8;

/// Between two of them: longer than most collections.
const BETWEEN: Duration = Duration::from_millis(10);

/// Sure references that lead nowhere, as a share of all objects, from which on the copy is taken
/// for one that was caught in a change.
const ASTRAY: usize = 200;

/// Copies the process in one stop and gives what was seen to `look`.
///
/// # Errors
/// When it cannot be stopped, copied or understood; it runs on as before.
pub fn with_picture<T>(
    opened: &Opened,
    limits: Limits,
    look: impl FnOnce(&Seen<'_>) -> T,
) -> Result<Looked<T>, Failure> {
    let process = &opened.process;
    let pid = process.pid();
    let python = &opened.located.python;
    if python.build.free_threaded {
        return Err(free_threaded(pid));
    }
    let stop = StopLimits {
        max_stop: limits.max_stop,
        // Python 2 does not call again what a stop has interrupted (PEP 475 came with 3.5).
        refuse_epoll_wait: python.version.major < 3,
    };
    let watchdog = Watchdog::start().map_err(|error| paused::failure(pid, error.into()))?;
    let maps = process.maps()?;
    let areas = find_areas(process, &maps);
    let mut stopped = Duration::ZERO;
    for attempt in 1.. {
        let copy = still::copy(process, &watchdog, stop, &mut stopped)
            .map_err(|error| copy_failure(opened, error))?;
        match take(&copy, opened, areas.clone()) {
            Ok(picture) => {
                let warnings = warnings_of(&picture);
                return Ok(Looked {
                    body: look(&picture),
                    consistency: Consistency::Snapshot,
                    stopped,
                    warnings,
                });
            }
            Err(error) if error.may_pass() && attempt < ATTEMPTS => thread::sleep(BETWEEN),
            Err(error) => return Err(failure(opened, &error)),
        }
    }
    unreachable!("the last attempt returns")
}

fn take<'p>(
    copy: &'p Copy<&'p Process>,
    opened: &'p Opened,
    areas: Vec<Area>,
) -> Result<Seen<'p>, PictureError> {
    let picture = Picture::take(copy, &opened.located.python, areas)?;
    let audit = picture.graph.audit();
    if audit.astray > audit.objects / ASTRAY {
        return Err(PictureError::Torn);
    }
    Ok(picture)
}

fn warnings_of(picture: &Seen<'_>) -> Vec<String> {
    let tables = picture.tables.iter();
    let mut warnings: Vec<String> = tables.flat_map(|table| table.warnings.clone()).collect();
    if picture
        .collectors
        .iter()
        .any(|state| state.enabled == Some(false))
    {
        warnings.push("the collector of the target is switched off: garbage stays".to_owned());
    }
    let frozen: usize = picture.collectors.iter().map(|state| state.frozen).sum();
    if frozen > 0 {
        warnings.push(format!(
            "{frozen} objects are frozen: no collection frees them"
        ));
    }
    warnings
}

fn free_threaded(pid: i32) -> Failure {
    Failure {
        cause: Some("free_threaded"),
        ..Failure::new(
            Exit::NotUnderstood,
            "this is a free-threaded build, which keeps no list of its objects",
            "modules, doctor and ps work on it; who holds a module cannot be told yet",
        )
    }
    .of(pid)
}

fn failure(opened: &Opened, error: &PictureError) -> Failure {
    let pid = opened.process.pid();
    let why = error.to_string();
    let (exit, help) = match error {
        PictureError::Walk(WalkError::Collecting) => (
            Exit::Withdrawn,
            "it collects garbage all the time: try again later",
        ),
        PictureError::Torn | PictureError::Table(_) if opened.process.is_same() => (
            Exit::Changed,
            "it changed each time it was looked at: try again",
        ),
        PictureError::Graph(GraphError::TooMany { .. }) => {
            (Exit::NotUnderstood, "this is more than is looked through")
        }
        _ if !opened.process.is_same() => return Failure::gone(pid),
        _ => (
            Exit::NotUnderstood,
            "pyunload doctor tells what is understood of it",
        ),
    };
    Failure::new(exit, format!("the objects of {pid} cannot be told"), help)
        .because(why)
        .of(pid)
}

fn copy_failure(opened: &Opened, error: StillError) -> Failure {
    const MEBIBYTE: u64 = 1 << 20;
    let pid = opened.process.pid();
    match error {
        StillError::Pause(error) => paused::failure(pid, error),
        StillError::TooLong {
            bytes,
            foreseen,
            allowed,
        } => Failure {
            cause: Some("stop_too_long"),
            ..Failure::new(
                Exit::Forbidden,
                format!(
                    "a stop of {} ms is foreseen, and --max-stop allows {} ms",
                    foreseen.as_millis(),
                    allowed.as_millis()
                ),
                format!("allow it with --max-stop {}", foreseen.as_millis() * 2),
            )
        }
        .because(format!(
            "it has {} MiB of its own to copy",
            bytes.div_ceil(MEBIBYTE)
        ))
        .of(pid),
        StillError::Copy(CopyError::Process(error)) => error.into(),
        StillError::Copy(error) => Failure::new(
            Exit::Forbidden,
            format!("{pid} cannot be copied"),
            "take a core of it with other tools, and give that",
        )
        .because(error.to_string())
        .of(pid),
        StillError::Read(error) if opened.process.is_same() => Failure::from(error).of(pid),
        StillError::Read(_) => Failure::gone(pid),
    }
}
