//! One run: prepare, wait for a main thread that moves, queue, wait, read the result, clear away.
//!
//! Everything slow (files, symbols, machine code, the watchdog) is done before the first stop.
//! There are two stops: one to queue the request, one to give the memory back. Whatever goes wrong
//! before the first ends leaves the target as it was; what goes wrong later says whether the code
//! has begun. SIGINT, SIGTERM and SIGHUP to the tool take a queued request back before it ends.

use crate::address::Address;
use crate::control::consent::Consent;
use crate::control::control::{Control, Onward};
use crate::control::error::ControlError;
use crate::control::libc::Libc;
use crate::control::scratch::{Leftover, Owner};
use crate::cpython::python::Python;
use crate::inject::error::{InjectError, Refusal};
use crate::inject::page::{Snapshot, State};
use crate::inject::parked_thread::{self, Left};
use crate::inject::pending_call::{Armed, Prepared, pid_inside, route_for};
use crate::inject::reclaim::{Broom, is_gone};
use crate::inject::remote_exec::{Remote, Slot};
use crate::inject::remote_script::Script;
use crate::inject::request::{Ran, Request, Route};
use crate::inject::result::{look, read_result};
use crate::inject::route::refuse_switched_off;
use crate::inject::safe_point::{Seen, look_twice, may_wake, refuse_finalizing};
use crate::inject::withdraw::{Withdrawal, is_in_use, withdraw};
use crate::target::memory::ReadError;
use crate::target::pause::{PauseError, StopLimits};
use crate::target::process::Process;
use crate::target::signals::Interruption;
use crate::target::watchdog::Watchdog;
use std::time::{Duration, Instant};

/// How long a queued request waits before its thread is looked at again.
const BEFORE_WAKING: Duration = Duration::from_millis(50);

/// A request is begun anew in another way this often.
const MOST_CANCELLED: usize = 4;

/// Longest wait between two looks at a result.
const MAX_NAP: Duration = Duration::from_millis(2);

/// Runs Python once in the main thread of the target's main interpreter, at a safe point.
/// `symbols` finds names in the image of the interpreter.
///
/// # Errors
/// [`InjectError`], whose kind says what it means for the target.
pub fn run_main(
    process: &Process,
    python: &Python,
    symbols: &dyn Fn(&str) -> Option<Address>,
    request: Request<'_>,
    consent: Consent,
) -> Result<Ran, InjectError> {
    run(process, python, symbols, request, consent).map_err(|error| match error {
        // A target that is killed under our hands makes whatever comes next fail.
        InjectError::Refused(_) | InjectError::NotWithdrawn(_) if process.has_ended() => {
            InjectError::Gone
        }
        error => error,
    })
}

fn run(
    process: &Process,
    python: &Python,
    symbols: &dyn Fn(&str) -> Option<Address>,
    request: Request<'_>,
    consent: Consent,
) -> Result<Ran, InjectError> {
    check_request(&request)?;
    let interruption = Interruption::catch()
        .map_err(ControlError::Trace)
        .map_err(Refusal::from)?;
    let owner = ourselves()?;
    refuse_early(process, python)?;
    if !request.override_switch {
        refuse_switched_off(process, python)?;
    }
    let maps = process
        .maps()
        .map_err(ControlError::Process)
        .map_err(Refusal::from)?;
    let libc = Libc::find(process, &maps).map_err(Refusal::from)?;
    let prepared = Prepared::new(process, python, symbols, libc, &request, owner)?;
    let watchdog = Watchdog::start().map_err(Refusal::from)?;
    let mut run = Run {
        process,
        prepared: &prepared,
        watchdog: &watchdog,
        interruption: &interruption,
        limits: StopLimits {
            max_stop: request.max_stop,
            refuse_epoll_wait: python.version.major < 3,
        },
        consent,
        deadline: Instant::now() + request.limit,
        stopped: Duration::ZERO,
        woken: false,
        cancelled: Vec::new(),
    };
    let leftovers = Leftover::find_all(process, &maps).map_err(ControlError::Read);
    run.clear(&leftovers.map_err(Refusal::from)?)?;
    if let Some(slot) = Slot::of(process, python).filter(|slot| slot.is_enabled(process))
        && let Some(ran) = run.remotely(&slot, &request)?
    {
        return Ok(ran);
    }
    let armed = run.arm()?;
    run.finish(armed)
}

fn check_request(request: &Request<'_>) -> Result<(), Refusal> {
    let limit = Request::MAX_SIZE;
    if request.source.len() > limit || request.max_result > limit {
        return Err(Refusal::TooLarge { limit });
    }
    if request.source.contains('\0') {
        return Err(Refusal::NulInSource);
    }
    Ok(())
}

/// How waiting for a queued request ended.
enum Waited {
    /// It ran to its end.
    Ended(Snapshot),
    /// The main thread has begun to wait, and will not come to the queue.
    Parked,
}

/// What identifies this run in what it leaves behind.
fn ourselves() -> Result<Owner, Refusal> {
    let process = Process::open(std::process::id() as i32).map_err(ControlError::Process)?;
    Ok(Owner {
        pid: process.pid(),
        start_ticks: process.start_ticks(),
        mechanism: 1,
    })
}

/// The reasons that can be seen without a stop.
pub(super) fn refuse_early(process: &Process, python: &Python) -> Result<(), Refusal> {
    route_for(python)?;
    refuse_finalizing(process, python)?;
    let status = process.status().map_err(ControlError::Process)?;
    if status.tracerpid != 0 {
        let traced = PauseError::Traced {
            pid: process.pid(),
            tracer: status.tracerpid,
        };
        return Err(ControlError::from(traced).into());
    }
    if status.state.starts_with(['T', 't']) {
        let stopped = PauseError::Stopped { pid: process.pid() };
        return Err(ControlError::from(stopped).into());
    }
    Ok(())
}

struct Run<'r> {
    process: &'r Process,
    prepared: &'r Prepared<'r>,
    watchdog: &'r Watchdog,
    interruption: &'r Interruption,
    limits: StopLimits,
    consent: Consent,
    deadline: Instant,
    stopped: Duration,
    woken: bool,
    /// Requests that stay in the queue and will do nothing.
    cancelled: Vec<Armed>,
}

impl Run<'_> {
    fn seize(&self) -> Result<Control<'_>, ControlError> {
        Control::seize(self.process, self.watchdog, self.limits, self.consent)
    }

    /// Runs the request by the remote debugging interface; `None` where that is not the way.
    fn remotely(&mut self, slot: &Slot, request: &Request<'_>) -> Result<Option<Ran>, InjectError> {
        let Some(script) = Script::place(request, self.process, pid_inside(self.process)) else {
            return Ok(None);
        };
        let mut remote = Remote {
            process: self.process,
            slot,
            script: &script,
            prepared: self.prepared,
            watchdog: self.watchdog,
            interruption: self.interruption,
            limits: self.limits,
            consent: self.consent,
            deadline: self.deadline,
            stopped: self.stopped,
            woken: false,
        };
        let ran = remote.run();
        self.stopped = remote.stopped;
        ran
    }

    fn is_late(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// Clears what killed runs left. A request of theirs that is about to end is waited for.
    fn clear(&mut self, leftovers: &[Leftover]) -> Result<(), Refusal> {
        if leftovers.is_empty() {
            return Ok(());
        }
        let broom = Broom {
            process: self.process,
            ring: self.prepared.ring,
            libc: &self.prepared.libc,
            watchdog: self.watchdog,
            limits: self.limits,
            consent: self.consent,
        };
        for leftover in leftovers {
            loop {
                match broom.clear(std::slice::from_ref(leftover)) {
                    Ok(cleared) => {
                        self.stopped += Duration::from_micros(cleared.stopped_us);
                        break;
                    }
                    Err(refusal) if is_gone(&refusal) => break,
                    Err(refusal @ (Refusal::EarlierRequest | Refusal::LockHeld)) => {
                        self.wait_or(Duration::from_millis(20), refusal)?;
                    }
                    Err(refusal) => return Err(refusal),
                }
            }
        }
        Ok(())
    }

    /// Waits a little; gives `refusal` when the time is over, or the tool is told to end.
    fn wait_or(&self, time: Duration, refusal: Refusal) -> Result<(), Refusal> {
        if self.is_late() {
            return Err(refusal);
        }
        match self.interruption.wait(time) {
            Some(signal) => Err(Refusal::Interrupted { signal }),
            None => Ok(()),
        }
    }

    /// Queues the request, as soon as the main thread moves, or waits where it can be woken, and
    /// every gate is open.
    fn arm(&mut self) -> Result<Armed, Refusal> {
        let began = Instant::now();
        let mut nap = Duration::from_millis(1);
        loop {
            let refusal = match look_twice(self.process) {
                Seen::Moving => match self.arm_now(Onward::AsItWas) {
                    Err(refusal) if refusal.may_pass() => refusal,
                    outcome => return outcome,
                },
                seen if seen.is_lock_wait() && self.may_wake() => {
                    match self.arm_now(Onward::Woken) {
                        Err(refusal) if refusal.may_pass() => refusal,
                        outcome => return outcome,
                    }
                }
                Seen::Parked {
                    number,
                    wait_channel,
                } => {
                    let parked = Refusal::Parked {
                        number,
                        wait_channel,
                        waited: began.elapsed(),
                    };
                    match self.arm_parked(parked) {
                        Err(refusal) if refusal.may_pass() => refusal,
                        outcome => return outcome,
                    }
                }
                Seen::Gone => {
                    let pid = self.process.pid();
                    return Err(ControlError::from(PauseError::Gone { pid }).into());
                }
            };
            nap = (nap * 2).min(Duration::from_millis(10));
            self.wait_or(nap, refusal)?;
        }
    }

    fn may_wake(&self) -> bool {
        may_wake(self.prepared.python)
    }

    /// Has a main thread that waits run the request itself, if its wait is a known one.
    fn arm_parked(&mut self, parked: Refusal) -> Result<Armed, Refusal> {
        let Some(call) = &self.prepared.parked else {
            return Err(parked);
        };
        let sight = call
            .look(self.process, &self.prepared.libc)
            .map_err(|why| Refusal::ParkedUnproven { why })?;
        let armed = call.arm(self.seize()?, &self.prepared.libc, &sight)?;
        self.stopped += armed.stopped;
        self.woken = true;
        Ok(armed)
    }

    fn arm_now(&mut self, onward: Onward) -> Result<Armed, Refusal> {
        let armed = self.prepared.arm(self.seize()?, onward)?;
        self.stopped += armed.stopped;
        self.woken = onward == Onward::Woken;
        Ok(armed)
    }

    /// Waits for the end of the request, takes it back when that does not come, and clears away.
    fn finish(&mut self, mut armed: Armed) -> Result<Ran, InjectError> {
        let began = Instant::now();
        let snapshot = loop {
            match self.wait_for_end(&armed, began)? {
                Waited::Ended(snapshot) => break snapshot,
                Waited::Parked if self.take_from_queue(&armed)? => armed = self.arm()?,
                Waited::Parked => {}
            }
        };
        let latency = began.elapsed();
        let result = read_result(self.process, &armed, &snapshot, self.prepared.max_result);
        self.give_back(&armed);
        self.give_back_cancelled();
        let (status, value) = result?;
        Ok(Ran {
            status,
            value,
            route: if armed.parked {
                Route::ParkedThread
            } else {
                self.prepared.route
            },
            woken: self.woken,
            latency_us: latency.as_micros() as u64,
            stopped_us: self.stopped.as_micros() as u64,
            gil_held_us: snapshot.ran_us,
        })
    }

    fn wait_for_end(&mut self, armed: &Armed, began: Instant) -> Result<Waited, InjectError> {
        let mut nap = Duration::from_micros(100);
        let mut next_wake = began + BEFORE_WAKING;
        loop {
            let snapshot = look(self.process, armed).map_err(|error| self.lost(&error))?;
            // A thread that runs it itself must also have found its way back.
            if snapshot.state.has_ended() && (!armed.parked || snapshot.phase == 2) {
                return Ok(Waited::Ended(snapshot));
            }
            if snapshot.phase == 2 && snapshot.queued != 0 {
                if armed.parked {
                    self.give_back(armed);
                    return Err(Refusal::GilHeld.into());
                }
                return Err(self.not_queued(armed));
            }
            let signal = self.interruption.wait(nap);
            if signal.is_some() || self.is_late() {
                return self.take_back(armed, began, signal).map(Waited::Ended);
            }
            nap = (nap * 5 / 4).min(MAX_NAP);
            if snapshot.state == State::Armed && !armed.parked && Instant::now() >= next_wake {
                self.wake_from_lock();
                if self.has_parked() {
                    return Ok(Waited::Parked);
                }
                next_wake = Instant::now() + 4 * BEFORE_WAKING;
            }
        }
    }

    /// A main thread that was moving when the request was queued may have begun to wait for a lock
    /// since. If it may not be woken, it is waited for as before.
    fn wake_from_lock(&mut self) {
        if !self.may_wake() || !look_twice(self.process).is_lock_wait() {
            return;
        }
        let Ok(control) = self.seize() else { return };
        let began = Instant::now();
        if self.prepared.check_lock_wait(&control).is_ok() {
            self.woken |= control.wake_main().is_ok();
        } else {
            control.resume();
        }
        self.stopped += began.elapsed();
    }

    /// Whether the main thread, which was moving when the request was queued, has begun to wait where
    /// it can be made to run it.
    fn has_parked(&self) -> bool {
        let Some(call) = &self.prepared.parked else {
            return false;
        };
        if self.cancelled.len() == MOST_CANCELLED {
            return false;
        }
        let seen = look_twice(self.process);
        matches!(seen, Seen::Parked { .. })
            && !seen.is_lock_wait()
            && call.look(self.process, &self.prepared.libc).is_ok()
    }

    /// Takes the request out of the queue, to be begun in another way; `false` when it began. One
    /// that can only be told to do nothing stays there.
    fn take_from_queue(&mut self, armed: &Armed) -> Result<bool, InjectError> {
        match self.try_to_take_back(armed) {
            Ok(Withdrawal::TakenBack) => Ok(true),
            Ok(Withdrawal::Cancelled | Withdrawal::Unqueued) => {
                self.cancelled.push(*armed);
                Ok(true)
            }
            Ok(Withdrawal::Ended | Withdrawal::Running | Withdrawal::Busy) => Ok(false),
            Err(ControlError::Pause(PauseError::Gone { .. })) => Err(InjectError::Gone),
            Err(error) => Err(InjectError::NotWithdrawn(error)),
        }
    }

    /// Gives back what requests have left that were told to do nothing and did so. Others are left
    /// to a later run.
    fn give_back_cancelled(&mut self) {
        for armed in std::mem::take(&mut self.cancelled) {
            let ended = look(self.process, &armed).is_ok_and(|seen| seen.state.has_ended());
            if ended {
                self.give_back(&armed);
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
                    let snapshot = look(self.process, armed).map_err(|error| self.lost(&error))?;
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
        let control = self.seize()?;
        // What a parked thread runs was never in the queue.
        let ring = self.prepared.ring.as_ref().filter(|_| !armed.parked);
        let outcome = withdraw(&control, &self.prepared.libc, ring, armed.scratch);
        self.stopped += control.resume();
        outcome
    }

    /// Unmaps what the thunk has left. What cannot be given back now is found by a later run.
    fn give_back(&mut self, armed: &Armed) {
        for _ in 0..20 {
            let Ok(control) = self.seize() else { return };
            let (scratch, libc) = (armed.scratch, &self.prepared.libc);
            let given = if armed.parked {
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
