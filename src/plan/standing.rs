//! What a root means for an unload: whether something can be done about it, whether it passes, or
//! whether only a new process is free of it.

use crate::heap::kinds::Kind;
use crate::heap::statics::AreaKind;
use crate::modules::picture::{Holder, Picture};
use crate::plan::border::{Anchor, Root};
use crate::plan::hooks::{find_state_hook, find_variable_hook, is_thread_body};
use crate::plan::keeper::{FRAME, judge_place};
use crate::plan::own::Own;
use crate::plan::registries::find_registry;
use crate::plan::remedy::Remedy;
use crate::plan::way::Way;
use crate::pyobject::edges::edge::EdgeName;
use crate::target::view::ViewMemory;

/// What kind of root it is: words for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RootKind {
    /// A name in another module.
    ModuleTable,
    /// A known place of the standard library or the interpreter.
    Registry,
    /// A frame that runs or waits.
    Frame,
    /// State of a thread.
    Thread,
    /// State of the interpreter.
    Interpreter,
    /// A variable of a C library.
    Static,
    /// The C stack.
    Stack,
    /// References that nothing explains.
    CHeld,
    /// An object that is never freed.
    Immortal,
}

impl RootKind {
    /// The word for scripts.
    pub fn word(self) -> &'static str {
        match self {
            RootKind::ModuleTable => "module_table",
            RootKind::Registry => "registry",
            RootKind::Frame => "frame",
            RootKind::Thread => "thread",
            RootKind::Interpreter => "interpreter",
            RootKind::Static => "static",
            RootKind::Stack => "stack",
            RootKind::CHeld => "c_held",
            RootKind::Immortal => "immortal",
        }
    }
}

/// What stands in the way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Something can be done about it.
    Remediable(Remedy),
    /// It is in the way now: what, and for users what they can do.
    Blocked {
        /// A word for scripts: `instance`, `subclass`, `frame`, `task`, `callback`, `reference`.
        kind: &'static str,
        /// What to do about it.
        advice: &'static str,
    },
    /// Nothing can be done.
    Permanent {
        /// Why.
        reason: &'static str,
    },
}

/// What a root is and what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// What kind of root.
    pub kind: RootKind,
    /// What it means.
    pub standing: Standing,
}

/// Judges one root of the border of `own`.
pub fn judge<M: ViewMemory>(picture: &Picture<'_, M>, own: &Own, root: &Root) -> Judged {
    match root.anchor {
        Anchor::Module(dict) => judge_in_module(picture, own, root, dict),
        Anchor::Holder(Holder::Python(place, _)) => judge_place(picture, root, place),
        // To 3.12 the C code of a thread holds the method that is its body (`struct bootstate`).
        Anchor::Holder(Holder::Word { .. }) | Anchor::HeldFromC(_)
            if begins_with_thread(picture, root) =>
        {
            FRAME
        }
        Anchor::Holder(Holder::Word { area, .. }) => judge_word(picture, area),
        // A module that is being imported: C code runs the function that is its body.
        Anchor::HeldFromC(_) if is_body_of_module(picture, root) => FRAME,
        // To 3.10 frames are objects, and C code holds those that run.
        Anchor::HeldFromC(_) if begins_with_frame(picture, root) => FRAME,
        Anchor::HeldFromC(_) => Judged {
            kind: RootKind::CHeld,
            standing: Standing::Permanent {
                reason: "C code holds it, and no reference that could be found explains that",
            },
        },
        Anchor::Immortal => Judged {
            kind: RootKind::Immortal,
            standing: Standing::Permanent {
                reason: "it hangs on an object that is never freed",
            },
        },
    }
}

fn is_body_of_module<M: ViewMemory>(picture: &Picture<'_, M>, root: &Root) -> bool {
    let first = root.way.first().map(|&node| picture.describe(node));
    first.is_some_and(|first| first.kind == "function" && first.name.ends_with(".<module>"))
}

fn begins_with_frame<M: ViewMemory>(picture: &Picture<'_, M>, root: &Root) -> bool {
    let first = root.way.first();
    first.is_some_and(|&node| picture.class_name(node) == "frame")
}

fn begins_with_thread<M: ViewMemory>(picture: &Picture<'_, M>, root: &Root) -> bool {
    let is_body = |&node: &u32| {
        let described = picture.describe(node);
        described.kind == "function" && is_thread_body(&described.name)
    };
    let first = root.way.first().copied();
    first.is_some_and(|first| {
        let is_method = matches!(&*picture.class_name(first), "method" | "instancemethod");
        is_method && picture.graph.referents(first).iter().any(is_body)
    })
}

fn judge_word<M: ViewMemory>(picture: &Picture<'_, M>, area: u32) -> Judged {
    let file = match picture.areas.get(area as usize).map(|area| &area.kind) {
        Some(AreaKind::Stack) => {
            return Judged {
                kind: RootKind::Stack,
                standing: Standing::Blocked {
                    kind: "frame",
                    advice: "C code of a thread uses it now: wait until it returns",
                },
            };
        }
        Some(AreaKind::Variables(file)) => &**file,
        None => "",
    };
    match variable_hook(file) {
        Some(remedy) => Judged {
            kind: RootKind::Registry,
            standing: Standing::Remediable(remedy),
        },
        None => Judged {
            kind: RootKind::Static,
            standing: Standing::Permanent {
                reason: "a variable of C code refers to it",
            },
        },
    }
}

/// A hook in the variables of a module made from C, whose file has its name.
fn variable_hook(file: &str) -> Option<Remedy> {
    let (module, _) = file.split_once('.')?;
    find_variable_hook(module)
}

/// A hook in the state of a module made from C.
fn state_hook<M: ViewMemory>(
    picture: &Picture<'_, M>,
    module: u32,
    value: u32,
    name: &str,
) -> Option<Remedy> {
    let words = picture.names_of(module, value).into_iter();
    let mut remedies = words.filter_map(|word| match word {
        EdgeName::Block { pointer: 0, offset } => find_state_hook(name, offset),
        _ => None,
    });
    remedies.next()
}

fn judge_in_module<M: ViewMemory>(
    picture: &Picture<'_, M>,
    own: &Own,
    root: &Root,
    dict: u32,
) -> Judged {
    let module = picture.module_name(dict).unwrap_or_default();
    if picture.kind(dict) == Some(Kind::Module) {
        let hook = root
            .way
            .first()
            .and_then(|&first| state_hook(picture, dict, first, &module));
        if let Some(remedy) = hook {
            return Judged {
                kind: RootKind::Registry,
                standing: Standing::Remediable(remedy),
            };
        }
        return Judged {
            kind: RootKind::Static,
            standing: Standing::Blocked {
                kind: "extension",
                advice: "a module made from C keeps it in its state: unload that module as well",
            },
        };
    }
    let first = root.way.first().copied().unwrap_or(dict);
    let name = names_in(picture, dict, first)
        .into_iter()
        .next()
        .unwrap_or_default();
    if let Some(registry) = find_registry(&module, &name) {
        return Judged {
            kind: RootKind::Registry,
            standing: Standing::Remediable(registry.into()),
        };
    }
    let way = Way::new(picture, root);
    if let Some((kind, standing)) = way.find_keeper(&module, &name) {
        return Judged { kind, standing };
    }
    Judged {
        kind: RootKind::ModuleTable,
        standing: judge_way(picture, own, &way, &module, &name),
    }
}

fn judge_way<M: ViewMemory>(
    picture: &Picture<'_, M>,
    own: &Own,
    way: &Way<'_, '_, M>,
    module: &str,
    name: &str,
) -> Standing {
    let Some((&member, holders)) = way.nodes.split_last() else {
        return Standing::Permanent { reason: "" };
    };
    let Some(&holder) = holders.last() else {
        return Standing::Remediable(Remedy {
            kind: "delete_name",
            description: format!("delete or rebind {name} of {module}"),
            is_safe: false,
            is_reversible: true,
        });
    };
    if way.has_suspended() {
        return Standing::Blocked {
            kind: "task",
            advice: "a generator or task that has not ended uses it: let it end, or close it",
        };
    }
    if let Some(remedy) = way.attribute_of_class() {
        return Standing::Remediable(remedy);
    }
    if way.has_callback() {
        return Standing::Blocked {
            kind: "callback",
            advice: "C code may call it: drop the ctypes callback when none does any more",
        };
    }
    let is_instance =
        picture.names_of(holder, member).contains(&EdgeName::Class) && own.members.has(member);
    match picture.kind(holder) {
        _ if is_instance => Standing::Blocked {
            kind: "instance",
            advice: "drop the objects: they are yours, pyunload does not touch them",
        },
        Some(Kind::Class) => Standing::Blocked {
            kind: "subclass",
            advice: "unload the module of the subclass as well",
        },
        _ => Standing::Blocked {
            kind: "reference",
            advice: "drop the reference: the data is yours, pyunload does not touch it",
        },
    }
}

/// The names under which the globals `dict` give an object.
pub fn names_in<M: ViewMemory>(picture: &Picture<'_, M>, dict: u32, value: u32) -> Vec<String> {
    let keys = picture.names_of(dict, value).into_iter();
    keys.filter_map(|name| match name {
        EdgeName::Value(key) => Some(picture.text_at(key)?.escaped()),
        _ => None,
    })
    .collect()
}
