//! Unloads modules of a running process, and proves what became of them.
//!
//! 1. The plan: from all objects of one moment, or, where they cannot be looked at and the user insists,
//!    from `sys.modules` alone.
//! 2. *Detach*. A program for exactly this plan runs between two bytecodes of the main thread. It
//!    compares what it finds with what was seen, does the remedies that can be put back, takes away
//!    attributes and keys, and keeps all of it in a record in the target. What it cannot do whole it
//!    undoes. What may pass (an import, a thread inside, a value that was replaced) is tried again until
//!    the time limit, with a fresh plan.
//! 3. *Prove*. All objects are looked at again: only the record may hold the modules. Who only uses them
//!    just now is waited for. If anything else holds them, a second program puts everything back.
//! 4. *Commit*. A third program does the remedies that cannot be put back, drops the record and runs the
//!    collector.
//! 5. The process is copied once more and searched for what is left. Something may have been in use just
//!    then: the collector is run again and all is looked at anew.
//!
//! If we die before 2, nothing happened. If we die between 2 and 4, the record stays, and the next run
//! puts back what it has. If we die later, only the proof is missing.

use crate::change::answer::{Answer, Done, Restored, parse};
use crate::change::error::UnloadError;
use crate::change::outcome::{ModuleOutcome, Outcome, outcomes, rolled_back};
use crate::change::plan::{Plan, plan};
use crate::change::prove::{Held, Tell, prove};
use crate::change::record;
use crate::change::source::{self, Request};
use crate::change::target::Target;
use crate::change::verify::{Proof, Unproven, verify};
use crate::control::error::ControlError;
use crate::inject::{InjectError, Ran, Refusal, Status};
use crate::plan::cut::{self, Cut};
use crate::target::memory::ReadError;
use crate::target::pause::{PauseError, StopLimits};
use std::thread;
use std::time::{Duration, Instant};

/// First wait before another attempt; it doubles each time.
const FIRST_WAIT: Duration = Duration::from_millis(5);

/// Longest wait before another attempt.
const LONGEST_WAIT: Duration = Duration::from_millis(200);

/// The same where somebody is inside or imports: in a crowd, the moments in which nobody does are short and rare.
const LONGEST_WAIT_FOR_NOBODY: Duration = Duration::from_millis(40);

/// How often it is proven that only the record holds the modules, when something else does.
const PROOFS: usize = 5;

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

/// What the user wants.
#[derive(Debug, Clone, Copy)]
pub struct Wishes {
    /// What was agreed to.
    pub agreement: Agreement,
    /// Whether it goes on when something holds the modules, or nothing can be proven.
    pub force: bool,
    /// How long things may take.
    pub limits: Limits,
}

/// What was done.
#[derive(Debug)]
pub struct Unloaded {
    /// What was detached.
    pub plan: Plan,
    /// What it looked like from inside.
    pub done: Done,
    /// How it was made to run; times are those of all attempts together.
    pub ran: Ran,
    /// How often it was tried.
    pub attempts: usize,
    /// Who held the modules, so that everything was put back.
    pub held: Option<Held>,
    /// What happened that whoever asked for it should know.
    pub warnings: Vec<String>,
    /// What the heap said afterwards.
    pub proof: Result<Proof, Unproven>,
    /// How long the process stood still to be looked at.
    pub proof_stopped: Duration,
    /// What became of each module.
    pub outcomes: Vec<ModuleOutcome>,
}

/// How the target is reached.
pub struct Hands<'h> {
    /// Runs Python in its main thread within a time.
    pub run: &'h mut dyn FnMut(&str, Duration) -> Result<Ran, InjectError>,
    /// Plans again, from all objects.
    pub replan: &'h mut dyn FnMut() -> Result<Plan, UnloadError>,
    /// Tells who holds something.
    pub tell: &'h Tell<'h>,
}

/// Does what was planned and proves it. `number` tells its record from others.
///
/// # Errors
/// [`UnloadError`]: nothing was changed, or what was is undone, but for those of
/// [`InjectError`]'s kind `Started`, [`UnloadError::NotRestored`] and [`UnloadError::BadAnswer`].
pub fn unload(
    target: Target<'_>,
    planned: Plan,
    number: u64,
    wishes: Wishes,
    mut hands: Hands<'_>,
) -> Result<Unloaded, UnloadError> {
    let Detached {
        plan,
        done,
        ran,
        attempts,
    } = detach(target, planned, number, wishes, &mut hands)?;
    let mut unload = Unload {
        target,
        wishes,
        number,
        began: Instant::now(),
        unloaded: Unloaded {
            plan,
            done: Done::default(),
            ran,
            attempts,
            held: None,
            warnings: Vec::new(),
            proof: Err(Unproven::RolledBack),
            proof_stopped: Duration::ZERO,
            outcomes: Vec::new(),
        },
    };
    match done {
        Some(done) => unload.unloaded.done = done,
        None => {
            if let Some(held) = unload.prove(&mut hands)?
                && unload.roll_back(held, &mut hands)?
            {
                return Ok(unload.unloaded);
            }
            unload.commit(&mut hands)?;
        }
    }
    unload.verify(&mut hands);
    Ok(unload.unloaded)
}

/// An unload that has detached.
struct Unload<'t> {
    target: Target<'t>,
    wishes: Wishes,
    number: u64,
    began: Instant,
    unloaded: Unloaded,
}

impl Unload<'_> {
    /// Who holds the modules besides the record, and is not about to let go.
    fn prove(&mut self, hands: &mut Hands<'_>) -> Result<Option<Held>, UnloadError> {
        let mut wait = FIRST_WAIT;
        let mut round = 1;
        loop {
            let stopped = &mut self.unloaded.proof_stopped;
            let limits = self.wishes.limits.stop;
            let plan = &self.unloaded.plan;
            let held = match prove(self.target, limits, stopped, plan, hands.tell) {
                Ok(None) => return Ok(None),
                Ok(Some(held)) => held,
                Err(error) => Held {
                    paths: vec![vec![error.to_string()]],
                    may_pass: false,
                },
            };
            if self.wishes.force {
                return Ok(None);
            }
            let is_over = self.began.elapsed() + wait > self.wishes.limits.total;
            if is_over || !held.may_pass || round == PROOFS {
                return Ok(Some(held));
            }
            thread::sleep(wait);
            wait = (wait * 2).min(LONGEST_WAIT);
            round += 1;
        }
    }

    /// Puts everything back; false when it cannot be, and is better left as it is.
    fn roll_back(&mut self, held: Held, hands: &mut Hands<'_>) -> Result<bool, UnloadError> {
        let total = self.wishes.limits.total;
        let (restored, ran) = record::put_back(self.number, total, hands.run)?;
        self.add(&ran);
        self.unloaded.held = Some(held);
        if restored == Restored::Restored {
            self.unloaded.outcomes = rolled_back(&self.unloaded.plan.cut);
            return Ok(true);
        }
        let text =
            "the program loaded modules again meanwhile, so what was taken away was not put back";
        self.unloaded.warnings.push(text.to_owned());
        Ok(false)
    }

    fn add(&mut self, ran: &Ran) {
        self.unloaded.ran.stopped_us += ran.stopped_us;
        self.unloaded.ran.gil_held_us += ran.gil_held_us;
    }

    fn commit(&mut self, hands: &mut Hands<'_>) -> Result<(), UnloadError> {
        let plan = &self.unloaded.plan;
        let ran = (hands.run)(
            &source::commit(request(plan, self.number)),
            self.wishes.limits.total,
        );
        let ran = ran?;
        match understand(&ran, plan)? {
            Ok(Said::Done(done)) => {
                // The attributes went before.
                let attributes = plan.cut.attributes.len();
                self.unloaded.done = Done { attributes, ..done };
                self.add(&ran);
                Ok(())
            }
            Ok(Said::Detached) => Err(UnloadError::BadAnswer),
            Err(_) => Err(UnloadError::Changed),
        }
    }

    fn verify(&mut self, hands: &mut Hands<'_>) {
        let limits = self.wishes.limits;
        let mut round = 1;
        loop {
            let Unloaded { plan, done, .. } = &self.unloaded;
            let (proof, stopped) = verify(self.target, limits.stop, &plan.cut, done, hands.tell);
            let outcomes = outcomes(&plan.cut, done, proof.as_ref());
            let is_over = round == ROUNDS || self.began.elapsed() > limits.total;
            let is_last = is_over || proof.is_err() || !outcomes.iter().any(may_pass);
            self.unloaded.proof_stopped += stopped;
            self.unloaded.proof = proof;
            self.unloaded.outcomes = outcomes;
            if is_last {
                return;
            }
            round += 1;
            thread::sleep(BEFORE_ANOTHER_ROUND);
            // If this does not run, what was found stays as it was found.
            if let Ok(again) = (hands.run)(&source::collect(), limits.total) {
                self.add(&again);
            }
        }
    }
}

fn request(plan: &Plan, number: u64) -> Request<'_> {
    Request {
        table: plan.table,
        number,
        cut: &plan.cut,
        steps: &plan.steps,
    }
}

/// Whether what is left may only have been in use when the collector ran.
fn may_pass(outcome: &ModuleOutcome) -> bool {
    let is_open = outcome.outcome == Outcome::Unlinked && outcome.left.uncertain > 0;
    is_open || outcome.outcome == Outcome::Ghost && outcome.left.frozen == 0
}

struct Detached {
    plan: Plan,
    /// When it was done in one.
    done: Option<Done>,
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
    number: u64,
    wishes: Wishes,
    hands: &mut Hands<'_>,
) -> Result<Detached, UnloadError> {
    let began = Instant::now();
    let agreed = plan_now.cut.clone();
    let total = wishes.limits.total;
    let mut wait = FIRST_WAIT;
    let mut cost = Cost::default();
    let mut attempts = 0;
    loop {
        attempts += 1;
        let obstacle = match attempt(&plan_now, number, total, &mut cost, hands.run)? {
            Ok((ran, said)) => {
                let done = match said {
                    Said::Done(done) => Some(done),
                    Said::Detached => None,
                };
                return Ok(Detached {
                    plan: plan_now,
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
        wait = (wait * 2).min(match obstacle {
            Obstacle::Importing(_) | Obstacle::Running(_) => LONGEST_WAIT_FOR_NOBODY,
            _ => LONGEST_WAIT,
        });
        plan_now = plan_again(
            target,
            &agreed,
            plan_now,
            wishes.agreement,
            &obstacle,
            hands,
        )?;
    }
}

/// One attempt. It may take all the time there is: one that was cut short could have begun.
fn attempt(
    plan: &Plan,
    number: u64,
    total: Duration,
    cost: &mut Cost,
    run: &mut dyn FnMut(&str, Duration) -> Result<Ran, InjectError>,
) -> Result<Result<(Ran, Said), Obstacle>, UnloadError> {
    let source = match plan.is_seen {
        true => source::detach(request(plan, number)),
        false => source::unload(request(plan, number)),
    };
    match run(&source, total) {
        Ok(mut ran) => {
            cost.stopped_us += ran.stopped_us;
            cost.gil_held_us += ran.gil_held_us;
            (ran.stopped_us, ran.gil_held_us) = (cost.stopped_us, cost.gil_held_us);
            Ok(understand(&ran, plan)?.map(|said| (ran, said)))
        }
        Err(error) if is_late(&error) => Ok(Err(Obstacle::Late(error))),
        Err(error) => Err(error.into()),
    }
}

/// A fresh plan for the same names; where it may not differ, it must not. All objects are looked at
/// again only when it is about others than before.
fn plan_again(
    target: Target<'_>,
    agreed: &Cut,
    before: Plan,
    agreement: Agreement,
    obstacle: &Obstacle,
    hands: &mut Hands<'_>,
) -> Result<Plan, UnloadError> {
    let fresh = plan(target, &agreed.names).map_err(|error| match error {
        UnloadError::Refused(cut::Refusal::Unknown { .. }) => UnloadError::Changed,
        other => other,
    })?;
    if agreement == Agreement::Plan && !fresh.cut.has_keys_of(agreed) {
        return Err(UnloadError::Changed);
    }
    let needs_look = !before.steps.is_empty()
        && (fresh.cut != before.cut || matches!(obstacle, Obstacle::Stale));
    if before.is_seen && needs_look {
        return (hands.replan)();
    }
    Ok(Plan {
        cut: fresh.cut,
        ..before
    })
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
    Stale,
    Importing(String),
    Running(String),
}

impl Obstacle {
    fn into_error(self, waited: Duration) -> UnloadError {
        match self {
            Obstacle::Late(error) => UnloadError::Inject(error),
            Obstacle::Changed | Obstacle::Stale => UnloadError::Changed,
            Obstacle::Importing(name) => UnloadError::Importing { name, waited },
            Obstacle::Running(name) => UnloadError::Running { name, waited },
        }
    }
}

/// What a program said that did something.
enum Said {
    Detached,
    Done(Done),
}

fn understand(ran: &Ran, plan: &Plan) -> Result<Result<Said, Obstacle>, UnloadError> {
    if ran.status == Status::Raised {
        let exception = String::from_utf8_lossy(&ran.value).into_owned();
        return Err(UnloadError::Raised { exception });
    }
    let cut = &plan.cut;
    let name_of = |index: Option<usize>| {
        let entry = index.and_then(|index| cut.entries().nth(index));
        let key = entry.map_or(&cut.names[0], |entry| &entry.key);
        key.to_string()
    };
    let answer = parse(&ran.value, cut.entries().count()).ok_or(UnloadError::BadAnswer)?;
    match answer {
        Answer::Done(done) => Ok(Ok(Said::Done(done))),
        Answer::Detached { .. } => Ok(Ok(Said::Detached)),
        Answer::Changed => Ok(Err(Obstacle::Changed)),
        Answer::Stale(_) => Ok(Err(Obstacle::Stale)),
        Answer::StepRaised { step, exception } => {
            let step = plan.steps.get(step);
            let remedy = step.map_or_else(String::new, |step| step.remedy.description.clone());
            Err(UnloadError::RemedyRaised { remedy, exception })
        }
        Answer::Importing(index) => Ok(Err(Obstacle::Importing(name_of(index)))),
        Answer::Running(index) => Ok(Err(Obstacle::Running(name_of(Some(index))))),
        Answer::Recorded => Err(UnloadError::Recorded),
        Answer::Moved | Answer::Lost => Err(UnloadError::Moved),
        Answer::Failed(exception) => Err(UnloadError::Raised { exception }),
    }
}
