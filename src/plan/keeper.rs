//! What it means that the interpreter itself keeps something: a hook, a callback, a frame, a thread.

use crate::address::Address;
use crate::modules::picture::Picture;
use crate::plan::border::Root;
use crate::plan::hooks::{Hook, find_hook, find_thread_hook};
use crate::plan::remedy::{Remedy, signal_remedy};
use crate::plan::standing::{Judged, RootKind, Standing};
use crate::pyobject::edges::edge::EdgeName;
use crate::pyobject::edges::roots::RootPlace;
use crate::target::memory::ReadMemoryExt;
use crate::target::view::ViewMemory;

/// A frame that runs.
pub const FRAME: Judged = Judged {
    kind: RootKind::Frame,
    standing: Standing::Blocked {
        kind: "frame",
        advice: "a function that runs uses it: wait until it returns",
    },
};

/// Judges a root that is a word of the interpreter's state.
pub fn judge_place<M: ViewMemory>(
    picture: &Picture<'_, M>,
    root: &Root,
    place: RootPlace,
) -> Judged {
    let keepers = &picture.python.layout.heap.keepers;
    match place {
        RootPlace::Frame { .. } => FRAME,
        RootPlace::Thread { thread, offset } => {
            let member = keepers.thread_member_at(u64::from(offset));
            judge_thread(picture, thread, member.unwrap_or_default())
        }
        RootPlace::Interpreter { offset, .. } => {
            let member = keepers.interpreter_member_at(u64::from(offset));
            match member.and_then(find_hook) {
                Some(hook) if hook.kind == "atexit" => judge_exit(picture, root, hook),
                Some(hook) => judge_hook(hook),
                None => Judged {
                    kind: RootKind::Interpreter,
                    standing: Standing::Permanent {
                        reason: "the interpreter itself holds it",
                    },
                },
            }
        }
        RootPlace::Exit { .. } => {
            let hook = find_hook("atexit_callbacks");
            hook.map_or(FRAME, |hook| judge_exit(picture, root, hook))
        }
        RootPlace::Signal { number } => Judged {
            kind: RootKind::Registry,
            standing: Standing::Remediable(signal_remedy(number)),
        },
    }
}

fn judge_hook(hook: &Hook) -> Judged {
    Judged {
        kind: RootKind::Registry,
        standing: match hook.remedy() {
            Some(remedy) => Standing::Remediable(remedy),
            None => Standing::Permanent { reason: hook.what },
        },
    }
}

/// An exit handler goes by itself: who wants it gone has to have it. Nobody has a lambda that was
/// only registered.
fn judge_exit<M: ViewMemory>(picture: &Picture<'_, M>, root: &Root, hook: &Hook) -> Judged {
    let is_list = |node| matches!(&*picture.class_name(node), "list" | "tuple");
    let callback = root.way.iter().copied().find(|&node| !is_list(node));
    let is_named = |node: u32| {
        let mut referrers = picture.graph.referrers(node).iter();
        referrers.any(|&holder| !is_list(holder))
    };
    match callback {
        Some(node) if !is_named(node) => Judged {
            kind: RootKind::Registry,
            standing: Standing::Permanent {
                reason: "an exit handler that nothing else leads to cannot be unregistered",
            },
        },
        _ => judge_hook(hook),
    }
}

/// Judges a value of `threading.local` by the way from the object that has it: the dict of a thread
/// has it as well, and only that thread can let go of it.
pub fn judge_thread_local<M: ViewMemory>(
    picture: &Picture<'_, M>,
    way: &[u32],
) -> (RootKind, Standing) {
    let graph = &picture.graph;
    let offset = picture.python.layout.heap.keepers.thread_member("dict");
    let word = picture.tracer().main_thread().zip(offset);
    let dict = word.and_then(|(thread, offset)| {
        let dict: Address = picture.memory.read_at(thread.offset(offset)).ok()?;
        graph.find(dict)
    });
    // The dict of the thread has an object that knows the values without owning them
    // (`localdummyobject` of `Modules/_threadmodule.c`): its first member.
    let first = picture.python.layout.header.size;
    let knows = |dummy: u32, value: u32| {
        let word = graph.address(dummy).offset(first);
        picture.memory.read_at::<Address>(word) == Ok(graph.address(value))
    };
    // From 3.13 on the thread itself has that object, and it is the key of the values.
    let member = picture
        .python
        .layout
        .heap
        .keepers
        .thread_member("threading_local_key");
    let thread = picture.tracer().main_thread();
    let own_key = thread.zip(member).and_then(|(thread, offset)| {
        picture
            .memory
            .read_at::<Address>(thread.offset(offset))
            .ok()
    });
    let is_own_key = |holder: u32, value: u32| {
        own_key.is_some_and(|key| {
            picture
                .names_of(holder, value)
                .contains(&EdgeName::Value(key))
        })
    };
    let of_thread = dict.map_or(&[][..], |dict| graph.referents(dict));
    let is_of_main = way.windows(2).any(|step| {
        let mut dummies = of_thread.iter();
        is_own_key(step[0], step[1]) || dummies.any(|&dummy| knows(dummy, step[1]))
    });
    let remedy = find_thread_hook("dict").and_then(Hook::remedy);
    (RootKind::Thread, standing_in_thread(remedy, is_of_main))
}

/// What runs in a target runs in its main thread.
fn standing_in_thread(remedy: Option<Remedy>, is_main: bool) -> Standing {
    match remedy {
        Some(remedy) if is_main => Standing::Remediable(remedy),
        _ => Standing::Blocked {
            kind: "thread",
            advice: "only the thread that has it can let go of it: it must do so, or end",
        },
    }
}

fn judge_thread<M: ViewMemory>(picture: &Picture<'_, M>, thread: Address, member: &str) -> Judged {
    if member == "frame" {
        return FRAME;
    }
    let blocked = |kind, advice| Standing::Blocked { kind, advice };
    let remedy = find_thread_hook(member).and_then(Hook::remedy);
    let is_main = picture.tracer().main_thread() == Some(thread);
    let standing = match (remedy, member) {
        (Some(remedy), _) => standing_in_thread(Some(remedy), is_main),
        (None, "exc_state" | "current_exception" | "async_exc") => blocked(
            "exception",
            "a thread handles an exception that leads to it: wait until that is over",
        ),
        (None, _) => blocked("thread", "the state of a thread holds it"),
    };
    Judged {
        kind: RootKind::Thread,
        standing,
    }
}
