//! The record that an unload keeps in its target until it has ended: whether one is there, and putting
//! back what it has.

use crate::address::Address;
use crate::change::answer::{Restored, parse_restored};
use crate::change::error::UnloadError;
use crate::change::source::{self, RECORD_NAME};
use crate::change::target::Target;
use crate::cpython::layout::Layout;
use crate::inject::{InjectError, Ran, Status};
use crate::pyobject::dict;
use crate::target::memory::ReadMemory;
use std::time::Duration;

/// The namespace that has it, when it is there: it is the one of `_frozen_importlib`.
pub const HOME: &str = "_frozen_importlib";

/// The record in a namespace.
pub fn find_in(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    home: Address,
) -> Option<Address> {
    dict::find(memory, layout, home, RECORD_NAME).ok().flatten()
}

/// Whether an unload was cut short in this target, or is under way.
pub fn is_there(target: Target<'_>) -> bool {
    let (memory, layout) = (target.process, &target.python.layout);
    let inventory = crate::modules::inventory::inventory(memory, target.python, target.interpreter);
    let Ok(inventory) = inventory else {
        return false;
    };
    let mut rows = inventory.rows.iter();
    let home = rows.find(|row| row.name == HOME).and_then(|row| row.dict);
    home.is_some_and(|home| find_in(memory, layout, home).is_some())
}

/// Puts back what the record of run `number` has; of any run, when it is 0.
///
/// # Errors
/// [`UnloadError::Inject`], [`UnloadError::NotRestored`] and [`UnloadError::BadAnswer`].
pub fn put_back(
    number: u64,
    limit: Duration,
    run: &mut dyn FnMut(&str, Duration) -> Result<Ran, InjectError>,
) -> Result<(Restored, Ran), UnloadError> {
    let ran = run(&source::restore(number), limit)?;
    if ran.status == Status::Raised {
        let exception = String::from_utf8_lossy(&ran.value).into_owned();
        return Err(UnloadError::NotRestored { exception });
    }
    match parse_restored(&ran.value).ok_or(UnloadError::BadAnswer)? {
        Restored::Failed(exception) => Err(UnloadError::NotRestored { exception }),
        restored => Ok((restored, ran)),
    }
}
