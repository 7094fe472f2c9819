//! The whole of a process as it was at one moment: its memory, its mappings, its threads.
//!
//! What to copy is looked up while the process runs, and the room for it is made. Then everything is
//! stopped and copied, and what has come since (pages, mappings) is looked up and copied too, so
//! that nothing is missing. When all is on its way again, the copy can be written or read at leisure.

use crate::address::{Address, AddressRange};
use crate::target::copy::{Copy, CopyError, CopyPlan};
use crate::target::core_file::CoreThread;
use crate::target::dump::{Kept, Segment};
use crate::target::memory::{ReadError, ReadMemory};
use crate::target::pagemap::without;
use crate::target::pause::{PauseError, Paused, StopLimits};
use crate::target::process::Process;
use crate::target::view::ViewMemory;
use crate::target::watchdog::Watchdog;
use nix::errno::Errno;
use std::thread;
use std::time::Duration;

/// Bytes a copy moves in a millisecond, on a slow machine. A stop that would take longer than
/// allowed at this rate is not begun.
pub const BYTES_PER_MS: u64 = 1_000_000;

/// Between two looks whether the process has come to a moment that suits.
const BETWEEN: Duration = Duration::from_millis(3);

/// Why the process was not taken. It runs on as before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TakeError {
    /// It could not be stopped.
    #[error(transparent)]
    Pause(#[from] PauseError),
    /// There is too much to copy, or it could not be looked at.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// Its memory could not be read in time.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The registers of a thread could not be read.
    #[error("the registers of its threads cannot be read: {0}")]
    Registers(Errno),
    /// The moment did not come.
    #[error("it was never at rest in {} looks", .looks)]
    Unsettled {
        /// How often it was stopped and let go.
        looks: u32,
    },
}

/// A process at one moment.
#[derive(Debug)]
pub struct Taken<M> {
    /// Its mappings.
    pub segments: Vec<Segment>,
    /// Its threads.
    pub threads: Vec<CoreThread>,
    /// Its pages: those that were expected, and those that had come.
    pub copies: Vec<Copy<M>>,
    /// How long it stood still for that.
    pub stopped: Duration,
}

/// Stops a process and copies it, when `suits` says that the moment is right; it is asked under the
/// stop, and the process let go again when it is not.
///
/// # Errors
/// [`TakeError`]; [`CopyError::TooLarge`] before anything is stopped.
pub fn take<'p>(
    process: &'p Process,
    watchdog: &Watchdog,
    limits: StopLimits,
    suits: impl Fn(&Paused<'_>) -> Result<bool, ReadError>,
) -> Result<Taken<&'p Process>, TakeError> {
    const LOOKS: u32 = 100;
    let limit = limits.max_stop.as_millis() as u64 * BYTES_PER_MS;
    let mut stopped = Duration::ZERO;
    for _ in 0..LOOKS {
        let expected = Kept::of(process)?;
        let mut plan = CopyPlan::of_pages(expected.pages.clone(), limit)?;
        let paused = Paused::stop(process, watchdog, limits)?;
        let moment = take_now(&paused, &mut plan, &expected.pages, limit, &suits);
        stopped += paused.resume();
        let Some((kept, more, threads)) = moment? else {
            thread::sleep(BETWEEN);
            continue;
        };
        return Ok(Taken {
            segments: kept.segments,
            threads,
            copies: vec![plan.over(process), more.over(process)],
            stopped,
        });
    }
    Err(TakeError::Unsettled { looks: LOOKS })
}

impl<'p> Taken<&'p Process> {
    /// A process that stands still already, such as a clone, with the threads that it had; `below`
    /// is the process it was cloned from.
    ///
    /// # Errors
    /// [`CopyError`].
    pub fn of_still(
        still: &Process,
        threads: Vec<CoreThread>,
        below: &'p Process,
    ) -> Result<Self, CopyError> {
        let kept = Kept::of(still)?;
        let mut plan = CopyPlan::of_pages(kept.pages, u64::MAX)?;
        plan.fill(still)?;
        Ok(Taken {
            segments: kept.segments,
            threads,
            copies: vec![plan.over(below)],
            stopped: Duration::ZERO,
        })
    }
}

impl<M: ReadMemory> ReadMemory for Taken<M> {
    fn read_some_at(&self, at: Address, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let mut got = 0;
        while got < buffer.len() {
            let here = at.offset(got as u64);
            let before = got;
            for copy in &self.copies {
                if got == before {
                    got += copy.read_some_at(here, &mut buffer[got..])?;
                }
            }
            if got == before {
                break;
            }
        }
        Ok(got)
    }
}

impl<M: ReadMemory + Sync> ViewMemory for Taken<M> {
    fn view(&self, at: Address, length: usize) -> Option<&[u8]> {
        self.copies.iter().find_map(|copy| copy.view(at, length))
    }

    fn viewed(&self) -> Vec<AddressRange> {
        let mut ranges: Vec<AddressRange> = self.copies.iter().flat_map(Copy::viewed).collect();
        ranges.sort_by_key(|range| range.start);
        ranges
    }
}

type Moment = (Kept, CopyPlan, Vec<CoreThread>);

/// What is done under the stop; `None` when the moment does not suit.
fn take_now(
    paused: &Paused<'_>,
    plan: &mut CopyPlan,
    expected: &[AddressRange],
    limit: u64,
    suits: impl Fn(&Paused<'_>) -> Result<bool, ReadError>,
) -> Result<Option<Moment>, TakeError> {
    if !suits(paused)? {
        return Ok(None);
    }
    plan.fill(&paused.memory())?;
    let kept = Kept::of(paused.process())?;
    let left = limit.saturating_sub(plan.bytes());
    let mut more = CopyPlan::of_pages(without(&kept.pages, expected), left)?;
    more.fill(&paused.memory())?;
    let threads = paused.core_threads().map_err(TakeError::Registers)?;
    Ok(Some((kept, more, threads)))
}
