//! All objects of a running process at one moment: one stop, one copy, everything else afterwards.

use crate::change::target::Target;
use crate::change::verify::Unproven;
use crate::heap::statics::find_areas;
use crate::modules::picture::{Picture, PictureError};
use crate::target::copy::Copy;
use crate::target::pause::StopLimits;
use crate::target::still;
use crate::target::watchdog::Watchdog;
use std::thread;
use std::time::Duration;

/// The memory of a process, all of one moment.
pub type Memory<'p> = Copy<&'p (dyn crate::target::target::Target + Sync)>;

/// A picture of it.
pub type Seen<'p> = Picture<'p, Memory<'p>>;

/// Stops before it is given up: each may fall into a collection.
const ATTEMPTS: usize = 8;

/// Between two of them: longer than most collections.
const BETWEEN: Duration = Duration::from_millis(15);

/// Sure references that lead nowhere, as a share of all objects, from which on the copy is taken
/// for one that was caught in a change.
const ASTRAY: usize = 200;

/// Stops the process, copies it, lets it go on, and gives what is in the copy to `look`. `stopped`
/// grows by the time it stood still.
///
/// # Errors
/// [`Unproven`]: it runs on as before.
pub fn with_picture<T>(
    target: Target<'_>,
    limits: StopLimits,
    stopped: &mut Duration,
    look: impl FnOnce(&Seen<'_>) -> T,
) -> Result<T, Unproven> {
    let watchdog = Watchdog::start()?;
    let maps = target.process.maps();
    let areas = maps.map_or_else(|_| Vec::new(), |maps| find_areas(target.process, &maps));
    let mut attempt = 1;
    loop {
        let copy = still::copy(target.process, &watchdog, limits, stopped);
        let error = match copy {
            Ok(copy) => match Picture::take(&copy, target.python, areas.clone()) {
                Ok(picture) if !is_torn(&picture) => return Ok(look(&picture)),
                Ok(_) => PictureError::Torn.into(),
                Err(error) => Unproven::from(error),
            },
            Err(error) => error.into(),
        };
        if !error.may_pass() || attempt == ATTEMPTS {
            return Err(error);
        }
        thread::sleep(BETWEEN);
        attempt += 1;
    }
}

fn is_torn(picture: &Seen<'_>) -> bool {
    let audit = picture.graph.audit();
    audit.astray > audit.objects / ASTRAY
}
