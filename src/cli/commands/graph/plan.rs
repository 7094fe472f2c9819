//! What an unload would come to.

use crate::change::error::UnloadError;
use crate::change::look::Seen;
use crate::change::plan as change;
use crate::cpython::python::Interpreter;
use crate::plan::border::{Anchor, Border, Root};
use crate::plan::cut::Cut;
use crate::plan::key::Key;
use crate::plan::own::{Cuts, Own};
use crate::plan::predict::predict;
use crate::plan::standing::{Standing, judge, names_in};
use crate::plan::step::Step;
use crate::plan::steps::{Allowed, Planned};
use crate::pyobject::text::{self, Text};
use crate::report::{
    Blocker, Dependent, Plan, Predicted, PredictedLeft, Reference, Remedy, Verdict,
};
use std::collections::{BTreeSet, HashSet};

/// How many holders are told at most.
const TOLD: usize = 50;

/// The answer, and what is to be done.
///
/// # Errors
/// [`UnloadError`]: it may not be unloaded, or is not there.
pub fn answer(
    picture: &Seen<'_>,
    interpreter: &Interpreter,
    names: &[Key],
    allowed: Allowed,
) -> Result<(Plan, change::Plan), UnloadError> {
    let (planned, found) = change::plan_seen(picture, interpreter, names, allowed)?;
    let (own, steps) = (&found.own, &planned.steps);
    let Planned { before, after, .. } = &found.planned;
    let (cut, cuts) = (&planned.cut, &found.planned.cuts);
    let mut plan = Plan::from(cut);
    let of = |border: &Border| verdict(picture, own, border, &|_| false);
    let verdicts = [of(before), of(after)].into_iter();
    plan.verdict = verdicts.max_by_key(|one| *one as u8);
    plan.blockers = Some(blockers(picture, own, [before, after]));
    plan.remedies = Some(remedies(picture, own, [before, after], steps));
    plan.dependents = Some(dependents(picture, own, before));
    plan.remove.references = Some(references(picture, steps));
    plan.predicted = Some(predicted(picture, cut, cuts));
    Ok((plan, planned))
}

pub use super::take::warnings_of;

/// How references that nothing explains are told, behind their number.
pub const FROM_C: &str = "references from C";

/// Names in other modules that go.
fn references(picture: &Seen<'_>, steps: &[Step]) -> Vec<Reference> {
    let mut all = Vec::new();
    for step in steps
        .iter()
        .filter(|step| step.remedy.kind == "delete_name")
    {
        for row in &step.rows {
            let read = |key| text::read(picture.memory, &picture.python.layout, key).ok();
            all.extend(row.key.and_then(read).map(|name| Reference {
                module: step.module.to_string(),
                name: name.escaped(),
            }));
        }
    }
    all
}

/// The ways from whatever holds something of it.
pub fn tell(picture: &Seen<'_>, border: &Border) -> Vec<Vec<String>> {
    let roots = border.roots.iter().take(TOLD);
    roots.map(|root| path(picture, root)).collect()
}

/// The verdict of `why`: what the unload of this name takes away by itself does not count.
pub fn verdict_of(picture: &Seen<'_>, own: &Own, border: &Border, name: &str) -> Verdict {
    verdict(picture, own, border, &|root| detached(picture, root, name))
}

/// Whether a root is the attribute of the parent package.
pub fn detached(picture: &Seen<'_>, root: &Root, name: &str) -> bool {
    let (Anchor::Module(dict), [member]) = (root.anchor, &root.way[..]) else {
        return false;
    };
    let Some((parent, leaf)) = Key::new(name).parent() else {
        return false;
    };
    picture
        .module_name(dict)
        .is_some_and(|module| Key::new(&module) == parent)
        && picture.module_name(*member).is_some()
        && names_in(picture, dict, *member)
            .iter()
            .all(|name| Key::new(name) == leaf)
}

fn verdict(
    picture: &Seen<'_>,
    own: &Own,
    border: &Border,
    is_detached: &dyn Fn(&Root) -> bool,
) -> Verdict {
    let roots = border.roots.iter().filter(|root| !is_detached(root));
    let verdicts = roots.map(|root| match judge(picture, own, root).standing {
        Standing::Remediable(_) => Verdict::Remediable,
        Standing::Blocked { .. } => Verdict::Blocked,
        Standing::Permanent { .. } => Verdict::Restart,
    });
    let worst = verdicts.max_by_key(|verdict| *verdict as u8);
    match (worst, border.is_cut) {
        (Some(verdict), _) => verdict,
        (None, true) => Verdict::Blocked,
        (None, false) => Verdict::Clean,
    }
}

/// What nothing can be done about comes first: it is the reason of the verdict.
fn blockers(picture: &Seen<'_>, own: &Own, borders: [&Border; 2]) -> Vec<Blocker> {
    let blocker = |root: &Root| {
        let (is_passing, kind, detail) = match judge(picture, own, root).standing {
            Standing::Remediable(_) => return None,
            Standing::Blocked { kind, advice } => (true, kind, advice),
            Standing::Permanent { reason } => (false, "no_remedy", reason),
        };
        let path: Vec<String> = path(picture, root);
        let blocker = Blocker {
            kind: kind.to_owned(),
            name: path.first().cloned().unwrap_or_default(),
            detail: detail.to_owned(),
            path,
        };
        Some((is_passing, blocker))
    };
    let roots = borders.into_iter().flat_map(|border| &border.roots);
    let mut blockers: Vec<(bool, Blocker)> = Vec::new();
    for found in roots.filter_map(blocker) {
        if !blockers.contains(&found) {
            blockers.push(found);
        }
    }
    blockers.sort_by_key(|&(is_passing, _)| is_passing);
    blockers.into_iter().map(|(_, blocker)| blocker).collect()
}

/// A way in words, one step each.
fn path(picture: &Seen<'_>, root: &Root) -> Vec<String> {
    let mut path = Vec::new();
    match root.anchor {
        Anchor::Module(dict) => {
            let module = picture.module_name(dict).unwrap_or_default();
            let edge = root.way.first().map(|&first| picture.label(dict, first));
            path.push(format!("{module}{}", edge.unwrap_or_default()));
        }
        Anchor::Holder(place) => {
            let (object, edge) = super::holders::holder(picture, place);
            let name = object
                .name
                .map(|name| format!(" {name}"))
                .unwrap_or_default();
            path.push(format!("{}{name}{edge}", object.kind).trim_end().to_owned());
        }
        Anchor::HeldFromC(count) => path.push(format!("{count} {FROM_C}")),
        Anchor::Immortal => path.push("an object that is never freed".to_owned()),
    }
    for (index, &node) in root.way.iter().enumerate() {
        let described = picture.describe(node);
        let edge = root
            .way
            .get(index + 1)
            .map(|&next| picture.label(node, next));
        let name = Some(described.name).filter(|name| !name.is_empty());
        let words: Vec<String> = [Some(described.kind), name].into_iter().flatten().collect();
        path.push(format!("{}{}", words.join(" "), edge.unwrap_or_default()));
    }
    path
}

fn remedies(picture: &Seen<'_>, own: &Own, borders: [&Border; 2], steps: &[Step]) -> Vec<Remedy> {
    let mut remedies: Vec<Remedy> = Vec::new();
    for root in borders.into_iter().flat_map(|border| &border.roots) {
        if let Standing::Remediable(remedy) = judge(picture, own, root).standing {
            let remedy = Remedy {
                by_unload: steps.iter().any(|step| step.remedy == remedy),
                kind: remedy.kind.to_owned(),
                detail: remedy.description,
                safe: remedy.is_safe,
                reversible: remedy.is_reversible,
            };
            if !remedies.contains(&remedy) {
                remedies.push(remedy);
            }
        }
    }
    // What only force does stands in no table of what can be done.
    for step in steps.iter().filter(|step| !step.remedy.is_reversible) {
        let remedy = Remedy {
            by_unload: true,
            kind: step.remedy.kind.to_owned(),
            detail: step.remedy.description.clone(),
            safe: step.remedy.is_safe,
            reversible: false,
        };
        if !remedies.contains(&remedy) {
            remedies.push(remedy);
        }
    }
    remedies
}

fn dependents(picture: &Seen<'_>, own: &Own, border: &Border) -> Vec<Dependent> {
    let mut found: BTreeSet<(String, &str)> = BTreeSet::new();
    for root in &border.roots {
        let Anchor::Module(dict) = root.anchor else {
            continue;
        };
        let Some(module) = picture.module_name(dict) else {
            continue;
        };
        let how = match judge(picture, own, root).standing {
            Standing::Remediable(remedy) if remedy.kind == "delete_name" => {
                let is_module = root
                    .way
                    .first()
                    .is_some_and(|node| own.modules.contains(node));
                if is_module { "import" } else { "from_import" }
            }
            Standing::Blocked {
                kind: "instance", ..
            } => "instance",
            Standing::Blocked {
                kind: "subclass", ..
            } => "subclass",
            Standing::Remediable(_) => "registry",
            _ => "reference",
        };
        found.insert((module, how));
    }
    let dependent = |(module, how): (String, &str)| Dependent {
        module,
        how: how.to_owned(),
    };
    found.into_iter().map(dependent).collect()
}

fn predicted(picture: &Seen<'_>, cut: &Cut, cuts: &Cuts) -> Predicted {
    let prediction = predict(picture, cut, cuts, &HashSet::new());
    let names = |keys: &[Key]| keys.iter().map(ToString::to_string).collect();
    let left = |key: &Key| {
        let namespace = picture.namespaces.named(&Text::from(key)).next();
        PredictedLeft {
            name: key.to_string(),
            functions: namespace.map_or(0, |one| one.functions.len() as u64),
            classes: namespace.map_or(0, |one| one.classes.len() as u64),
            instances: 0,
            retained_bytes: None,
        }
    };
    Predicted {
        left: prediction.ghost.iter().map(left).collect(),
        gone: names(&prediction.gone),
        ghost: names(&prediction.ghost),
        mapped: names(&prediction.mapped),
        retained_bytes: Some(prediction.freed_bytes),
    }
}
