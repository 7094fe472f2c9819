//! Unloads modules of a running process, and proves what became of them.
//!
//! 1. `sys.modules` is read and the cut worked out, while the target runs.
//! 2. The program for exactly this cut runs between two bytecodes of the main thread. It compares
//!    the table, the keys and their values with what was read, looks for imports and frames inside,
//!    and only then detaches; what it cannot do whole it undoes.
//! 3. What may pass (an import, a thread inside, a value that was replaced) is tried again until the
//!    time limit, with a fresh reading. Where a plan was shown and agreed to, a set of keys that
//!    differs from it is an error; where names were, it is not.
//! 4. The process is copied under a stop and searched for what is left. Something may have been in
//!    use just then, a call or an import: then the collector is run again and all is looked at anew.
//!
//! If we die before 2, nothing happened. If we die in or after 2, the unload is complete or undone
//! without us; only the proof is missing.

use crate::address::Address;
use crate::change::answer::{Answer, Done, parse};
use crate::change::error::UnloadError;
use crate::change::outcome::{ModuleOutcome, Outcome, outcomes};
use crate::change::source;
use crate::change::target::Target;
use crate::change::verify::{Proof, Unproven, verify};
use crate::control::error::ControlError;
use crate::inject::{InjectError, Ran, Refusal, Status};
use crate::modules::inventory::inventory;
use crate::plan::cut::{self, Cut};
use crate::plan::entries::{entries, holds};
use crate::plan::key::Key;
use crate::target::memory::ReadError;
use crate::target::pause::{PauseError, StopLimits};
use std::thread;
use std::time::{Duration, Instant};

/// First wait before another attempt; it doubles each time.
const FIRST_WAIT: Duration = Duration::from_millis(5);

/// Longest wait before another attempt.
const LONGEST_WAIT: Duration = Duration::from_millis(200);

/// How often the heap is searched, when something is left.
const ROUNDS: usize = 3;

/// Time for a call or an import to end.
const BEFORE_ANOTHER_ROUND: Duration = Duration::from_millis(50);

/// What the user agreed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agreement {
    /// The plan as it was shown, key by key.
    Plan,
    /// Whatever of the packages is loaded when it happens.
    Names,
}

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long to try, and how long one attempt may take; the proof is not counted.
    pub total: Duration,
    /// One stop.
    pub stop: StopLimits,
}

/// What would be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What would be detached.
    pub cut: Cut,
    /// `sys.modules`.
    pub table: Address,
    /// What could not be read of it.
    pub warnings: Vec<String>,
}

/// What was done.
#[derive(Debug)]
pub struct Unloaded {
    /// What was detached.
    pub cut: Cut,
    /// What it looked like from inside.
    pub done: Done,
    /// How it was made to run; times are those of all attempts together.
    pub ran: Ran,
    /// How often it was tried.
    pub attempts: usize,
    /// What the heap said afterwards.
    pub proof: Result<Proof, Unproven>,
    /// How long the process stood still for the proof.
    pub proof_stopped: Duration,
    /// What became of each module.
    pub outcomes: Vec<ModuleOutcome>,
}

/// Works out what unloading `names` would detach. Nothing is stopped.
///
/// # Errors
/// [`UnloadError::Refused`]; [`UnloadError::Unreadable`] and [`UnloadError::Read`].
pub fn plan(target: Target<'_>, names: &[Key]) -> Result<Plan, UnloadError> {
    let Target {
        process,
        python,
        interpreter,
    } = target;
    let layout = &python.layout;
    let inventory = inventory(process, python, interpreter)?;
    let entries = entries(process, layout, &inventory.rows, names)?;
    let cut = cut::cut(&entries, names, |dict, attribute, child| {
        holds(process, layout, dict, attribute, child)
    })?;
    Ok(Plan {
        cut,
        table: interpreter.modules,
        warnings: inventory.warnings,
    })
}

/// Does what was planned and proves it. `run` runs Python in the target's main thread within the
/// time it is given.
///
/// # Errors
/// [`UnloadError`]: nothing was changed, or what was is undone, but for those of
/// [`InjectError`]'s kind `Started` and [`UnloadError::BadAnswer`].
pub fn unload(
    target: Target<'_>,
    planned: Plan,
    agreement: Agreement,
    limits: Limits,
    mut run: impl FnMut(&str, Duration) -> Result<Ran, InjectError>,
) -> Result<Unloaded, UnloadError> {
    let began = Instant::now();
    let Detached {
        cut,
        done,
        mut ran,
        attempts,
    } = detach(target, planned, agreement, limits.total, &mut run)?;
    let mut proof_stopped = Duration::ZERO;
    let mut round = 1;
    loop {
        let (proof, stopped) = verify(target, limits.stop, &cut, &done);
        proof_stopped += stopped;
        let outcomes = outcomes(&cut, &done, proof.as_ref());
        let is_last = round == ROUNDS || began.elapsed() > limits.total || proof.is_err();
        if is_last || !outcomes.iter().any(may_pass) {
            return Ok(Unloaded {
                cut,
                done,
                ran,
                attempts,
                proof,
                proof_stopped,
                outcomes,
            });
        }
        round += 1;
        thread::sleep(BEFORE_ANOTHER_ROUND);
        // If this does not run, what was found stays as it was found.
        if let Ok(again) = run(&source::collect(), limits.total) {
            ran.stopped_us += again.stopped_us;
            ran.gil_held_us += again.gil_held_us;
        }
    }
}

/// Whether what is left may only have been in use when the collector ran.
fn may_pass(outcome: &ModuleOutcome) -> bool {
    let is_open = outcome.outcome == Outcome::Unlinked && outcome.left.uncertain > 0;
    is_open || outcome.outcome == Outcome::Ghost && outcome.left.frozen == 0
}

struct Detached {
    cut: Cut,
    done: Done,
    ran: Ran,
    attempts: usize,
}

/// What all attempts cost the target, in microseconds.
#[derive(Default)]
struct Cost {
    stopped_us: u64,
    gil_held_us: u64,
}

/// Tries until it is done, until it cannot be, or until the time is over.
fn detach(
    target: Target<'_>,
    mut plan_now: Plan,
    agreement: Agreement,
    total: Duration,
    run: &mut impl FnMut(&str, Duration) -> Result<Ran, InjectError>,
) -> Result<Detached, UnloadError> {
    let began = Instant::now();
    let agreed = plan_now.cut.clone();
    let mut wait = FIRST_WAIT;
    let mut cost = Cost::default();
    let mut attempts = 0;
    loop {
        attempts += 1;
        let obstacle = match attempt(&plan_now, total, &mut cost, run)? {
            Ok((ran, done)) => {
                let cut = plan_now.cut;
                return Ok(Detached {
                    cut,
                    done,
                    ran,
                    attempts,
                });
            }
            Err(obstacle) => obstacle,
        };
        let waited = began.elapsed();
        if waited + wait >= total {
            return Err(obstacle.into_error(waited));
        }
        thread::sleep(wait);
        wait = (wait * 2).min(LONGEST_WAIT);
        plan_now = plan_again(target, &agreed, agreement)?;
    }
}

/// One attempt. It may take all the time there is: one that was cut short could have begun.
fn attempt(
    plan: &Plan,
    total: Duration,
    cost: &mut Cost,
    run: &mut impl FnMut(&str, Duration) -> Result<Ran, InjectError>,
) -> Result<Result<(Ran, Done), Obstacle>, UnloadError> {
    match run(&source::unload(plan.table, &plan.cut), total) {
        Ok(mut ran) => {
            cost.stopped_us += ran.stopped_us;
            cost.gil_held_us += ran.gil_held_us;
            (ran.stopped_us, ran.gil_held_us) = (cost.stopped_us, cost.gil_held_us);
            Ok(understand(&ran, &plan.cut)?.map(|done| (ran, done)))
        }
        Err(error) if is_late(&error) => Ok(Err(Obstacle::Late(error))),
        Err(error) => Err(error.into()),
    }
}

/// A fresh plan for the same names; where it may not differ, it must not.
fn plan_again(target: Target<'_>, agreed: &Cut, agreement: Agreement) -> Result<Plan, UnloadError> {
    let fresh = plan(target, &agreed.names).map_err(|error| match error {
        UnloadError::Refused(cut::Refusal::Unknown { .. }) => UnloadError::Changed,
        other => other,
    })?;
    if agreement == Agreement::Plan && !fresh.cut.has_keys_of(agreed) {
        return Err(UnloadError::Changed);
    }
    Ok(fresh)
}

/// Whether a stop was not over in time, which on a loaded machine says nothing about the next one.
/// Nothing was queued.
fn is_late(error: &InjectError) -> bool {
    let InjectError::Refused(Refusal::Control(error)) = error else {
        return false;
    };
    matches!(
        error,
        ControlError::Pause(PauseError::Late { .. })
            | ControlError::Read(ReadError::Overdue { .. })
            | ControlError::Overdue
    )
}

/// What was in the way and may pass.
enum Obstacle {
    Late(InjectError),
    Changed,
    Importing(String),
    Running(String),
}

impl Obstacle {
    fn into_error(self, waited: Duration) -> UnloadError {
        match self {
            Obstacle::Late(error) => UnloadError::Inject(error),
            Obstacle::Changed => UnloadError::Changed,
            Obstacle::Importing(name) => UnloadError::Importing { name, waited },
            Obstacle::Running(name) => UnloadError::Running { name, waited },
        }
    }
}

fn understand(ran: &Ran, cut: &Cut) -> Result<Result<Done, Obstacle>, UnloadError> {
    if ran.status == Status::Raised {
        let exception = String::from_utf8_lossy(&ran.value).into_owned();
        return Err(UnloadError::Raised { exception });
    }
    let name_of = |index: Option<usize>| {
        let entry = index.and_then(|index| cut.entries().nth(index));
        let key = entry.map_or(&cut.names[0], |entry| &entry.key);
        key.to_string()
    };
    let answer = parse(&ran.value, cut.entries().count()).ok_or(UnloadError::BadAnswer)?;
    match answer {
        Answer::Done(done) => Ok(Ok(done)),
        Answer::Changed => Ok(Err(Obstacle::Changed)),
        Answer::Importing(index) => Ok(Err(Obstacle::Importing(name_of(index)))),
        Answer::Running(index) => Ok(Err(Obstacle::Running(name_of(Some(index))))),
        Answer::Moved => Err(UnloadError::Moved),
        Answer::Failed(exception) => Err(UnloadError::Raised { exception }),
    }
}
