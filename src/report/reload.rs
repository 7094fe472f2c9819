//! `pyunload.reload/1`: which modules got new code, and what stays old.

use super::plan::{Blocker, Plan, Verdict};
use super::stale::StaleMember;
use super::unload::OutcomeKind;
use super::{Envelope, Injection, Target};
use crate::change::reload::{self, Reloaded};
use crate::change::reload_answer::{Change, Done, What};
use crate::change::reload_error::Obstacle;
use crate::change::reload_source::Strength;
use schemars::JsonSchema;
use serde::Serialize;

/// The answer of `reload`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Reload {
    /// What every document begins with.
    #[serde(flatten)]
    pub envelope: Envelope,
    /// How much may be done: `code`, `execute`, `whole`, `fresh`.
    pub strength: String,
    /// What was to be done. Its verdict is `null` before it was compared inside.
    pub plan: Plan,
    /// Whether it ended before the first change, as asked for.
    pub dry_run: bool,
    /// How it was made to run; `null` when nothing ran.
    pub injection: Option<Injection>,
    /// What became of each module, what is imported before what imports it.
    pub outcomes: Vec<ReloadOutcome>,
    /// What goes on with old code or an old value.
    pub stale_references: Option<Vec<ReloadStale>>,
    /// Names in other modules that were given the new value.
    pub rebound: Vec<Rebound>,
    /// Modules of a group that have no source.
    pub skipped: Vec<String>,
    /// Calls that are made when these modules run: registrations, threads, files. Empty for `code`.
    pub side_effects: Vec<SideEffect>,
    /// Members of the groups that were stale; `null` when that was not asked.
    pub stale: Option<Vec<StaleMember>>,
    /// Always `null`: a reload is not about memory.
    pub freed_bytes: Option<u64>,
}

/// What became of a module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ReloadOutcome {
    /// Its key.
    pub name: String,
    /// `reloaded`, `unchanged`, `rolled_back`; `unlinked` when its source raised half-way.
    pub outcome: OutcomeKind,
    /// Always `null`: what stays old is in `stale_references`.
    pub paths: Option<Vec<Vec<String>>>,
    /// What changed in it.
    pub changes: Vec<ReloadChange>,
    /// Lines of statements of which it is not known whether they changed: they were not run.
    pub not_compared: Vec<u64>,
    /// Lines of statements that were run.
    pub ran: Vec<u64>,
}

/// A change in a module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ReloadChange {
    /// The name in the module.
    pub qualname: String,
    /// The line in the new source; `null` when it has none.
    pub line: Option<u64>,
    /// What happened to it.
    pub what: ReloadWhat,
}

/// What happened to a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReloadWhat {
    /// A function has a new body.
    Code,
    /// Only its place in the file is another.
    Moved,
    /// A function, a constant or an import is new.
    Added,
    /// A function is gone.
    Removed,
    /// A constant has a new value.
    Constant,
    /// Another object stands for it.
    Replaced,
    /// The program has written it: left alone.
    Kept,
}

/// Something that stays old.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ReloadStale {
    /// The module.
    pub module: String,
    /// The name in it.
    pub name: String,
    /// `running_frame`, `generator`, `coroutine`, `async_generator`, `in_flight`, `cached_results`,
    /// `closure`, `copied_value`, `removed_function`, `lock`.
    pub kind: String,
}

/// A name in another module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Rebound {
    /// The module.
    pub module: String,
    /// The name in it.
    pub name: String,
}

/// A call that is made when a module runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SideEffect {
    /// The module.
    pub module: String,
    /// The line.
    pub line: u64,
    /// What is called.
    pub call: String,
}

impl Reload {
    /// The answer of a run that ends before the first change.
    pub fn planned(target: Target, plan: &reload::Plan) -> Self {
        let mut envelope = Envelope::live("reload", Some(target));
        envelope.warnings.clone_from(&plan.warnings);
        Reload {
            envelope,
            strength: plan.strength.name().to_owned(),
            plan: plan_of(plan, None, &[]),
            dry_run: true,
            injection: None,
            outcomes: Vec::new(),
            stale_references: None,
            rebound: Vec::new(),
            skipped: plan.skipped.clone(),
            side_effects: side_effects(plan),
            stale: None,
            freed_bytes: None,
        }
    }

    /// The answer when no member of the groups is stale, so that nothing was to be done.
    pub fn current(target: Target, strength: Strength, names: Vec<String>, dry_run: bool) -> Self {
        Reload {
            envelope: Envelope::live("reload", Some(target)),
            strength: strength.name().to_owned(),
            outcomes: names
                .iter()
                .map(|name| outcome(name, OutcomeKind::Unchanged))
                .collect(),
            plan: Plan::of_nothing(names),
            dry_run,
            injection: None,
            stale_references: None,
            rebound: Vec::new(),
            skipped: Vec::new(),
            side_effects: Vec::new(),
            stale: Some(Vec::new()),
            freed_bytes: None,
        }
    }

    /// Whether members of the groups were looked for that are stale, and there was none.
    pub fn is_current(&self) -> bool {
        self.stale.as_ref().is_some_and(Vec::is_empty)
    }

    /// The answer of a run that was refused inside, where nothing was changed.
    pub fn refused(target: Target, plan: &reload::Plan, obstacles: &[Obstacle]) -> Self {
        let mut report = Reload::planned(target, plan);
        report.dry_run = false;
        report.plan = plan_of(plan, Some(Verdict::Blocked), obstacles);
        report.outcomes = plan
            .modules
            .iter()
            .map(|one| outcome(&one.name, OutcomeKind::Unchanged))
            .collect();
        report
    }

    /// The answer of a run that changed the target.
    pub fn done(target: Target, reloaded: &Reloaded) -> Self {
        let (plan, done) = (&reloaded.plan, &reloaded.done);
        let mut report = Reload::planned(target, plan);
        report.dry_run = false;
        report.envelope.stopped_us = reloaded.ran.stopped_us;
        report.envelope.warnings.extend(warnings_of(done));
        report.plan = plan_of(plan, Some(Verdict::Clean), &[]);
        report.injection = Some(Injection::new(&reloaded.ran, reloaded.attempts));
        report.outcomes = (0..plan.modules.len())
            .map(|index| outcome_of(index, plan, done))
            .collect();
        let stale = |(module, name, kind): &(String, String, String)| ReloadStale {
            module: module.clone(),
            name: name.clone(),
            kind: kind.clone(),
        };
        report.stale_references = Some(done.stale.iter().map(stale).collect());
        let rebound = |(module, name): &(String, String)| Rebound {
            module: module.clone(),
            name: name.clone(),
        };
        report.rebound = done.rebound.iter().map(rebound).collect();
        report
    }

    /// Whether a module was left half applied.
    pub fn is_half_done(&self) -> bool {
        let half = |one: &ReloadOutcome| one.outcome == OutcomeKind::Unlinked;
        self.outcomes.iter().any(half)
    }

    /// Whether it was refused inside.
    pub fn is_refused(&self) -> bool {
        self.plan.verdict == Some(Verdict::Blocked)
    }
}

fn plan_of(plan: &reload::Plan, verdict: Option<Verdict>, obstacles: &[Obstacle]) -> Plan {
    Plan {
        verdict,
        blockers: verdict.map(|_| obstacles.iter().map(blocker).collect()),
        ..Plan::of_nothing(plan.modules.iter().map(|one| one.name.clone()).collect())
    }
}

fn blocker(obstacle: &Obstacle) -> Blocker {
    Blocker {
        kind: obstacle.what.clone(),
        name: format!("{}.{}", obstacle.module, obstacle.name)
            .trim_end_matches('.')
            .to_owned(),
        detail: match obstacle.line {
            0 => String::new(),
            line => format!("line {line}"),
        },
        path: Vec::new(),
    }
}

fn side_effects(plan: &reload::Plan) -> Vec<SideEffect> {
    if plan.strength == Strength::Code {
        return Vec::new();
    }
    let calls = plan.compiled.modules.iter().flat_map(|one| {
        one.calls.iter().map(|(line, call)| SideEffect {
            module: one.name.clone(),
            line: *line,
            call: call.clone(),
        })
    });
    calls.collect()
}

fn outcome(name: &str, kind: OutcomeKind) -> ReloadOutcome {
    ReloadOutcome {
        name: name.to_owned(),
        outcome: kind,
        paths: None,
        changes: Vec::new(),
        not_compared: Vec::new(),
        ran: Vec::new(),
    }
}

fn outcome_of(index: usize, plan: &reload::Plan, done: &Done) -> ReloadOutcome {
    let own = |&(module, line): &(usize, u64)| (module == index).then_some(line);
    let changes: Vec<&Change> = done
        .changes
        .iter()
        .filter(|one| one.module == index)
        .collect();
    let is_changed = |one: &&Change| one.what != What::Kept;
    let is_half = done.half.as_ref().is_some_and(|half| half.0 == index);
    let is_fresh = done.fresh.contains(&index);
    let kind = if is_half {
        OutcomeKind::Unlinked
    } else if is_fresh || changes.iter().any(is_changed) {
        OutcomeKind::Reloaded
    } else {
        OutcomeKind::Unchanged
    };
    ReloadOutcome {
        changes: changes.into_iter().map(change).collect(),
        not_compared: done.unseen.iter().filter_map(own).collect(),
        ran: done.ran.iter().filter_map(own).collect(),
        ..outcome(&plan.modules[index].name, kind)
    }
}

fn change(change: &Change) -> ReloadChange {
    ReloadChange {
        qualname: change.name.clone(),
        line: (change.line > 0).then_some(change.line),
        what: match change.what {
            What::Code => ReloadWhat::Code,
            What::Moved => ReloadWhat::Moved,
            What::Added => ReloadWhat::Added,
            What::Removed => ReloadWhat::Removed,
            What::Constant => ReloadWhat::Constant,
            What::Replaced => ReloadWhat::Replaced,
            What::Kept => ReloadWhat::Kept,
        },
    }
}

fn warnings_of(done: &Done) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some((_, exception)) = &done.half {
        warnings.push(format!(
            "the source raised {exception} half-way: the module is partly old and partly new"
        ));
    }
    if done.frozen > 0 {
        warnings.push(format!(
            "{} objects are frozen (gc.freeze): closures among them may run old code",
            done.frozen
        ));
    }
    if done.interrupted {
        warnings.push("a signal handler of the program raised after the change".to_owned());
    }
    warnings
}
