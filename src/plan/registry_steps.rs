//! Steps for what a name in a module leads to: registries, caches, hooks that are variables.

use crate::address::Address;
use crate::heap::kinds::Kind;
use crate::plan::leads::leads;
use crate::plan::standing::names_in;
use crate::plan::step::{Hop, Row, Step, Word};
use crate::plan::steps::Case;
use crate::pyobject::dict;
use crate::pyobject::edges::edge::EdgeName;
use crate::pyobject::text::Text;
use crate::target::view::ViewMemory;

/// The step for a root that is a name in the module with the globals `dict`.
pub fn registry_step<M: ViewMemory>(case: &Case<'_, '_, M>, dict: u32) -> Option<Step> {
    let way = &case.root.way;
    match case.remedy.kind {
        "delete_name" => case.allowed.references.then(|| case.names(dict))?,
        "delete_attribute" => case
            .allowed
            .references
            .then(|| case.class_attribute(dict))?,
        "excepthook" | "unraisablehook" | "displayhook" | "threading_trace"
        | "threading_profile" => case.replaced(dict),
        "last_exception" => case.names(dict),
        "typing_caches" => Some(case.typing_caches()),
        "lru_cache" => case.cache(dict),
        "singledispatch" => case.dispatch(dict),
        "thread_local" => case.thread_local(dict),
        "readline_completer" => case.completer(dict),
        "warnings_filter" => case.rows(dict, 0, Word::WarningRows),
        "logging_handler" => case.rows(dict, case.labelled("handlers")?, Word::Rows),
        "forking_pickler" => case.rows(dict, case.labelled("_extra_reducers")?, Word::Rows),
        "finalizer" => case.rows(dict, case.labelled("_registry")?, Word::Rows),
        "atexit" => None,
        _ if !way.is_empty() => case.rows(dict, 0, Word::Rows),
        _ => None,
    }
}

impl<M: ViewMemory> Case<'_, '_, M> {
    /// A step that takes nothing away yet, at the end of a way that begins in these globals.
    fn step_at(&self, dict: u32, way: &[u32], word: Word) -> Option<Step> {
        let last = way.last().copied().unwrap_or(dict);
        Some(Step {
            module: self.places.module(dict)?,
            hops: self.places.along(self.picture, dict, way)?,
            container: self.at(last),
            ..self.step(word)
        })
    }

    /// A step that begins nowhere.
    pub fn step(&self, word: Word) -> Step {
        Step {
            remedy: self.remedy.clone(),
            word,
            module: crate::plan::key::Key::new(""),
            hops: Vec::new(),
            container: Address::NULL,
            rows: Vec::new(),
            number: 0,
            edges: Vec::new(),
            places: Vec::new(),
        }
    }

    /// What has to be there.
    pub fn row(&self, key: Option<Address>, value: u32) -> Row {
        Row {
            key,
            value: self.at(value),
            class: self.picture.class_name(value),
        }
    }

    /// The first object of the way that is under this name of the one before.
    fn labelled(&self, name: &str) -> Option<usize> {
        let way = &self.root.way;
        let is_it = |step: &[u32]| {
            let label = self.picture.label(step[0], step[1]);
            label == format!(".{name}") || label == format!("['{name}']")
        };
        Some(way.windows(2).position(is_it)? + 1)
    }

    /// Rows of the dict or list at this place of the way that lead to what goes.
    fn rows(&self, dict: u32, index: usize, word: Word) -> Option<Step> {
        let way = self.root.way.get(..=index)?;
        let container = *way.last()?;
        let step = self.step_at(dict, way, word)?;
        self.with_rows(step, container)
    }

    fn with_rows(&self, mut step: Step, container: u32) -> Option<Step> {
        for (key, value) in self.pairs(container) {
            let key_node = key.and_then(|key| self.picture.graph.find(key));
            let does_lead = |node: u32| leads(self.picture, self.own, node);
            if does_lead(value) || key_node.is_some_and(does_lead) {
                step.rows.push(self.row(key, value));
                let nodes = key_node.into_iter().chain([value]);
                step.edges
                    .extend(nodes.map(|node| (self.at(container), self.at(node))));
            }
        }
        (!step.rows.is_empty()).then_some(step)
    }

    /// Keys and values of a dict, or items of a list.
    fn pairs(&self, container: u32) -> Vec<(Option<Address>, u32)> {
        let graph = &self.picture.graph;
        let mut pairs = Vec::new();
        self.picture
            .tracer()
            .visit(self.at(container), &mut |edge| {
                let key = match edge.name {
                    EdgeName::Value(key) => Some(key),
                    EdgeName::Item(_) => None,
                    _ => return,
                };
                pairs.extend(graph.find(edge.to).map(|node| (key, node)));
            });
        pairs
    }

    /// Names of a module.
    fn names(&self, dict: u32) -> Option<Step> {
        let member = *self.root.way.first()?;
        let mut step = self.step_at(dict, &[], Word::Rows)?;
        for name in self.picture.names_of(dict, member) {
            if let EdgeName::Value(key) = name {
                step.rows.push(self.row(Some(key), member));
            }
        }
        step.edges.push((self.at(dict), self.at(member)));
        (!step.rows.is_empty()).then_some(step)
    }

    fn replaced(&self, dict: u32) -> Option<Step> {
        let value = *self.root.way.first()?;
        let name = names_in(self.picture, dict, value).into_iter().next()?;
        let mut step = self.step_at(dict, &[], Word::Replace)?;
        step.hops = vec![Hop::Key(Text::Plain(name))];
        step.rows = vec![self.row(None, value)];
        step.edges.push((self.at(dict), self.at(value)));
        Some(step)
    }

    /// The state of a module made from C has it.
    fn completer(&self, module: u32) -> Option<Step> {
        let value = *self.root.way.first()?;
        Some(Step {
            rows: vec![self.row(None, value)],
            edges: vec![(self.at(module), self.at(value))],
            ..self.step(Word::Completer)
        })
    }

    fn class_attribute(&self, dict: u32) -> Option<Step> {
        let [.., class_dict, member] = self.root.way[..] else {
            return None;
        };
        let mut step = self.step_at(dict, &self.root.way, Word::ClassAttribute)?;
        step.rows = vec![self.row(None, member)];
        step.edges.push((self.at(class_dict), self.at(member)));
        Some(step)
    }

    fn cache(&self, dict: u32) -> Option<Step> {
        let is_cache = |&node: &u32| self.is_cache(node);
        let index = self.root.way.iter().rposition(is_cache)?;
        let mut step = self.step_at(dict, &self.root.way[..=index], Word::Cache)?;
        step.edges = self.remembered(self.root.way[index]);
        Some(step)
    }

    fn is_cache(&self, node: u32) -> bool {
        let class = self.picture.class_name(node);
        class.ends_with("_lru_cache_wrapper")
    }

    /// The references of a cache to what it remembers.
    fn remembered(&self, cache: u32) -> Vec<(Address, Address)> {
        const BESIDES: [&str; 4] = [".func", ".__dict__", ".cache_info_type", ".__class__"];
        let referents = self.picture.graph.referents(cache).iter();
        let kept = referents.filter(|&&to| {
            let label = self.picture.label(cache, to);
            !BESIDES.contains(&&*label) && label != ".__wrapped__"
        });
        kept.map(|&to| (self.at(cache), self.at(to))).collect()
    }

    /// `typing._cleanups` clears them all.
    fn typing_caches(&self) -> Step {
        let mut step = self.step(Word::TypingCaches);
        let graph = &self.picture.graph;
        let name = Text::Plain("typing".into());
        for namespace in self.picture.namespaces.named(&name) {
            let found = dict::find(
                self.picture.memory,
                &self.picture.python.layout,
                self.at(namespace.dict),
                "_cleanups",
            );
            let list = found.ok().flatten().and_then(|at| graph.find(at));
            let clears = list.map_or(&[][..], |list| graph.referents(list));
            let caches = clears.iter().flat_map(|&clear| graph.referents(clear));
            for &cache in caches.filter(|&&node| self.is_cache(node)) {
                step.edges.extend(self.remembered(cache));
            }
        }
        step
    }

    fn dispatch(&self, dict: u32) -> Option<Step> {
        let way = &self.root.way;
        let find_in = |node: u32, name: &str| {
            let (memory, layout) = (self.picture.memory, &self.picture.python.layout);
            let found = dict::find(memory, layout, self.at(node), name)
                .ok()
                .flatten();
            found.and_then(|at| self.picture.graph.find(at))
        };
        let own_dict = |node: u32| {
            let referents = self.picture.graph.referents(node).iter().copied();
            referents
                .filter(|&to| self.picture.kind(to) == Some(Kind::Dict))
                .find(|&to| find_in(to, "_clear_cache").is_some())
        };
        let is_function = |node: u32| self.picture.kind(node) == Some(Kind::Function);
        let index = way
            .iter()
            .position(|&node| is_function(node) && own_dict(node).is_some())?;
        let names = own_dict(way[index])?;
        let view = find_in(names, "registry")?;
        let registry = *self
            .picture
            .graph
            .referents(view)
            .iter()
            .find(|&&node| self.picture.kind(node) == Some(Kind::Dict))?;
        let step = self.step_at(dict, &way[..=index], Word::DispatchRows)?;
        let mut step = self.with_rows(
            Step {
                container: self.at(registry),
                ..step
            },
            registry,
        )?;
        step.edges
            .extend(self.weak_cache(find_in(names, "_clear_cache")?));
        Some(step)
    }

    /// What the cache of a generic function remembers: the values of a `WeakKeyDictionary`.
    fn weak_cache(&self, clear: u32) -> Vec<(Address, Address)> {
        let graph = &self.picture.graph;
        let is_dict = |node: &&u32| self.picture.kind(**node) == Some(Kind::Dict);
        let owners = graph.referents(clear).iter();
        let owners = owners.filter(|&&node| self.picture.class_name(node) == "WeakKeyDictionary");
        let near = owners.flat_map(|&owner| graph.referents(owner));
        let far = near
            .clone()
            .filter(is_dict)
            .flat_map(|&one| graph.referents(one));
        let dicts = near.chain(far).filter(is_dict);
        dicts
            .flat_map(|&one| graph.referents(one).iter().map(move |&to| (one, to)))
            .filter(|&(_, to)| self.own.members.has(to))
            .map(|(from, to)| (self.at(from), self.at(to)))
            .collect()
    }

    fn thread_local(&self, dict: u32) -> Option<Step> {
        let way = &self.root.way;
        let is_local =
            |&node: &u32| matches!(&*self.picture.class_name(node), "_thread._local" | "_local");
        let index = way.iter().position(is_local)?;
        let is_dict = |&node: &u32| self.picture.kind(node) == Some(Kind::Dict);
        let values = way[index + 1..]
            .iter()
            .take_while(|node| is_dict(node))
            .last();
        let values = *values?;
        let mut step = self.step_at(dict, &way[..=index], Word::Rows)?;
        step.hops
            .push(Hop::Attribute(Text::Plain("__dict__".into())));
        step.container = self.at(values);
        self.with_rows(step, values)
    }
}
