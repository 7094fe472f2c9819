//! All objects of a running process at one moment: one stop, one copy, everything else afterwards.

use crate::change::target::Target;
use crate::change::verify::Unproven;
use crate::heap::statics::{Area, find_areas};
use crate::modules::picture::{Picture, PictureError};
use crate::target::again::until_it_suits;
use crate::target::copy::Copy;
use crate::target::pause::StopLimits;
use crate::target::still;
use crate::target::watchdog::Watchdog;
use std::time::Duration;

/// The memory of a process, all of one moment.
pub type Memory<'p> = Copy<&'p (dyn crate::target::target::Target + Sync)>;

/// A picture of it.
pub type Seen<'p> = Picture<'p, Memory<'p>>;

/// Sure references that lead nowhere, as a share of all objects, from which on the copy is taken
/// for one that was caught in a change.
const ASTRAY: usize = 200;

/// Stops the process, copies it, lets it go on, and gives the copy to `look`; again, when `look` finds that the
/// moment did not suit. `stopped` grows by the time it stood still.
///
/// # Errors
/// [`Unproven`]: it runs on as before.
pub fn with_copy<T>(
    target: Target<'_>,
    limits: StopLimits,
    stopped: &mut Duration,
    mut look: impl FnMut(&Memory<'_>) -> Result<T, Unproven>,
) -> Result<T, Unproven> {
    let watchdog = Watchdog::start()?;
    until_it_suits(Unproven::may_pass, || {
        look(&still::copy(target.process, &watchdog, limits, stopped)?)
    })
}

/// The same with a picture of what is in the copy.
///
/// # Errors
/// As [`with_copy`].
pub fn with_picture<T>(
    target: Target<'_>,
    limits: StopLimits,
    stopped: &mut Duration,
    mut look: impl FnMut(&Seen<'_>) -> T,
) -> Result<T, Unproven> {
    with_copy(target, limits, stopped, |copy| {
        let picture = Picture::take(copy, target.python, areas(target, copy))?;
        match is_torn(&picture) {
            true => Err(PictureError::Torn.into()),
            false => Ok(look(&picture)),
        }
    })
}

/// What C code has of the target's memory.
pub(super) fn areas(target: Target<'_>, copy: &Memory<'_>) -> Vec<Area> {
    let maps = target.process.maps();
    maps.map_or_else(
        |_| Vec::new(),
        |maps| find_areas(target.process, &maps, copy.stacks()),
    )
}

fn is_torn(picture: &Seen<'_>) -> bool {
    let audit = picture.graph.audit();
    audit.astray > audit.objects / ASTRAY
}
