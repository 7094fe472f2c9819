//! One run: prepare, clear away what killed runs left, give the main thread the request, and see it
//! to its end. Which way it goes is said in `route.rs`.
//!
//! Everything slow (files, symbols, machine code, the watchdog) is done before the first stop.
//! There are two stops: one to arm the request, one to give the memory back. Whatever goes wrong
//! before the first ends leaves the target as it was; what goes wrong later says whether the code
//! has begun. SIGINT, SIGTERM and SIGHUP to the tool take an armed request back before it ends.

use crate::address::Address;
use crate::control::consent::Consent;
use crate::control::control::{Control, Onward};
use crate::control::error::ControlError;
use crate::control::libc::Libc;
use crate::control::scratch::{Leftover, Owner, Scratch};
use crate::cpython::python::Python;
use crate::inject::error::{InjectError, Refusal};
use crate::inject::event_loop::Waker;
use crate::inject::parked_thread::ParkedCall;
use crate::inject::pending_call::{Armed, Prepared, pid_inside};
use crate::inject::reclaim::{Broom, is_gone};
use crate::inject::remote_exec::Slot;
use crate::inject::remote_script::Script;
use crate::inject::request::{Ran, Request, Wake};
use crate::inject::route::{Means, Way, Wishes, choose, means};
use crate::inject::safe_point::{MainThread, Seen};
use crate::target::pause::{PauseError, StopLimits};
use crate::target::process::Process;
use crate::target::processors::{Stay, keep_off_main_thread_of};
use crate::target::signals::Interruption;
use crate::target::watchdog::Watchdog;
use std::time::{Duration, Instant};

/// More requests than these are not left in the queue: it has room for 32 (to 3.12).
pub(super) const MOST_CANCELLED: usize = 8;

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
    let means = means(process, python, Wishes::of(&request))?;
    let main_thread = MainThread::of(process, python, symbols);
    let maps = process
        .maps()
        .map_err(ControlError::Process)
        .map_err(Refusal::from)?;
    let libc = Libc::find(process, &maps).map_err(Refusal::from)?;
    let prepared = Prepared::new(process, python, symbols, libc, &request, owner)?;
    let watchdog = Watchdog::start().map_err(Refusal::from)?;
    let place = || Script::place(&request, process, pid_inside(process));
    let script = means.interface.and_then(|_| place());
    if means.elsewhere.is_some() && script.is_none() {
        return Err(Refusal::NoPlaceForScript.into());
    }
    let mut run = Run {
        process,
        main_thread,
        means: Means {
            interface: means.interface.filter(|_| script.is_some()),
            ..means
        },
        script: script.as_ref(),
        prepared: &prepared,
        watchdog: &watchdog,
        interruption: &interruption,
        limits: python.stop_limits(request.max_stop),
        consent,
        deadline: Instant::now() + request.limit,
        stopped: Duration::ZERO,
        wake: Wake::None,
        cancelled: Vec::new(),
        seen: None,
        stay: None,
    };
    let leftovers = Leftover::find_all(process, &maps).map_err(ControlError::Read);
    run.clear(&leftovers.map_err(Refusal::from)?)?;
    run.complete()
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

/// A request that the main thread has been given.
pub(super) enum Given {
    /// In the queue, or about to be run in the middle of a wait.
    Armed(Armed),
    /// A script in the slot of this thread state.
    Script(Slot, Address),
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

/// One run, and what has come of it so far.
pub(super) struct Run<'r> {
    pub(super) process: &'r Process,
    pub(super) main_thread: MainThread<'r>,
    pub(super) means: Means,
    /// For the interface for debuggers, where there is one.
    pub(super) script: Option<&'r Script>,
    pub(super) prepared: &'r Prepared<'r>,
    pub(super) watchdog: &'r Watchdog,
    pub(super) interruption: &'r Interruption,
    pub(super) limits: StopLimits,
    pub(super) consent: Consent,
    pub(super) deadline: Instant,
    pub(super) stopped: Duration,
    pub(super) wake: Wake,
    /// Requests that stay in the queue and will do nothing, of this run and of earlier ones.
    pub(super) cancelled: Vec<Scratch>,
    /// What the main thread was seen to do when a request was taken back to be begun anew: a new look
    /// would take a thread that just comes from that stop for one that moves.
    pub(super) seen: Option<Seen>,
    /// Off the processor of a main thread that was waiting when it was given the request.
    stay: Option<Stay>,
}

impl<'r> Run<'r> {
    pub(super) fn seize(&self) -> Result<Control<'r>, ControlError> {
        Control::seize(self.process, self.watchdog, self.limits, self.consent)
    }

    /// For a request that no thread but the main one has to do with: what it runs while it waits.
    pub(super) fn seize_main(&self) -> Result<Control<'r>, ControlError> {
        let limits = self.limits.of_main();
        Control::seize(self.process, self.watchdog, limits, self.consent)
    }

    /// For what becomes of a request; with one that a parked main thread runs no other has to do.
    pub(super) fn seize_for(&self, parked: bool) -> Result<Control<'r>, ControlError> {
        match parked {
            true => self.seize_main(),
            false => self.seize(),
        }
    }

    /// While the main thread runs the request; where that was not begun before the stop, from now on.
    pub(super) fn keep_off_main_thread(&mut self) -> Stay {
        let stay = self.stay.take();
        stay.unwrap_or_else(|| keep_off_main_thread_of(self.process))
    }

    fn complete(&mut self) -> Result<Ran, InjectError> {
        let ended = self.try_until_it_ran();
        self.give_back_cancelled();
        ended
    }

    /// Gives the main thread the request, again where it begins to wait out of reach, until it ran.
    fn try_until_it_ran(&mut self) -> Result<Ran, InjectError> {
        loop {
            let ended = match self.arm()? {
                Given::Armed(armed) => self.finish(armed)?,
                Given::Script(slot, state) => self.wait_for_script(slot, state)?,
            };
            if let Some(ran) = ended {
                return Ok(ran);
            }
        }
    }

    pub(super) fn is_late(&self) -> bool {
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
                        let stays = cleared.staying > 0;
                        self.cancelled.extend(stays.then_some(leftover.scratch()));
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
        match self.cancelled.len() < MOST_CANCELLED {
            true => Ok(()),
            false => Err(Refusal::EarlierRequest),
        }
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

    /// Gives the main thread the request, as soon as a way is open and every gate of it.
    fn arm(&mut self) -> Result<Given, Refusal> {
        let began = Instant::now();
        let mut nap = Duration::from_millis(1);
        loop {
            let seen = self.seen.take();
            let seen = seen.unwrap_or_else(|| self.main_thread.watch());
            let refusal = match choose(&self.means, &seen) {
                None => out_of_reach(self.process, seen, began.elapsed()),
                Some(way) => {
                    // Before the stop of a thread that waits: while we work behind it, a third thread may find no
                    // processor but that of the main thread.
                    let is_parked = matches!(seen, Seen::Parked { .. });
                    let stay = is_parked.then(|| keep_off_main_thread_of(self.process));
                    match self.attempt(way, seen, began) {
                        Err(refusal) => refusal,
                        given => {
                            self.stay = stay;
                            return given;
                        }
                    }
                }
            };
            if !refusal.may_pass() {
                return Err(refusal);
            }
            nap = (nap * 2).min(Duration::from_millis(10));
            self.wait_or(nap, refusal)?;
        }
    }

    fn attempt(&mut self, way: Way, seen: Seen, began: Instant) -> Result<Given, Refusal> {
        match way {
            Way::Interface(slot, onward) => self.arm_script(slot, onward).inspect_err(|refusal| {
                if *refusal == Refusal::ForeignWait {
                    // Another way may prove more of the stack.
                    self.means.interface = None;
                }
            }),
            Way::Queue(onward) => self.arm_queue(onward).map(Given::Armed),
            Way::Loop => match Waker::find(self.process, self.prepared.python, self.consent) {
                Some(waker) => self.arm_loop(&waker).map(Given::Armed),
                None => self.attempt(Way::WhileWaiting, seen, began),
            },
            Way::WhileWaiting => match &self.prepared.parked {
                Some(call) => self.arm_parked(call).map(Given::Armed),
                None => Err(out_of_reach(self.process, seen, began.elapsed())),
            },
        }
    }

    /// Has a main thread that waits run the request itself, if its wait is a known one.
    fn arm_parked(&mut self, call: &ParkedCall<'_>) -> Result<Armed, Refusal> {
        let sight = call
            .look(self.process, &self.prepared.libc)
            .map_err(|why| Refusal::ParkedUnproven { why })?;
        let armed = call.arm(self.seize_main()?, &self.prepared.libc, &sight)?;
        self.stopped += armed.stopped;
        self.wake = Wake::Eintr;
        Ok(armed)
    }

    /// Queues the request and has the event loop run once, if the stop confirms that the main thread waits in it.
    fn arm_loop(&mut self, waker: &Waker) -> Result<Armed, Refusal> {
        let control = self.seize()?;
        if !waker.still_waits(&control, self.prepared.python) {
            self.stopped += control.resume();
            return Err(ControlError::NotWaiting.into());
        }
        let armed = self.prepared.arm(control, Onward::AsItWas)?;
        self.stopped += armed.stopped;
        if waker.wake() {
            self.wake = Wake::SelfPipe;
        }
        Ok(armed)
    }

    fn arm_queue(&mut self, onward: Onward) -> Result<Armed, Refusal> {
        let armed = self.prepared.arm(self.seize()?, onward)?;
        self.stopped += armed.stopped;
        self.wake = match onward {
            Onward::AsItWas => Wake::None,
            Onward::Woken => Wake::Eintr,
        };
        Ok(armed)
    }
}

/// Why nothing is tried with a main thread that does this.
fn out_of_reach(process: &Process, seen: Seen, waited: Duration) -> Refusal {
    match seen {
        Seen::Parked {
            number,
            wait_channel,
        } => Refusal::Parked {
            number,
            wait_channel,
            waited,
        },
        Seen::Forking => Refusal::InVfork { waited },
        Seen::Moving | Seen::Gone => {
            let pid = process.pid();
            ControlError::from(PauseError::Gone { pid }).into()
        }
    }
}
