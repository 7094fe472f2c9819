//! Clearing away what a run of the tool left that was killed, before anything new is queued.
//!
//! Every mapping of ours carries a header that says whose it is. A run that still lives is left
//! alone. What has ended, or was never queued, is unmapped; what still waits in the queue is taken
//! out of it. One that can only be told to do nothing stays, and is no obstacle: a main thread that
//! waits may not come to it for hours. While one runs, nothing new is queued on top of it. Doing all
//! this twice changes nothing.

use crate::control::consent::Consent;
use crate::control::control::{Control, Onward};
use crate::control::error::ControlError;
use crate::control::libc::Libc;
use crate::control::scratch::{Header, Leftover, Scratch};
use crate::cpython::python::Python;
use crate::inject::error::Refusal;
use crate::inject::parked_thread::{self, Left};
use crate::inject::pending_call::route_for;
use crate::inject::ring::Ring;
use crate::inject::withdraw::{Withdrawal, is_in_use, is_unmapped, read_snapshot, withdraw};
use crate::target::pause::StopLimits;
use crate::target::process::Process;
use crate::target::watchdog::Watchdog;
use std::time::Duration;

/// Between the two looks at a request that is neither queued nor begun.
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// What was found and cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Leftovers {
    /// Mappings of earlier runs that were given back.
    pub given_back: u32,
    /// Requests of earlier runs that were taken out of the queue and will not run.
    pub taken_back: u32,
    /// Requests of earlier runs that stay in the queue and will do nothing.
    pub staying: u32,
    /// How long the target stood still for it, in microseconds.
    pub stopped_us: u64,
}

/// Clears what earlier runs left. Stops the target only when there is something.
///
/// # Errors
/// [`Refusal::OtherRun`], [`Refusal::EarlierRequest`], or the reason why the target could not be
/// stopped or changed.
pub fn reclaim(
    process: &Process,
    python: &Python,
    max_stop: Duration,
    consent: Consent,
) -> Result<Leftovers, Refusal> {
    let maps = process.maps().map_err(ControlError::Process)?;
    let leftovers = Leftover::find_all(process, &maps).map_err(ControlError::Read)?;
    if leftovers.is_empty() {
        return Ok(Leftovers::default());
    }
    let watchdog = Watchdog::start()?;
    let libc = Libc::find(process, &maps)?;
    let broom = Broom {
        process,
        ring: route_for(python).ok().and_then(|(_, ring)| ring),
        libc: &libc,
        watchdog: &watchdog,
        limits: python.stop_limits(max_stop),
        consent,
    };
    broom.clear(&leftovers)
}

/// What clearing needs.
#[derive(Debug)]
pub(super) struct Broom<'b> {
    pub(super) process: &'b Process,
    pub(super) ring: Option<Ring>,
    pub(super) libc: &'b Libc,
    pub(super) watchdog: &'b Watchdog,
    pub(super) limits: StopLimits,
    pub(super) consent: Consent,
}

impl<'b> Broom<'b> {
    /// Clears every one of these mappings.
    pub(super) fn clear(&self, leftovers: &[Leftover]) -> Result<Leftovers, Refusal> {
        let mut cleared = Leftovers::default();
        for leftover in leftovers {
            match leftover {
                Leftover::Marked(header) => {
                    if let Some(pid) = living_owner(header) {
                        return Err(Refusal::OtherRun { pid });
                    }
                    if header.owner.mechanism == parked_thread::MECHANISM {
                        self.clear_parked(header.scratch(), &mut cleared)?;
                    } else {
                        self.clear_one(header.scratch(), &mut cleared)?;
                    }
                }
                Leftover::Bare(scratch) => self.clear_bare(*scratch, &mut cleared)?,
            }
        }
        Ok(cleared)
    }

    /// Nobody has an address in it: it was mapped, and its run killed, before it was written to.
    fn clear_bare(&self, scratch: Scratch, cleared: &mut Leftovers) -> Result<(), Refusal> {
        let control = self.seize()?;
        let outcome = scratch.give_back(&control, self.libc);
        cleared.stopped_us += control.resume().as_micros() as u64;
        outcome?;
        cleared.given_back += 1;
        Ok(())
    }

    /// What a parked main thread was made to run.
    fn clear_parked(&self, scratch: Scratch, cleared: &mut Leftovers) -> Result<(), Refusal> {
        let limits = self.limits.of_main();
        let control = Control::seize(self.process, self.watchdog, limits, self.consent)?;
        let outcome = parked_thread::give_back(&control, self.libc, scratch);
        cleared.stopped_us += control.resume().as_micros() as u64;
        match outcome? {
            Left::Nothing => cleared.given_back += 1,
            Left::Busy => return Err(Refusal::EarlierRequest),
        }
        Ok(())
    }

    fn seize(&self) -> Result<Control<'b>, ControlError> {
        Control::seize(self.process, self.watchdog, self.limits, self.consent)
    }

    fn clear_one(&self, scratch: Scratch, cleared: &mut Leftovers) -> Result<(), Refusal> {
        let control = self.seize()?;
        // First: when the time of the stop is over, the main thread runs already.
        let before = control.main_registers()?.rip;
        let outcome = self.clear_stopped(&control, scratch, cleared);
        cleared.stopped_us += control.resume().as_micros() as u64;
        if outcome? {
            return Ok(());
        }
        // Not in the queue and not begun: never queued, or taken from the queue at that very
        // instant and about to be called. The second passes as soon as the main thread moves, and
        // it is over when the main thread waits for something: between the two nothing waits.
        std::thread::sleep(BETWEEN_LOOKS);
        let control = self.seize()?;
        let waits = control.onward_registers(Onward::Woken).is_ok();
        let passed = waits || control.main_registers()?.rip != before;
        let outcome = self.clear_unqueued(&control, scratch, passed, cleared);
        cleared.stopped_us += control.resume().as_micros() as u64;
        outcome
    }

    /// Clears what can be cleared at the first look; `Ok(false)` asks for a second one.
    fn clear_stopped(
        &self,
        control: &Control<'_>,
        scratch: Scratch,
        cleared: &mut Leftovers,
    ) -> Result<bool, Refusal> {
        if !read_snapshot(control, scratch)?.committed && !is_in_use(control, scratch)? {
            scratch.give_back(control, self.libc)?;
            cleared.given_back += 1;
            return Ok(true);
        }
        match withdraw(control, self.libc, self.ring.as_ref(), scratch)? {
            Withdrawal::TakenBack => {
                cleared.taken_back += 1;
                cleared.given_back += 1;
                Ok(true)
            }
            Withdrawal::Ended => {
                scratch.give_back_data(control, self.libc)?;
                cleared.given_back += 1;
                Ok(true)
            }
            Withdrawal::Unqueued => Ok(false),
            Withdrawal::Busy => Err(Refusal::LockHeld),
            Withdrawal::Cancelled if is_only_queued(control, scratch)? => {
                cleared.staying += 1;
                Ok(true)
            }
            Withdrawal::Cancelled | Withdrawal::Running => Err(Refusal::EarlierRequest),
        }
    }

    fn clear_unqueued(
        &self,
        control: &Control<'_>,
        scratch: Scratch,
        passed: bool,
        cleared: &mut Leftovers,
    ) -> Result<(), Refusal> {
        match withdraw(control, self.libc, self.ring.as_ref(), scratch)? {
            Withdrawal::Ended => scratch.give_back_data(control, self.libc)?,
            Withdrawal::Unqueued if passed && !is_in_use(control, scratch)? => {
                scratch.give_back(control, self.libc)?;
            }
            _ => return Err(Refusal::EarlierRequest),
        }
        cleared.given_back += 1;
        Ok(())
    }
}

/// Whether nobody is about to queue a request, or just comes from doing so.
fn is_only_queued(control: &Control<'_>, scratch: Scratch) -> Result<bool, ControlError> {
    let is_in_trampoline = read_snapshot(control, scratch)?.is_in_trampoline();
    Ok(!is_in_trampoline && !is_in_use(control, scratch)?)
}

/// The run a mapping belongs to, if it lives and is not this one.
fn living_owner(header: &Header) -> Option<i32> {
    let owner = header.owner;
    let lives =
        Process::open(owner.pid).is_ok_and(|process| process.start_ticks() == owner.start_ticks);
    let ours = owner.pid == std::process::id() as i32;
    (lives && !ours).then_some(owner.pid)
}

/// Whether a mapping is gone already, so that there is nothing to clear.
pub(super) fn is_gone(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::Control(error) if is_unmapped(error))
}
