//! Steps for what the interpreter itself keeps: callbacks, handlers, functions of threads.

use crate::modules::picture::Holder;
use crate::plan::key::Key;
use crate::plan::leads::leads;
use crate::plan::step::{Hop, Row, Step, Word};
use crate::plan::steps::Case;
use crate::pyobject::edges::edge::EdgeName;
use crate::pyobject::edges::roots::RootPlace;
use crate::target::view::ViewMemory;

/// The steps for a root that is a word of the interpreter's state.
pub fn hook_step<M: ViewMemory>(case: &Case<'_, '_, M>, place: RootPlace) -> Vec<Step> {
    let keepers = &case.picture.python.layout.heap.keepers;
    match place {
        RootPlace::Signal { number } => case.given(Word::SignalHandler, number.into(), place),
        RootPlace::Exit { .. } => case.exit_handler(place),
        RootPlace::Thread { offset, .. } => match keepers.thread_member_at(offset.into()) {
            Some("c_profileobj") => case.given(Word::Profile, 0, place),
            Some("c_traceobj") => case.given(Word::Trace, 0, place),
            Some("coroutine_wrapper") => case.given(Word::CoroutineWrapper, 0, place),
            Some("async_gen_firstiter") => case.given(Word::AsyncgenHook, 0, place),
            Some("async_gen_finalizer") => case.given(Word::AsyncgenHook, 1, place),
            Some("context") => case.context_variable(),
            _ => Vec::new(),
        },
        RootPlace::Interpreter { offset, .. } => {
            let offset = u64::from(offset);
            match keepers.interpreter_member_at(offset) {
                Some("atexit_callbacks") => case.listed_exit_handler(),
                Some("monitoring_callables") => case.monitoring(offset, place),
                Some("codec_error_registry") => case.codec_errors(),
                Some("codec_search_path") => case.codec(),
                _ => Vec::new(),
            }
        }
        RootPlace::Frame { .. } => Vec::new(),
    }
}

impl<M: ViewMemory> Case<'_, '_, M> {
    /// What the interpreter gives when it is asked.
    fn given(&self, word: Word, number: u64, place: RootPlace) -> Vec<Step> {
        let step = Step {
            rows: vec![self.row(None, self.root.way[0])],
            number,
            places: vec![place],
            ..self.step(word)
        };
        vec![step]
    }

    /// What has to be found by a way of its own.
    pub fn found(&self, word: Word, node: u32) -> Option<Step> {
        let way = self.places.find(self.picture, node)?;
        Some(self.at_end_of(way, word, node))
    }

    /// What may be found by any reference.
    pub fn found_by_references(&self, word: Word, node: u32) -> Option<Step> {
        let way = self.places.find_by_references(self.picture, node)?;
        Some(self.at_end_of(way, word, node))
    }

    fn at_end_of(&self, (module, hops): (Key, Vec<Hop>), word: Word, node: u32) -> Step {
        Step {
            module,
            hops,
            container: self.at(node),
            ..self.step(word)
        }
    }

    fn exit_handler(&self, place: RootPlace) -> Vec<Step> {
        let is_function = |holder: &Holder| {
            matches!(holder, Holder::Python(at, EdgeName::Attribute(name))
                if *at == place && *name == "func")
        };
        let graph = &self.picture.graph;
        let is_it = |node: &u32| self.picture.holders_of(*node).iter().any(is_function);
        let function = self.root.way.first().copied().filter(|node| is_it(node));
        let function = function.or_else(|| (0..graph.len() as u32).find(is_it));
        let step = function.and_then(|node| self.found(Word::ExitHandler, node));
        step.map(|step| Step {
            places: vec![place],
            ..step
        })
        .into_iter()
        .collect()
    }

    /// From 3.14 on they are in a list.
    fn listed_exit_handler(&self) -> Vec<Step> {
        let [list, entry, ..] = self.root.way[..] else {
            return Vec::new();
        };
        let is_list = |node: &u32| matches!(&*self.picture.class_name(*node), "list" | "tuple");
        let mut way = self.root.way.iter();
        let function = way.find(|node| !is_list(node));
        let step = function.and_then(|&node| self.found(Word::ExitHandler, node));
        step.map(|step| Step {
            edges: vec![(self.at(list), self.at(entry))],
            ..step
        })
        .into_iter()
        .collect()
    }

    /// Which tool and which event is told by where the word is: rows of one tool each.
    fn monitoring(&self, offset: u64, place: RootPlace) -> Vec<Step> {
        const TOOLS: u64 = 8;
        let keepers = &self.picture.python.layout.heap.keepers;
        let start = keepers.interpreter_member("monitoring_callables");
        let end = keepers.interpreter_member("monitoring_tool_names");
        let Some((start, end)) = start.zip(end) else {
            return Vec::new();
        };
        let events = (end - start) / 8 / TOOLS;
        let index = (offset - start) / 8;
        let number = index / events * 64 + index % events;
        self.given(Word::MonitoringCallback, number, place)
    }

    /// Each handler in the registry that leads to what goes.
    fn codec_errors(&self) -> Vec<Step> {
        let Some(&registry) = self.root.way.first() else {
            return Vec::new();
        };
        let graph = &self.picture.graph;
        let values = graph.referents(registry).iter().copied();
        let values = values.filter(|&node| leads(self.picture, self.own, node));
        let mut steps = Vec::new();
        for value in values {
            for name in self.picture.names_of(registry, value) {
                let EdgeName::Value(key) = name else { continue };
                let Some(name) = self.picture.text_at(key) else {
                    continue;
                };
                steps.push(Step {
                    hops: vec![Hop::Key(name)],
                    rows: vec![Row {
                        key: Some(key),
                        ..self.row(None, value)
                    }],
                    edges: vec![(self.at(registry), self.at(value))],
                    ..self.step(Word::CodecError)
                });
            }
        }
        steps
    }

    /// `codecs.unregister` came with 3.10; it empties the cache as well.
    fn codec(&self) -> Vec<Step> {
        let python = self.picture.python;
        let [list, function, ..] = self.root.way[..] else {
            return Vec::new();
        };
        if python.version.minor < 10 {
            return Vec::new();
        }
        let step = self.found(Word::Codec, function).map(|step| Step {
            edges: vec![(self.at(list), self.at(function))],
            ..step
        });
        step.into_iter().collect()
    }

    /// The variable is next to its value in the context.
    fn context_variable(&self) -> Vec<Step> {
        let way = &self.root.way;
        let graph = &self.picture.graph;
        let pairs = way.windows(2);
        let found = pairs.filter_map(|step| {
            let mut near = graph.referents(step[0]).iter();
            let variable = near.find(|&&node| {
                matches!(
                    &*self.picture.class_name(node),
                    "ContextVar" | "_contextvars.ContextVar"
                )
            })?;
            let step = Step {
                rows: vec![self.row(None, step[1])],
                edges: vec![(self.at(step[0]), self.at(step[1]))],
                ..self.found(Word::ContextVariable, *variable)?
            };
            Some(step)
        });
        found.take(1).collect()
    }
}
