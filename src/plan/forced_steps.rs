//! Steps that cannot be taken back: a generator is closed, a task cancelled, an executor shut, a timer stopped.
//! They are planned only where users insist, and done last.

use crate::address::Address;
use crate::heap::kinds::Kind;
use crate::plan::leads::leads;
use crate::plan::remedy::Remedy;
use crate::plan::step::{Step, Word};
use crate::plan::steps::Case;
use crate::target::view::ViewMemory;

/// What can be ended.
struct Ending {
    /// Classes, as they call themselves.
    classes: &'static [&'static str],
    word: Word,
    /// A word for scripts.
    kind: &'static str,
    what: &'static str,
    /// The attributes that it lets go of; all references where there are none.
    attributes: &'static [&'static str],
}

/// All of them. What comes first is looked for first: a task is cancelled, not its coroutine closed.
const ENDINGS: &[Ending] = &[
    Ending {
        classes: &["Task", "_asyncio.Task"],
        word: Word::Cancel,
        kind: "cancel",
        what: "cancel the task",
        attributes: &[],
    },
    Ending {
        classes: &["generator", "coroutine"],
        word: Word::Close,
        kind: "close",
        what: "close the generator or coroutine",
        attributes: &[],
    },
    Ending {
        classes: &["ThreadPoolExecutor"],
        word: Word::Shutdown,
        kind: "shutdown",
        what: "shut the executor down, without waiting, and forget its initializer",
        attributes: &["_initializer", "_initargs", "_create_worker_context"],
    },
    Ending {
        classes: &["Timer"],
        word: Word::StopTimer,
        kind: "stop_timer",
        what: "cancel the timer, and forget its function",
        attributes: &["function", "args", "kwargs"],
    },
];

/// What would end it, when something on the way can be ended.
pub fn remedy_by_force<M: ViewMemory>(case: &Case<'_, '_, M>) -> Option<Remedy> {
    case.ending().map(|(ending, _)| Remedy {
        kind: ending.kind,
        description: ending.what.to_owned(),
        is_safe: false,
        is_reversible: false,
    })
}

/// The step that ends it.
pub fn forced_step<M: ViewMemory>(case: &Case<'_, '_, M>) -> Option<Step> {
    let (ending, node) = case.ending()?;
    let edges = case.let_go(node, ending.attributes);
    let held = edges
        .iter()
        .filter_map(|&(_, to)| case.picture.graph.find(to));
    let rows = held.map(|value| case.row(None, value)).collect();
    let step = Step {
        edges,
        rows,
        ..case.found_by_references(ending.word, node)?
    };
    (!step.edges.is_empty()).then_some(step)
}

impl<M: ViewMemory> Case<'_, '_, M> {
    /// What on the way can be ended, and where it is. A task that the program itself keeps holds its frames
    /// even then, by the exception that ended it: so only those are cancelled that wait for something.
    fn ending(&self) -> Option<(&'static Ending, u32)> {
        let way = &self.root.way;
        ENDINGS.iter().find_map(|ending| {
            let is_it = |node: &u32| ending.classes.contains(&&*self.picture.class_name(*node));
            let index = way.iter().position(is_it)?;
            let is_waited_for = index > 0 && self.is_of_loop(way[index - 1]);
            (ending.word != Word::Cancel || is_waited_for).then_some((ending, way[index]))
        })
    }

    fn is_of_loop(&self, node: u32) -> bool {
        let class = self.picture.class_name(node);
        let names = [
            "TaskWakeupMethWrapper",
            "TaskStepMethWrapper",
            "Handle",
            "method",
            "builtin_function_or_method",
        ];
        names.iter().any(|name| class.ends_with(name))
    }

    /// The references that go with its end: a suspended function loses its frame, an object the values of its
    /// own that lead to the modules.
    fn let_go(&self, node: u32, attributes: &[&str]) -> Vec<(Address, Address)> {
        let graph = &self.picture.graph;
        let dicts = graph.referents(node).iter().copied();
        let dicts = dicts.filter(|&to| {
            self.picture.kind(to) == Some(Kind::Dict)
                && self.picture.namespaces.of_dict(to).is_none()
        });
        let places: Vec<u32> = std::iter::once(node).chain(dicts).collect();
        let edges = places.iter().flat_map(|&from| {
            let held = graph.referents(from).iter().copied();
            let is_named = move |to: u32| {
                let label = self.picture.label(from, to);
                let is_it =
                    |name: &&str| label == format!(".{name}") || label == format!("['{name}']");
                attributes.is_empty() || attributes.iter().any(is_it)
            };
            let held = held.filter(move |&to| is_named(to));
            let held = held.filter(|to| !places.contains(to) && leads(self.picture, self.own, *to));
            held.map(move |to| (from, to))
        });
        edges
            .map(|(from, to)| (self.at(from), self.at(to)))
            .collect()
    }
}
