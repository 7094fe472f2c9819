//! The part of `pyunload.plan/1` that is about a reload: what would move, and by which strength.

use super::plan::{Blocker, Dependent, Plan, Verdict};
use super::stale::{StaleState, StaleWhat};
use crate::change::reload;
use crate::modules::stale::judge::{Beyond, Change};
use crate::modules::stale::survey::Checked;
use schemars::JsonSchema;
use serde::Serialize;

/// The answer of `plan`; of `plan --reload` with what is known of a reload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PlanReload {
    /// The plan. Nothing is removed; `blockers` are what more than the mildest strength is needed for.
    #[serde(flatten)]
    pub plan: Plan,
    /// What would move. Only with `--reload`.
    pub reload: Option<Forecast>,
}

/// What a reload would move, as far as it can be known from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Forecast {
    /// The mildest strength that can move all that is known to differ: `code` or `execute`.
    pub strength: String,
    /// The modules, what is imported before what imports it.
    pub modules: Vec<ForecastModule>,
    /// What is compared only when it is done, or by `reload --dry-run` not either.
    pub not_known: Vec<String>,
}

/// One module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ForecastModule {
    /// Its key.
    pub name: String,
    /// How its code stands to the file.
    pub state: StaleState,
    /// What would move.
    pub moves: Vec<ForecastMove>,
    /// Attributes that would stay: functions of other modules that stand in their place.
    pub stays: Vec<String>,
}

/// Something that would move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ForecastMove {
    /// Its qualified name.
    pub qualname: String,
    /// Its line in the file; of a removed one in the file that was loaded.
    pub line: u32,
    /// What is otherwise.
    pub what: StaleWhat,
    /// The mildest strength that can move it: `code` or `execute`.
    pub strength: String,
    /// What about it asks for more than `code`: `signature`, `closure`, `new_class`, `decorators`.
    pub reason: Option<String>,
}

/// What is in no code object.
const NOT_KNOWN: &str = "default values, decorators, base classes and statements of a module are \
                         compared inside, when it is done; what asks for more is refused then";

impl PlanReload {
    /// Of a reload whose sources compile, and how the modules stand to them.
    pub fn new(planned: &reload::Plan, checked: Vec<Checked>) -> Self {
        let modules: Vec<ForecastModule> = checked.into_iter().map(module).collect();
        let blockers: Vec<Blocker> = modules.iter().flat_map(blockers).collect();
        let is_mild = blockers.is_empty();
        let imported = planned.compiled.imported.iter();
        let mut dependents: Vec<Dependent> = imported
            .map(|(importer, ..)| Dependent {
                module: importer.clone(),
                how: "from_import".to_owned(),
            })
            .collect();
        dependents.sort_by(|one, other| one.module.cmp(&other.module));
        dependents.dedup();
        PlanReload {
            plan: Plan {
                verdict: Some(match is_mild {
                    true => Verdict::Clean,
                    false => Verdict::Remediable,
                }),
                blockers: Some(blockers),
                dependents: Some(dependents),
                ..Plan::of_nothing(modules.iter().map(|one| one.name.clone()).collect())
            },
            reload: Some(Forecast {
                strength: strength(is_mild),
                modules,
                not_known: vec![NOT_KNOWN.to_owned()],
            }),
        }
    }
}

fn strength(is_mild: bool) -> String {
    if is_mild { "code" } else { "execute" }.to_owned()
}

fn module(checked: Checked) -> ForecastModule {
    let changed = checked.judgement.changed.iter();
    let patched = checked.judgement.patched.iter();
    ForecastModule {
        name: checked.name,
        state: checked.state.into(),
        moves: changed.map(one_move).collect(),
        stays: patched.map(|patch| patch.attribute.clone()).collect(),
    }
}

fn one_move(change: &Change) -> ForecastMove {
    let reason = change.beyond.map(|beyond| match beyond {
        Beyond::Signature => "signature",
        Beyond::Closure => "closure",
        Beyond::Class => "new_class",
        Beyond::Decorators => "decorators",
    });
    ForecastMove {
        qualname: change.qualname.clone(),
        line: change.line,
        what: change.what.into(),
        strength: strength(reason.is_none()),
        reason: reason.map(str::to_owned),
    }
}

fn blockers(module: &ForecastModule) -> Vec<Blocker> {
    let moves = module.moves.iter();
    let beyond = moves.filter_map(|one| {
        Some(Blocker {
            kind: one.reason.clone()?,
            name: format!("{}.{}", module.name, one.qualname),
            detail: format!("line {}", one.line),
            path: Vec::new(),
        })
    });
    beyond.collect()
}
