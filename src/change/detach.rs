//! The first phase of an unload: taken away, into a record in the target.

use crate::change::answer::{Answer, Done, parse};
use crate::change::error::UnloadError;
use crate::change::plan::{Plan, plan};
use crate::change::source::{self, Request};
use crate::change::target::Target;
use crate::change::unload::{Agreement, FIRST_WAIT, Hands, LONGEST_WAIT, Wishes};
use crate::control::error::ControlError;
use crate::inject::{InjectError, Ran, Refusal, Status};
use crate::plan::cut::{self, Cut};
use crate::target::memory::ReadError;
use crate::target::pause::PauseError;
use std::thread;
use std::time::{Duration, Instant};

/// The longest wait before another attempt where somebody is inside or imports: in a crowd, the moments in which
/// nobody does are short and rare.
const LONGEST_WAIT_FOR_NOBODY: Duration = Duration::from_millis(40);

/// What one program is about.
pub(super) fn request(plan: &Plan, number: u64) -> Request<'_> {
    Request {
        table: plan.table,
        number,
        cut: &plan.cut,
        steps: &plan.steps,
    }
}

/// What was taken away.
pub(super) struct Detached {
    pub(super) plan: Plan,
    /// When it was done in one.
    pub(super) done: Option<Done>,
    pub(super) ran: Ran,
    pub(super) attempts: usize,
}

/// What all attempts cost the target, in microseconds.
#[derive(Default)]
struct Cost {
    stopped_us: u64,
    gil_held_us: u64,
}

/// Tries until it is done, until it cannot be, or until the time is over.
pub(super) fn detach(
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
                    Said::Done(done) => Some(*done),
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
pub(super) enum Obstacle {
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
pub(super) enum Said {
    Detached,
    Done(Box<Done>),
}

/// What it said, or what was in the way.
pub(super) fn understand(ran: &Ran, plan: &Plan) -> Result<Result<Said, Obstacle>, UnloadError> {
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
        Answer::Done(done) => Ok(Ok(Said::Done(Box::new(done)))),
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
