//! `pyunload.unload/1`: what was unloaded, and what became of it.

use super::plan::Plan;
use super::stale::StaleMember;
use super::{Consistency, Envelope, Injection, Target};
use crate::change::behind::Name;
use crate::change::outcome::{Left, ModuleOutcome};
use crate::change::unload::Unloaded;
use crate::change::{answer, outcome};
use schemars::JsonSchema;
use serde::Serialize;

/// The answer of `unload`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Unload {
    /// What every document begins with.
    #[serde(flatten)]
    pub envelope: Envelope,
    /// What was to be done.
    pub plan: Plan,
    /// Whether it ended before the first change, as asked for.
    pub dry_run: bool,
    /// How it was made to run; `null` when nothing ran.
    pub injection: Option<Injection>,
    /// What became of each module, packages before what lies in them.
    pub outcomes: Vec<Outcome>,
    /// What the heap said afterwards; `null` when nothing ran.
    pub proof: Option<Proof>,
    /// The state of the target's collector; `null` when nothing ran.
    pub collector: Option<Collector>,
    /// Who held the modules besides, so that everything was put back: one way each.
    pub held_by: Option<Vec<Vec<String>>>,
    /// Names in other modules that still hold something of theirs.
    pub stale_references: Option<Vec<StaleReference>>,
    /// Bytes that were freed.
    pub freed_bytes: Option<u64>,
    /// Members of the groups that were stale; `null` when that was not asked.
    pub stale: Option<Vec<StaleMember>>,
}

/// What became of a module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Outcome {
    /// Its key.
    pub name: String,
    /// What became of it.
    pub outcome: OutcomeKind,
    /// What is left of it.
    pub left: Remaining,
    /// How what is left is held.
    pub paths: Option<Vec<Vec<String>>>,
}

/// What became of a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeKind {
    /// No module object, globals dict, function or class of it is left.
    Gone,
    /// The same, but its name is left in tables of the standard library.
    GoneNameOnly,
    /// No object of it is left; its shared library stays mapped.
    Mapped,
    /// It has new code.
    Reloaded,
    /// Nothing was done to it.
    Unchanged,
    /// What was done to it was undone.
    RolledBack,
    /// Its names are gone; that its code is gone was not proven.
    Unlinked,
    /// Something of it is alive.
    Ghost,
}

/// What is left of a module, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Remaining {
    /// Module objects.
    pub modules: usize,
    /// Globals dicts.
    pub globals: usize,
    /// Python functions.
    pub functions: usize,
    /// Classes.
    pub classes: usize,
    /// Names of some of these classes.
    pub class_names: Vec<String>,
    /// How many of all these `gc.freeze` keeps from being collected.
    pub frozen: usize,
    /// Classes that may be of a newer copy of the module.
    pub uncertain: usize,
}

/// What the heap said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Proof {
    /// Whether every object was looked at.
    pub complete: bool,
    /// How many objects were looked at.
    pub objects: Option<usize>,
    /// Why it is not complete.
    pub why: Option<String>,
    /// How long the process stood still for it, in microseconds.
    pub stopped_us: u64,
    /// Keys of the plan that were in sys.modules when it was made: loaded anew, or put back.
    pub loaded_again: Vec<String>,
}

/// The state of the target's collector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Collector {
    /// `gc.isenabled()`.
    pub enabled: bool,
    /// `gc.get_freeze_count()`.
    pub frozen: u64,
    /// What the collection after the change returned.
    pub collected: u64,
}

/// A name in another module that still holds something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StaleReference {
    /// The module.
    pub module: String,
    /// The name in it.
    pub name: String,
    /// What it holds.
    pub kind: String,
}

impl Unload {
    /// The answer of a run that ends before the first change.
    pub fn planned(target: Target, plan: Plan, warnings: Vec<String>, stopped_us: u64) -> Self {
        let mut envelope = Envelope::live("unload", Some(target));
        envelope.warnings = warnings;
        envelope.stopped_us = stopped_us;
        Unload {
            envelope,
            plan,
            dry_run: true,
            injection: None,
            outcomes: Vec::new(),
            proof: None,
            collector: None,
            held_by: None,
            stale_references: None,
            freed_bytes: None,
            stale: None,
        }
    }

    /// The answer when no member of the groups is stale, so that nothing is to be done.
    pub fn current(target: Target, names: Vec<String>, dry_run: bool) -> Self {
        let plan = Plan::of_nothing(names.clone());
        let report = Unload::planned(target, plan, Vec::new(), 0).refused(names);
        Unload {
            stale: Some(Vec::new()),
            dry_run,
            ..report
        }
    }

    /// Whether members of the groups were looked for that are stale, and there was none.
    pub fn is_current(&self) -> bool {
        self.stale.as_ref().is_some_and(Vec::is_empty)
    }

    /// The same when the plan is refused: nothing is done to these modules.
    pub fn refused(self, names: Vec<String>) -> Self {
        let unchanged = |name| Outcome {
            name,
            outcome: OutcomeKind::Unchanged,
            left: Remaining::default(),
            paths: None,
        };
        Unload {
            dry_run: false,
            outcomes: names.into_iter().map(unchanged).collect(),
            ..self
        }
    }

    /// The answer of a run that changed the target, which was planned as `self`.
    pub fn done(self, unloaded: &Unloaded) -> Self {
        let mut envelope = self.envelope;
        let is_back = unloaded
            .outcomes
            .iter()
            .any(|one| one.outcome == outcome::Outcome::RolledBack);
        if unloaded.proof.is_ok() {
            envelope.consistency = Consistency::Paused;
        }
        let proof_us = unloaded.proof_stopped.as_micros() as u64;
        envelope.stopped_us += unloaded.ran.stopped_us + proof_us;
        envelope.warnings.extend(unloaded.warnings.iter().cloned());
        let held = unloaded.held.as_ref().map(|held| held.paths.clone());
        let mut outcomes: Vec<Outcome> = unloaded.outcomes.iter().map(Outcome::from).collect();
        if is_back {
            for outcome in &mut outcomes {
                outcome.paths.clone_from(&held);
            }
        } else {
            envelope.warnings.extend(warnings_of(&unloaded.done));
        }
        let freed = self
            .plan
            .predicted
            .as_ref()
            .and_then(|all| all.retained_bytes);
        let is_gone = outcomes.iter().all(|one| {
            matches!(
                one.outcome,
                OutcomeKind::Gone | OutcomeKind::GoneNameOnly | OutcomeKind::Mapped
            )
        });
        Unload {
            envelope,
            plan: self.plan,
            dry_run: false,
            injection: Some(Injection::new(&unloaded.ran, unloaded.attempts)),
            outcomes,
            proof: (!is_back).then(|| proof(unloaded, proof_us)),
            collector: (!is_back).then_some(Collector {
                enabled: unloaded.done.collector_enabled,
                frozen: unloaded.done.frozen,
                collected: unloaded.done.collected,
            }),
            held_by: held,
            stale_references: (!is_back).then(|| stale_references(unloaded)).flatten(),
            freed_bytes: freed.filter(|_| is_gone),
            stale: self.stale,
        }
    }

    /// The worst of the outcomes; `None` when nothing ran, or no module was there.
    pub fn worst(&self) -> Option<OutcomeKind> {
        self.outcomes.iter().map(|outcome| outcome.outcome).max()
    }
}

/// None where nothing is left; not known where nothing is proven.
fn stale_references(unloaded: &Unloaded) -> Option<Vec<StaleReference>> {
    let proof = unloaded.proof.as_ref().ok()?;
    let is_left = !proof.remains.certain.is_empty();
    let Some(behind) = &proof.behind else {
        return (!is_left).then(Vec::new);
    };
    let reference = |one: &Name| StaleReference {
        module: one.module.clone(),
        name: one.name.clone(),
        kind: one.kind.clone(),
    };
    Some(behind.names.iter().map(reference).collect())
}

fn proof(unloaded: &Unloaded, stopped_us: u64) -> Proof {
    match &unloaded.proof {
        Ok(proof) => Proof {
            complete: true,
            objects: Some(proof.objects),
            why: None,
            stopped_us,
            loaded_again: proof.present.iter().map(ToString::to_string).collect(),
        },
        Err(error) => Proof {
            complete: false,
            objects: None,
            why: Some(error.to_string()),
            stopped_us,
            loaded_again: Vec::new(),
        },
    }
}

fn warnings_of(done: &answer::Done) -> Vec<String> {
    // `gc.DEBUG_SAVEALL`: what is collected is kept in gc.garbage instead.
    const SAVE_ALL: u64 = 32;
    let mut warnings = Vec::new();
    if done.interrupted {
        let text = "a signal handler of the program raised during its collection, and that is lost";
        warnings.push(text.to_owned());
    } else if !done.collector_enabled {
        let text = "the program has switched its collector off; it was run once for this";
        warnings.push(text.to_owned());
    }
    if done.debug & SAVE_ALL != 0 {
        let text = "gc.DEBUG_SAVEALL is set: what is collected stays alive in gc.garbage";
        warnings.push(text.to_owned());
    }
    warnings
}

impl From<&ModuleOutcome> for Outcome {
    fn from(outcome: &ModuleOutcome) -> Self {
        Outcome {
            name: outcome.name.to_string(),
            outcome: outcome.outcome.into(),
            left: Remaining::from(&outcome.left),
            paths: outcome.paths.clone(),
        }
    }
}

impl From<outcome::Outcome> for OutcomeKind {
    fn from(outcome: outcome::Outcome) -> Self {
        match outcome {
            outcome::Outcome::Gone => OutcomeKind::Gone,
            outcome::Outcome::GoneNameOnly => OutcomeKind::GoneNameOnly,
            outcome::Outcome::Mapped => OutcomeKind::Mapped,
            outcome::Outcome::Unlinked => OutcomeKind::Unlinked,
            outcome::Outcome::RolledBack => OutcomeKind::RolledBack,
            outcome::Outcome::Ghost => OutcomeKind::Ghost,
        }
    }
}

impl From<&Left> for Remaining {
    fn from(left: &Left) -> Self {
        Remaining {
            modules: left.modules,
            globals: left.globals,
            functions: left.functions,
            classes: left.classes,
            class_names: left.class_names.clone(),
            frozen: left.frozen,
            uncertain: left.uncertain,
        }
    }
}
