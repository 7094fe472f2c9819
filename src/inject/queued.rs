//! A request that is armed: waiting for its end, taking it back, giving back what it needed.
//!
//! Nothing here decides which way is taken. When the main thread begins to wait where the queue does
//! not reach it, the request is taken back and begun anew by another way.

use crate::control::control::{Control, Onward};
use crate::control::error::ControlError;
use crate::control::scratch::Scratch;
use crate::inject::error::{InjectError, Refusal};
use crate::inject::event_loop::Waker;
use crate::inject::page::{Snapshot, State};
use crate::inject::parked_thread::{self, Left};
use crate::inject::pending_call::Armed;
use crate::inject::request::{Ran, Route, Wake};
use crate::inject::result::{look, read_result};
use crate::inject::route::{Way, choose};
use crate::inject::run::{MOST_CANCELLED, Run};
use crate::inject::safe_point::Seen;
use crate::inject::withdraw::{Withdrawal, is_in_use, withdraw};
use crate::target::memory::ReadError;
use crate::target::pause::PauseError;
use std::time::{Duration, Instant};

/// How long a queued request waits before its thread is looked at again.
const BEFORE_WAKING: Duration = Duration::from_millis(50);

/// Wait before the first look at a result: a look costs little.
pub(super) const FIRST_NAP: Duration = Duration::from_micros(100);

/// The wait before the next look.
pub(super) fn longer(nap: Duration) -> Duration {
    const LONGEST: Duration = Duration::from_millis(2);
    (nap * 5 / 4).min(LONGEST)
}

/// How waiting for a queued request ended.
enum Waited {
    /// It ran to its end.
    Ended(Snapshot),
    /// The main thread has begun to wait, and will not come to the queue: what it was seen to do.
    Parked(Seen),
}

impl Run<'_> {
    /// Waits for the end of the request, takes it back when that does not come, and clears away.
    /// `None` when it was taken back to be begun anew.
    pub(super) fn finish(&mut self, armed: Armed) -> Result<Option<Ran>, InjectError> {
        let began = Instant::now();
        let snapshot = loop {
            match self.wait_for_end(&armed, began)? {
                Waited::Ended(snapshot) => break snapshot,
                Waited::Parked(seen) if self.take_from_queue(&armed)? => {
                    self.seen = Some(seen);
                    return Ok(None);
                }
                Waited::Parked(_) => {}
            }
        };
        let latency = began.elapsed();
        let result = read_result(self.process, &armed, &snapshot, self.prepared.max_result);
        self.give_back(armed.scratch, armed.parked);
        let (status, value) = result?;
        Ok(Some(Ran {
            status,
            value,
            route: if armed.parked {
                Route::ParkedThread
            } else {
                self.prepared.route
            },
            wake: self.wake,
            latency_us: latency.as_micros() as u64,
            stopped_us: self.stopped.as_micros() as u64,
            gil_held_us: snapshot.ran_us,
        }))
    }

    fn wait_for_end(&mut self, armed: &Armed, began: Instant) -> Result<Waited, InjectError> {
        let _stay = self.keep_off_main_thread();
        let mut nap = FIRST_NAP;
        let mut next_wake = began + BEFORE_WAKING;
        loop {
            let snapshot = look(self.process, armed.scratch).map_err(|error| self.lost(&error))?;
            // A thread that runs it itself must also have found its way back.
            if snapshot.state.has_ended() && (!armed.parked || snapshot.phase == 2) {
                return Ok(Waited::Ended(snapshot));
            }
            if snapshot.phase == 2 && snapshot.queued != 0 {
                if armed.parked {
                    self.give_back(armed.scratch, armed.parked);
                    return Err(Refusal::GilHeld.into());
                }
                return Err(self.not_queued(armed));
            }
            let signal = self.interruption.wait(nap);
            if signal.is_some() || self.is_late() {
                return self.take_back(armed, began, signal).map(Waited::Ended);
            }
            nap = longer(nap);
            if snapshot.state == State::Armed && !armed.parked && Instant::now() >= next_wake {
                self.wake_from_lock();
                if let Some(seen) = self.parked_since() {
                    return Ok(Waited::Parked(seen));
                }
                next_wake = Instant::now() + 4 * BEFORE_WAKING;
            }
        }
    }

    /// A main thread that was moving when the request was queued may have begun to wait for a lock
    /// since. If it may not be woken, it is waited for as before.
    fn wake_from_lock(&mut self) {
        if !self.means.wakes_locks || !self.main_thread.watch().is_lock_wait() {
            return;
        }
        let prepared = self.prepared;
        self.wake_if(|control| prepared.check_lock_wait(control));
    }

    /// Has the event loop that the main thread waits in run once. Nothing needs to stand still for that: should the
    /// loop wait no more, it ignores the byte.
    fn wake_loop(&mut self) -> bool {
        let waker = Waker::find(self.process, self.prepared.python, self.consent);
        let is_woken = waker.is_some_and(|waker| waker.wake());
        if is_woken {
            self.wake = Wake::SelfPipe;
        }
        is_woken
    }

    /// Has the wait of the main thread end with EINTR, if a stop proves that it bears that.
    pub(super) fn wake_if(&mut self, bears: impl Fn(&Control<'_>) -> Result<(), Refusal>) {
        let Ok(control) = self.seize() else { return };
        let began = Instant::now();
        if bears(&control).is_ok() {
            if control.wake_main().is_ok() {
                self.wake = Wake::Eintr;
            }
        } else {
            control.resume();
        }
        self.stopped += began.elapsed();
    }

    /// What the main thread does, if it was moving when the request was queued and has begun to wait
    /// where another way reaches it. One that waits in its event loop is woken.
    fn parked_since(&mut self) -> Option<Seen> {
        let seen = self.main_thread.watch();
        // What is queued already is reached so whatever way it came into the queue (3.7 on).
        let is_woken = matches!(seen, Seen::Parked { .. }) && self.wake_loop();
        if is_woken || self.cancelled.len() >= MOST_CANCELLED {
            return None;
        }
        let is_reached = match choose(&self.means, &seen) {
            Some(Way::WhileWaiting | Way::Loop) => {
                self.prepared.parked.as_ref().is_some_and(|call| {
                    let seen = call.look(self.process, &self.prepared.libc);
                    seen.is_ok()
                })
            }
            Some(Way::Interface(_, Onward::Woken)) => true,
            _ => false,
        };
        is_reached.then_some(seen)
    }

    /// Takes the request out of the queue, to be begun in another way; `false` when it began. One
    /// that can only be told to do nothing stays there.
    fn take_from_queue(&mut self, armed: &Armed) -> Result<bool, InjectError> {
        match self.try_to_take_back(armed) {
            Ok(Withdrawal::TakenBack) => Ok(true),
            Ok(Withdrawal::Cancelled | Withdrawal::Unqueued) => {
                self.cancelled.push(armed.scratch);
                Ok(true)
            }
            Ok(Withdrawal::Ended | Withdrawal::Running | Withdrawal::Busy) => Ok(false),
            Err(ControlError::Pause(PauseError::Gone { .. })) => Err(InjectError::Gone),
            Err(error) => Err(InjectError::NotWithdrawn(error)),
        }
    }

    /// Gives back what requests have left that were told to do nothing and did so. Others are left
    /// to a later run.
    pub(super) fn give_back_cancelled(&mut self) {
        for scratch in std::mem::take(&mut self.cancelled) {
            let ended = look(self.process, scratch).is_ok_and(|seen| seen.state.has_ended());
            if ended {
                self.give_back(scratch, false);
            }
        }
    }

    fn lost(&self, error: &ReadError) -> InjectError {
        match error {
            _ if !self.process.is_same() => InjectError::Gone,
            ReadError::Gone { .. } => InjectError::Gone,
            error => InjectError::NotWithdrawn(ControlError::Read(error.clone())),
        }
    }

    /// `Py_AddPendingCall` refused: the queue is full (to 3.7 also: its lock was held).
    fn not_queued(&mut self, armed: &Armed) -> InjectError {
        for _ in 0..100 {
            let Ok(control) = self.seize() else { break };
            if is_in_use(&control, armed.scratch) == Ok(false) {
                // A page that cannot be given back is found by a later run.
                let _ = armed.scratch.give_back(&control, &self.prepared.libc);
                break;
            }
            self.stopped += control.resume();
            std::thread::sleep(Duration::from_millis(1));
        }
        Refusal::QueueFull.into()
    }

    /// Time is over, or the tool is told to end: takes the request back, or sees that it began.
    fn take_back(
        &mut self,
        armed: &Armed,
        began: Instant,
        signal: Option<i32>,
    ) -> Result<Snapshot, InjectError> {
        let patience = Instant::now() + Duration::from_secs(1);
        loop {
            let waited = began.elapsed();
            match self.try_to_take_back(armed) {
                Ok(Withdrawal::TakenBack | Withdrawal::Cancelled | Withdrawal::Unqueued) => {
                    return Err(signal.map_or(InjectError::Withdrawn { waited }, |signal| {
                        InjectError::Interrupted { signal }
                    }));
                }
                Ok(Withdrawal::Ended) => {
                    let snapshot =
                        look(self.process, armed.scratch).map_err(|error| self.lost(&error))?;
                    if snapshot.state == State::Cancelled {
                        return Err(InjectError::Withdrawn { waited });
                    }
                    return Ok(snapshot);
                }
                Ok(Withdrawal::Running) => return Err(InjectError::Unfinished { waited }),
                Ok(Withdrawal::Busy) | Err(_) if Instant::now() < patience => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Ok(Withdrawal::Busy) => return Err(InjectError::Unfinished { waited }),
                Err(ControlError::Pause(PauseError::Gone { .. })) => return Err(InjectError::Gone),
                Err(error) => return Err(InjectError::NotWithdrawn(error)),
            }
        }
    }

    fn try_to_take_back(&mut self, armed: &Armed) -> Result<Withdrawal, ControlError> {
        let control = self.seize_for(armed.parked)?;
        // What a parked thread runs was never in the queue.
        let ring = self.prepared.ring.as_ref().filter(|_| !armed.parked);
        let outcome = withdraw(&control, &self.prepared.libc, ring, armed.scratch);
        self.stopped += control.resume();
        outcome
    }

    /// Unmaps what the thunk has left. What cannot be given back now is found by a later run. `parked`: the
    /// main thread ran it without the queue, and other threads need not stand still for it.
    fn give_back(&mut self, scratch: Scratch, parked: bool) {
        let mut stops_left = 3;
        for _ in 0..20 {
            let Ok(control) = self.seize_for(parked) else {
                // A machine that is starved now may not be so in a moment.
                stops_left -= 1;
                match stops_left == 0 || self.process.has_ended() {
                    true => return,
                    false => continue,
                }
            };
            let libc = &self.prepared.libc;
            let given = if parked {
                parked_thread::give_back(&control, libc, scratch)
            } else {
                let given = scratch.give_back_data(&control, libc);
                given.map(|()| Left::Nothing)
            };
            self.stopped += control.resume();
            if given == Ok(Left::Nothing) {
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}
