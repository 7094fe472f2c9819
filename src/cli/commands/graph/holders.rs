//! Objects, references and roots, as reports have them.

use super::take::Seen;
use crate::heap::statics::AreaKind;
use crate::modules::picture::Holder;
use crate::plan::border::{Anchor, Border, Root};
use crate::plan::own::Own;
use crate::plan::standing::{self, Standing, judge};
use crate::pyobject::edges::edge::EdgeName;
use crate::pyobject::edges::roots::RootPlace;
use crate::report;
use crate::report::{Instances, Object, RootKind, RootRemedy, Step};

/// An object.
pub fn object(picture: &Seen<'_>, node: u32) -> Object {
    let described = picture.describe(node);
    Object {
        kind: described.kind,
        name: Some(described.name).filter(|name| !name.is_empty()),
        address: Some(picture.graph.address(node).into()),
    }
}

/// What holds something without being an object, and what the reference is called.
pub fn holder(picture: &Seen<'_>, holder: Holder) -> (Object, String) {
    let plain = |kind: &str, name: Option<String>| Object {
        kind: kind.to_owned(),
        name,
        address: None,
    };
    match holder {
        Holder::Python(RootPlace::Frame { code, .. }, name) => {
            let function = picture.code_name(code);
            (plain("frame", function), label(picture, name))
        }
        Holder::Python(RootPlace::Thread { thread, .. }, name) => {
            let object = Object {
                address: Some(thread.into()),
                ..plain("thread", None)
            };
            (object, label(picture, name))
        }
        Holder::Python(RootPlace::Interpreter { id, .. }, name) => (
            plain("interpreter", Some(id.to_string())),
            label(picture, name),
        ),
        Holder::Python(RootPlace::Exit { id, index }, name) => (
            plain("interpreter", Some(id.to_string())),
            format!(
                ".atexit[{index}]{}",
                picture.tracer().label(crate::address::Address::NULL, name)
            ),
        ),
        Holder::Python(RootPlace::Signal { number }, _) => (
            plain("interpreter", None),
            format!(" handler of signal {number}"),
        ),
        Holder::Word { area, at } => {
            let (kind, name) = match picture.areas.get(area as usize).map(|area| &area.kind) {
                Some(AreaKind::Variables(file)) => ("static", Some(file.clone())),
                Some(AreaKind::Stack) => ("stack", None),
                None => ("static", None),
            };
            let object = Object {
                address: Some(at.into()),
                ..plain(kind, name)
            };
            (object, String::new())
        }
    }
}

fn label(picture: &Seen<'_>, name: EdgeName) -> String {
    let nowhere = crate::address::Address::NULL;
    picture.tracer().label(nowhere, name)
}

/// The roots of a border. Those that `is_detached` names go with the module itself.
pub fn roots(
    picture: &Seen<'_>,
    own: &Own,
    border: &Border,
    is_detached: impl Fn(&Root) -> bool,
) -> Vec<report::Root> {
    let roots = border.roots.iter().enumerate();
    roots
        .map(|(number, root)| {
            let judged = judge(picture, own, root);
            report::Root {
                path: path(picture, own, root),
                root_kind: root_kind(judged.kind),
                holder: holder_in_words(&judged),
                module: match root.anchor {
                    Anchor::Module(dict) => picture.module_name(dict),
                    _ => None,
                },
                count: root.references as u64,
                instances: instances(picture, own, border, number),
                detached_by_unload: is_detached(root),
                remedy: remedy(judged.standing),
            }
        })
        .collect()
}

/// From the root to the globals of the module.
fn path(picture: &Seen<'_>, own: &Own, root: &Root) -> Vec<Step> {
    let mut steps = Vec::new();
    match root.anchor {
        Anchor::Module(dict) => {
            let edge = root.way.first().map(|&first| picture.label(dict, first));
            let object = Object {
                kind: "module".to_owned(),
                ..object(picture, dict)
            };
            steps.push(Step { object, edge });
        }
        Anchor::Holder(place) => {
            let (object, edge) = holder(picture, place);
            steps.push(Step {
                object,
                edge: Some(edge).filter(|edge| !edge.is_empty()),
            });
        }
        Anchor::HeldFromC(_) | Anchor::Immortal => {}
    }
    for (index, &node) in root.way.iter().enumerate() {
        let next = root.way.get(index + 1);
        steps.push(Step {
            object: object(picture, node),
            edge: next.map(|&next| picture.label(node, next)),
        });
    }
    let last = root.way.last().copied();
    let globals = last.and_then(|node| {
        let referents = picture.graph.referents(node).iter().copied();
        referents.into_iter().find(|to| own.dicts.contains(to))
    });
    if let (Some(last), Some(globals)) = (last, globals)
        && !own.dicts.contains(&last)
    {
        if let Some(step) = steps.last_mut() {
            step.edge = Some(picture.label(last, globals));
        }
        steps.push(Step {
            object: object(picture, globals),
            edge: None,
        });
    }
    steps
}

/// The instances of classes of the set that a root holds, when it is one class.
fn instances(picture: &Seen<'_>, own: &Own, border: &Border, root: usize) -> Option<Instances> {
    let mut count = 0;
    let mut class = None;
    for crossing in border
        .crossings
        .iter()
        .filter(|crossing| crossing.root == root)
    {
        let from = crossing.from?;
        let at = picture.graph.address(crossing.to);
        if picture.class_of(from) != Some(at) || !own.members.has(crossing.to) {
            continue;
        }
        if class.is_some_and(|known| known != crossing.to) {
            return None;
        }
        class = Some(crossing.to);
        count += 1;
    }
    let class = class?;
    let class = picture.describe(class).name;
    Some(Instances { class, count })
}

fn root_kind(kind: standing::RootKind) -> RootKind {
    match kind {
        standing::RootKind::ModuleTable => RootKind::ModuleTable,
        standing::RootKind::Registry => RootKind::Registry,
        standing::RootKind::Frame => RootKind::Frame,
        standing::RootKind::Thread => RootKind::Thread,
        standing::RootKind::Interpreter => RootKind::Interpreter,
        standing::RootKind::Static | standing::RootKind::Stack | standing::RootKind::CHeld => {
            RootKind::CHeld
        }
        standing::RootKind::Immortal => RootKind::Other,
    }
}

fn holder_in_words(judged: &standing::Judged) -> Option<String> {
    match &judged.standing {
        Standing::Permanent { reason } => Some((*reason).to_owned()),
        Standing::Remediable(_) | Standing::Blocked { .. } => None,
    }
}

fn remedy(standing: Standing) -> Option<RootRemedy> {
    match standing {
        Standing::Remediable(remedy) => Some(RootRemedy {
            kind: remedy.kind.to_owned(),
            description: remedy.description,
            safe: remedy.is_safe,
            reversible: remedy.is_reversible,
        }),
        Standing::Blocked { kind, advice } => Some(RootRemedy {
            kind: kind.to_owned(),
            description: advice.to_owned(),
            safe: false,
            reversible: false,
        }),
        Standing::Permanent { .. } => None,
    }
}
