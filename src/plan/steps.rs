//! Which steps would make the roots of a border let go.
//!
//! Only what can be found again inside the target becomes a step: the way from a module's namespace has
//! to be one that Python can go, or the interpreter itself has to give what it keeps.

use crate::address::Address;
use crate::modules::picture::{Holder, Picture};
use crate::plan::border::{Anchor, Border, Root, find_border};
use crate::plan::cut::Cut;
use crate::plan::forced_steps::{forced_step, remedy_by_force};
use crate::plan::hook_steps::hook_step;
use crate::plan::hops::Places;
use crate::plan::own::{Cuts, Own};
use crate::plan::registry_steps::registry_step;
use crate::plan::remedy::Remedy;
use crate::plan::standing::{Standing, judge};
use crate::plan::step::Step;
use crate::target::view::ViewMemory;

/// How often it is looked whether something else holds the modules, when what was found is gone.
const ROUNDS: usize = 12;

/// What users allow besides what their program does not notice or can be put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Allowed {
    /// Deleting names in other modules, and attributes of their classes.
    pub references: bool,
    /// Ending what the program has begun: closing generators, cancelling tasks, shutting executors.
    pub force: bool,
}

/// What one root needs.
pub struct Case<'c, 'm, M> {
    /// Everything that is alive.
    pub picture: &'c Picture<'m, M>,
    /// What is to go.
    pub own: &'c Own,
    /// How things are found again.
    pub places: &'c Places,
    /// The root.
    pub root: &'c Root,
    /// What makes it let go.
    pub remedy: Remedy,
    /// What users allow.
    pub allowed: Allowed,
}

/// Steps, and what is left when they are done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// In the order in which they are done.
    pub steps: Vec<Step>,
    /// The references that go, by the cut and by the steps.
    pub cuts: Cuts,
    /// What holds the modules before anything is done.
    pub before: Border,
    /// What still holds them then.
    pub after: Border,
}

/// Works them out: a root that is gone may show another one behind it.
pub fn plan_steps<M: ViewMemory>(
    picture: &Picture<'_, M>,
    cut: &Cut,
    own: &Own,
    allowed: Allowed,
) -> Planned {
    let places = Places::of(picture);
    let mut cuts = Cuts::of(picture, cut);
    let before = find_border(picture, own, &cuts);
    let mut after = before.clone();
    let mut steps: Vec<Step> = Vec::new();
    for _ in 0..ROUNDS {
        let mut is_new = false;
        for root in &after.roots {
            for step in steps_of(picture, own, &places, root, allowed) {
                let is_known = |known: &Step| known.is_same(&step);
                if !steps.iter().any(is_known) {
                    is_new = true;
                    steps.push(step);
                }
            }
        }
        if !is_new {
            break;
        }
        cuts = Cuts::of(picture, cut).with_steps(picture, &steps);
        after = find_border(picture, own, &cuts);
    }
    steps.sort_by_key(|step| step.word);
    Planned {
        steps,
        cuts,
        before,
        after,
    }
}

fn steps_of<M: ViewMemory>(
    picture: &Picture<'_, M>,
    own: &Own,
    places: &Places,
    root: &Root,
    allowed: Allowed,
) -> Vec<Step> {
    let judged = judge(picture, own, root);
    let case = Case {
        picture,
        own,
        places,
        root,
        remedy: Remedy::default(),
        allowed,
    };
    let Standing::Remediable(remedy) = judged.standing else {
        return forced(case).into_iter().collect();
    };
    let case = Case { remedy, ..case };
    match root.anchor {
        Anchor::Module(dict) => registry_step(&case, dict).into_iter().collect(),
        Anchor::Holder(Holder::Python(place, _)) => hook_step(&case, place),
        _ => Vec::new(),
    }
}

/// What users insist on where nothing else helps.
fn forced<M: ViewMemory>(case: Case<'_, '_, M>) -> Option<Step> {
    if !case.allowed.force {
        return None;
    }
    let remedy = remedy_by_force(&case)?;
    forced_step(&Case { remedy, ..case })
}

impl Step {
    /// Whether both do the same.
    fn is_same(&self, other: &Step) -> bool {
        let what = |step: &Step| {
            let rows = step.rows.clone();
            (
                step.word,
                step.container,
                step.number,
                rows,
                step.edges.clone(),
            )
        };
        what(self) == what(other)
    }
}

impl<M: ViewMemory> Case<'_, '_, M> {
    /// The address of an object.
    pub fn at(&self, node: u32) -> Address {
        self.picture.graph.address(node)
    }
}
