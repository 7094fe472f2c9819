//! Proves from memory what is left after an unload.
//!
//! The room for a copy is made; all threads are stopped; the process is copied; all threads go on.
//! Everything else happens afterwards, on the copy. A stop can fall into the middle of a change of
//! the lists or of a collection: then it is done over, a few times.

use crate::change::answer::Done;
use crate::change::behind::{Behind, behind};
use crate::change::look::{Memory, with_copy};
use crate::change::outcome::is_owned;
use crate::change::prove::Tell;
use crate::change::target::Target;
use crate::heap::remains::{Current, Remains, Sought, find_remains};
use crate::heap::walk::{Walk, WalkError, walk};
use crate::modules::inventory::inventory_of_still;
use crate::modules::picture::PictureError;
use crate::plan::cut::Cut;
use crate::plan::key::Key;
use crate::pyobject::error::ObjectError;
use crate::pyobject::text::Text;
use crate::target::copy::CopyError;
use crate::target::memory::ReadError;
use crate::target::pause::{PauseError, StopLimits};
use crate::target::still::StillError;
use crate::target::watchdog::WatchdogError;
use std::collections::HashSet;
use std::time::Duration;

/// More objects than this are not walked: about 800 MB of addresses.
const OBJECTS: usize = 100_000_000;

/// What the whole heap said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// How many objects were walked.
    pub objects: usize,
    /// What is left of the modules; `of` counts those of [`sought`].
    pub remains: Remains,
    /// Keys of the packages that are in `sys.modules` again, or came in between.
    pub present: Vec<Key>,
    /// Who keeps what is left; `None` when nothing is, or it could not be worked out.
    pub behind: Option<Behind>,
}

/// Why nothing is proven.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// There is more memory than can be copied in one stop.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// The stop would last too long.
    #[error(transparent)]
    Still(#[from] StillError),
    /// Everything together cannot be understood.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// It was not asked for: everything was put back.
    #[error("everything was put back")]
    RolledBack,
    /// The process could not be stopped.
    #[error(transparent)]
    Pause(#[from] PauseError),
    /// There is no watchdog.
    #[error(transparent)]
    Watchdog(#[from] WatchdogError),
    /// The lists of the collector cannot be walked.
    #[error(transparent)]
    Walk(#[from] WalkError),
    /// The module table cannot be read in the copy.
    #[error(transparent)]
    Table(#[from] ObjectError),
    /// Memory could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Lists broke off each time.
    #[error("the lists of the collector could not be followed to their end")]
    Torn,
    /// Objects could not be read each time.
    #[error("{count} objects could not be read ({example})")]
    UnreadableObjects {
        /// How many.
        count: usize,
        /// One of them, and why.
        example: String,
    },
}

impl Unproven {
    /// Whether another stop may succeed.
    pub(super) fn may_pass(&self) -> bool {
        if let Unproven::Picture(error) = self {
            return error.may_pass();
        }
        matches!(
            self,
            Unproven::Walk(WalkError::Collecting)
                | Unproven::Torn
                | Unproven::UnreadableObjects { .. }
                | Unproven::Table(_)
                | Unproven::Pause(PauseError::Late { .. })
                | Unproven::Still(StillError::Pause(PauseError::Late { .. }))
                | Unproven::Read(ReadError::Overdue { .. })
        )
    }
}

/// The modules whose end is to be proven, in the order of the cut.
pub fn sought(cut: &Cut) -> Vec<Sought> {
    let owned = cut.entries().filter(|entry| is_owned(cut, entry));
    owned
        .map(|entry| Sought {
            name: Text::from(&entry.key),
            own_name: entry.own_name.as_ref().map(Text::from),
            module: entry.value,
            dict: entry.dict,
        })
        .collect()
}

/// Stops the process, copies it, and looks for what is left. Returns the time it stood still, all
/// stops together, also when nothing is proven.
pub fn verify(
    target: Target<'_>,
    limits: StopLimits,
    cut: &Cut,
    done: &Done,
    tell: &Tell<'_>,
) -> (Result<Proof, Unproven>, Duration) {
    let mut stopped = Duration::ZERO;
    let result = with_copy(target, limits, &mut stopped, |copy| {
        examine(copy, target, cut, done, tell)
    });
    (result, stopped)
}

fn examine(
    copy: &Memory<'_>,
    target: Target<'_>,
    cut: &Cut,
    done: &Done,
    tell: &Tell<'_>,
) -> Result<Proof, Unproven> {
    let python = target.python;
    let walk: Walk = walk(copy, python, target.interpreter, OBJECTS)?;
    if !walk.walked.is_complete() {
        return Err(Unproven::Torn);
    }
    let (current, present) = read_current(copy, target, cut, done)?;
    let sought = sought(cut);
    let remains = find_remains(copy, &python.layout, &walk, &sought, &current)?;
    let unreadable = &remains.unreadable;
    if unreadable.count > 0 {
        return Err(Unproven::UnreadableObjects {
            count: unreadable.count,
            example: unreadable.example.clone().unwrap_or_default(),
        });
    }
    Ok(Proof {
        objects: walk.objects.len(),
        behind: behind(copy, target, sought.len(), &remains, tell),
        remains,
        present,
    })
}

/// What `sys.modules` gives in the copy. A module that may have been alive after the collection, and
/// that somebody has put back, is no newer copy: it still has its dict, which no module ever exchanges.
fn read_current(
    copy: &Memory<'_>,
    target: Target<'_>,
    cut: &Cut,
    done: &Done,
) -> Result<(Current, Vec<Key>), Unproven> {
    let inventory = inventory_of_still(copy, target.python, target.interpreter)?;
    let survivors: HashSet<_> = cut
        .entries()
        .enumerate()
        .filter(|(index, _)| done.alive.contains(index) || done.unwatched.contains(index))
        .filter(|(_, entry)| is_owned(cut, entry))
        .map(|(_, entry)| (entry.value, entry.dict))
        .collect();
    let planned: HashSet<&Key> = cut.entries().map(|entry| &entry.key).collect();
    let mut current = Current::default();
    let mut present = Vec::new();
    for row in &inventory.rows {
        let key = Key::new(&row.name);
        if survivors.contains(&(row.address, row.dict)) {
            present.push(key);
            continue;
        }
        current.modules.insert(row.address);
        current.dicts.extend(row.dict);
        current.names.insert(Text::from(&key), row.dict);
        let is_within = cut.names.iter().any(|name| key.is_within(name));
        if is_within || planned.contains(&key) {
            present.push(key);
        }
    }
    Ok((current, present))
}
