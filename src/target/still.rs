//! A copy of a running process, taken in one stop.
//!
//! What the stop will cost is measured before: a part of the memory is copied while the process
//! runs, into the room that was made for it. When the whole would take longer than a stop may last,
//! the process is not stopped at all. One that a signal has stopped stands still already: it is only
//! read, and stays stopped.

use crate::target::copy::{Copy, CopyError, CopyPlan};
use crate::target::halted::Halted;
use crate::target::memory::ReadError;
use crate::target::pause::{PauseError, Paused, StopLimits};
use crate::target::process::Process;
use crate::target::target::Target;
use crate::target::threads::stack_pointers;
use crate::target::watchdog::Watchdog;
use std::time::{Duration, Instant};

/// More memory than this is never copied, in bytes.
const MOST: u64 = 64 << 30;

/// How much longer than foreseen a stop may be: another process may want the processor, too.
const MARGIN: u32 = 2;

/// How often it is measured at most. One that takes too long may have been measured while another
/// process had the processor.
const REHEARSALS: usize = 4;

/// Why there is no copy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StillError {
    /// The stop would last longer than it may.
    #[error(
        "copying {bytes} bytes would hold the process for about {} ms, more than the {} ms allowed",
        foreseen.as_millis(),
        allowed.as_millis()
    )]
    TooLong {
        /// Bytes that would have to be copied.
        bytes: u64,
        /// How long that would take.
        foreseen: Duration,
        /// How long a stop may last.
        allowed: Duration,
    },
    /// There is more memory than can be copied.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// The process could not be stopped.
    #[error(transparent)]
    Pause(#[from] PauseError),
    /// Memory could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Stops `process`, copies it, and lets it go on; one that is stopped by a signal is left so. `stopped` grows by how long it stood still, also
/// when there is no copy in the end.
///
/// # Errors
/// [`StillError::TooLong`] before it was stopped; the others leave it running, too.
pub fn copy<'p>(
    process: &'p Process,
    watchdog: &Watchdog,
    limits: StopLimits,
    stopped: &mut Duration,
) -> Result<Copy<&'p (dyn Target + Sync)>, StillError> {
    let mut plan = CopyPlan::of(process, MOST)?;
    if let Some(halted) = Halted::look(process) {
        plan.fill(process)?;
        if Halted::look(process) == Some(halted) {
            return Ok(plan.with_stacks(stack_pointers(process)).over(process));
        }
    }
    let foreseen = foresee(&mut plan, process, limits.max_stop)?;
    if foreseen > limits.max_stop {
        return Err(StillError::TooLong {
            bytes: plan.bytes(),
            foreseen,
            allowed: limits.max_stop,
        });
    }
    let paused = Paused::stop(process, watchdog, limits)?;
    let filled = plan.fill(&paused.memory());
    let stacks = stack_pointers(process);
    *stopped += paused.resume();
    filled?;
    Ok(plan.with_stacks(stacks).over(process))
}

/// How long filling `plan` and looking at the stacks takes, on the safe side: the shortest of several measurements, of which the
/// first that is within `allowed` is enough.
fn foresee(
    plan: &mut CopyPlan,
    process: &Process,
    allowed: Duration,
) -> Result<Duration, ReadError> {
    let mut shortest = Duration::MAX;
    for _ in 0..REHEARSALS {
        let began = Instant::now();
        // Of some thousand threads this takes longer than the copying.
        let _ = stack_pointers(process);
        let looking = began.elapsed();
        shortest = shortest.min((plan.rehearse(process)? + looking) * MARGIN);
        if shortest <= allowed {
            break;
        }
    }
    Ok(shortest)
}
