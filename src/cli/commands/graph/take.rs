//! Taking the picture: one stop, one copy, everything else afterwards.

use super::super::moment::{AnyCopy, Moment};
use super::super::open::Opened;
use super::super::picture::{Limits, Looked};
use crate::cli::exit::{Exit, Failure};
use crate::heap::graph::GraphError;
use crate::heap::statics::{Area, find_areas};
use crate::heap::walk::WalkError;
use crate::modules::picture::{Picture, PictureError};
use std::thread;
use std::time::Duration;

/// A picture of a process, at one moment.
pub type Seen<'p> = Picture<'p, AnyCopy<'p>>;

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
pub fn with_picture<M: Moment, T>(
    opened: &Opened<M>,
    limits: Limits,
    look: impl FnOnce(&Seen<'_>) -> T,
) -> Result<Looked<T>, Failure> {
    let process = &opened.process;
    if opened.located.python.build.free_threaded {
        return Err(free_threaded(process.pid()));
    }
    let maps = process.maps()?;
    let areas = find_areas(process, &maps);
    let mut stopped = Duration::ZERO;
    for attempt in 1.. {
        let copy = M::moment(opened, limits, &mut stopped)?;
        match take(&copy, opened, areas.clone()) {
            Ok(picture) => {
                let warnings = warnings_of(&picture);
                return Ok(Looked {
                    body: look(&picture),
                    consistency: M::CONSISTENCY,
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

fn take<'p, M>(
    copy: &'p AnyCopy<'p>,
    opened: &'p Opened<M>,
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

fn failure<M: Moment>(opened: &Opened<M>, error: &PictureError) -> Failure {
    let pid = opened.process.pid();
    let why = error.to_string();
    let (exit, help) = match error {
        PictureError::Walk(WalkError::Collecting) => (
            Exit::Withdrawn,
            "it collects garbage all the time: try again later",
        ),
        PictureError::Torn | PictureError::Table(_) if opened.process.is_unchanged() => (
            Exit::Changed,
            "it changed each time it was looked at: try again",
        ),
        PictureError::Graph(GraphError::TooMany { .. }) => {
            (Exit::NotUnderstood, "this is more than is looked through")
        }
        _ if !opened.process.is_unchanged() => return Failure::gone(pid),
        _ => (
            Exit::NotUnderstood,
            "pyunload doctor tells what is understood of it",
        ),
    };
    Failure::new(exit, format!("the objects of {pid} cannot be told"), help)
        .because(why)
        .of(pid)
}
