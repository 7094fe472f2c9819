//! A module's own set: what would have to go for its code to be gone.

use crate::address::Address;
use crate::heap::graph::Graph;
use crate::heap::nodes::NodeSet;
use crate::modules::namespaces::Namespace;
use crate::modules::picture::{Holder, Picture};
use crate::plan::cut::Cut;
use crate::plan::step::Step;
use crate::pyobject::edges::roots::RootPlace;
use crate::target::view::ViewMemory;
use std::collections::{HashMap, HashSet};

/// Module objects, globals dicts, functions and classes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Own {
    /// All of them.
    pub members: NodeSet,
    /// The globals dicts among them.
    pub dicts: Vec<u32>,
    /// The module objects among them.
    pub modules: Vec<u32>,
}

impl Own {
    /// Of these namespaces.
    pub fn of<'n>(namespaces: impl IntoIterator<Item = &'n Namespace>) -> Self {
        let mut own = Own::default();
        for namespace in namespaces {
            own.add(namespace);
        }
        own
    }

    /// Of these objects, for which `object` stands.
    pub fn of_members(object: u32, members: &[u32]) -> Self {
        Own {
            members: NodeSet::of(members.iter().copied()),
            dicts: vec![object],
            modules: Vec::new(),
        }
    }

    /// Of what a cut expects to die.
    pub fn of_cut<M: ViewMemory>(picture: &Picture<'_, M>, cut: &Cut) -> Self {
        let mut own = Own::default();
        for entry in cut.owned() {
            let find = |at: Address| picture.graph.find(at);
            let module = find(entry.value);
            let dict = entry.dict.and_then(find);
            match dict.and_then(|dict| picture.namespaces.of_dict(dict)) {
                Some(namespace) => own.add(namespace),
                None => own.dicts.extend(dict),
            }
            own.modules
                .extend(module.filter(|node| !own.members.has(*node)));
            for node in module.into_iter().chain(dict) {
                own.members.insert(node);
            }
        }
        own
    }

    fn add(&mut self, namespace: &Namespace) {
        self.dicts.push(namespace.dict);
        self.modules.extend(&namespace.modules);
        let objects = [&namespace.modules, &namespace.functions, &namespace.classes];
        for &node in std::iter::once(&namespace.dict).chain(objects.into_iter().flatten()) {
            self.members.insert(node);
        }
    }
}

/// References that an unload takes away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cuts {
    /// The dicts that are `sys.modules`, one of each interpreter, and the objects that lose their keys
    /// in them.
    tables: Vec<u32>,
    detached: HashSet<u32>,
    /// Globals of packages that stay, with the module whose attribute goes.
    attributes: HashMap<u32, HashSet<u32>>,
    /// References that remedies take away.
    edges: HashSet<(u32, u32)>,
    /// The objects that any of these references are of: few, and all references are asked for.
    from: NodeSet,
    /// Words of the interpreter that they empty, and the objects that nothing else roots.
    places: HashSet<RootPlace>,
    freed: HashSet<u32>,
}

impl Cuts {
    /// Those of a cut.
    pub fn of<M: ViewMemory>(picture: &Picture<'_, M>, cut: &Cut) -> Self {
        let graph = &picture.graph;
        let find = |at: Address| graph.find(at);
        let borrowed = |value: &Address| cut.borrowed.contains(value);
        let mut cuts = Cuts::of_tables(picture);
        let going = cut
            .entries()
            .map(|entry| entry.value)
            .filter(|at| !borrowed(at));
        cuts.detached = going.filter_map(find).collect();
        let rows = picture.tables.iter().flat_map(|table| &table.rows);
        let dicts: HashMap<&str, u32> = rows
            .filter_map(|row| Some((&*row.name, find(row.dict?)?)))
            .collect();
        for attribute in &cut.attributes {
            let dict = dicts.get(&*attribute.parent.to_string());
            if let (Some(&dict), Some(child)) = (dict, find(attribute.child)) {
                cuts.attributes.entry(dict).or_default().insert(child);
                cuts.from.insert(dict);
            }
        }
        cuts
    }

    /// Those of a name alone: every key of these modules.
    pub fn of_modules<M: ViewMemory>(picture: &Picture<'_, M>, own: &Own) -> Self {
        Cuts {
            detached: own.modules.iter().copied().collect(),
            ..Cuts::of_tables(picture)
        }
    }

    fn of_tables<M: ViewMemory>(picture: &Picture<'_, M>) -> Self {
        let tables = tables(picture);
        Cuts {
            from: NodeSet::of(tables.iter().copied()),
            tables,
            ..Cuts::default()
        }
    }

    /// These and those of some remedies.
    pub fn with_steps<M: ViewMemory>(mut self, picture: &Picture<'_, M>, steps: &[Step]) -> Self {
        let graph = &picture.graph;
        for step in steps {
            let edges = step.edges.iter();
            let nodes = edges.filter_map(|&(from, to)| Some((graph.find(from)?, graph.find(to)?)));
            for (from, to) in nodes {
                self = self.with_edge(from, to);
            }
            self.places.extend(&step.places);
        }
        if !self.places.is_empty() {
            let is_freed = |&node: &u32| {
                let holders = picture.holders_of(node);
                let mut all = holders.iter();
                !holders.is_empty()
                    && all.all(|holder| self.empties(holder))
                    && graph.unexplained(node) <= 0
            };
            self.freed = (0..graph.len() as u32).filter(is_freed).collect();
        }
        self
    }

    /// These and one reference more.
    pub fn with_edge(mut self, from: u32, to: u32) -> Self {
        self.edges.insert((from, to));
        self.from.insert(from);
        self
    }

    /// Whether a word outside of all objects is emptied.
    pub fn empties(&self, holder: &Holder) -> bool {
        matches!(holder, Holder::Python(place, _) if self.places.contains(place))
    }

    /// Whether an object is a root only by words that are emptied.
    pub fn frees(&self, node: u32) -> bool {
        self.freed.contains(&node)
    }

    /// Whether the reference from one object to another is taken away.
    pub fn has(&self, from: u32, to: u32) -> bool {
        let is_attribute = || {
            self.attributes
                .get(&from)
                .is_some_and(|all| all.contains(&to))
        };
        self.from.has(from)
            && (self.tables.contains(&from) && self.detached.contains(&to)
                || is_attribute()
                || self.edges.contains(&(from, to)))
    }

    /// Whether an object is a table of modules.
    pub fn is_table(&self, node: u32) -> bool {
        self.tables.contains(&node)
    }
}

fn tables<M: ViewMemory>(picture: &Picture<'_, M>) -> Vec<u32> {
    let graph: &Graph = &picture.graph;
    let tables = picture.tables.iter();
    tables
        .filter_map(|table| graph.find(table.interpreter.modules))
        .collect()
}
