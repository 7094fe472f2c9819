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

use crate::change::answer::{Done, Restored};
use crate::change::detach::{Detached, Said, detach, request, understand};
use crate::change::error::UnloadError;
use crate::change::outcome::{ModuleOutcome, Outcome, outcomes, rolled_back};
use crate::change::plan::Plan;
use crate::change::prove::{Held, Tell, prove};
use crate::change::record;
use crate::change::source;
use crate::change::target::Target;
use crate::change::verify::{Proof, Unproven, verify};
use crate::inject::{InjectError, Ran};
use crate::target::pause::StopLimits;
use std::thread;
use std::time::{Duration, Instant};

/// First wait before another attempt; it doubles each time.
pub(super) const FIRST_WAIT: Duration = Duration::from_millis(5);

/// Longest wait before another attempt.
pub(super) const LONGEST_WAIT: Duration = Duration::from_millis(200);

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
                self.unloaded.done = Done {
                    attributes,
                    ..*done
                };
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

/// Whether what is left may only have been in use when the collector ran.
fn may_pass(outcome: &ModuleOutcome) -> bool {
    let is_open = outcome.outcome == Outcome::Unlinked && outcome.left.uncertain > 0;
    is_open || outcome.outcome == Outcome::Ghost && outcome.left.frozen == 0
}
