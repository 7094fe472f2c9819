//! What an unload would leave: the graph without the references that it takes away.

use crate::heap::reach::Reach;
use crate::modules::picture::Picture;
use crate::plan::cut::{Cut, Entry, Kind};
use crate::plan::key::Key;
use crate::plan::own::Cuts;
use crate::target::view::ViewMemory;
use std::collections::HashSet;

/// What would become of the modules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prediction {
    /// Nothing would be left of these.
    pub gone: Vec<Key>,
    /// Something would.
    pub ghost: Vec<Key>,
    /// The shared library of these stays mapped, whatever becomes of their objects.
    pub mapped: Vec<Key>,
    /// Bytes of all objects that would be freed.
    pub freed_bytes: u64,
    /// How many these are.
    pub freed_objects: usize,
}

/// What would be left of everything that an unload is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Left {
    /// Module objects.
    pub modules: Vec<u32>,
    /// Globals dicts.
    pub dicts: Vec<u32>,
    /// Functions that run in them.
    pub functions: Vec<u32>,
    /// Classes of them.
    pub classes: Vec<u32>,
}

impl Left {
    /// Whether nothing is.
    pub fn is_empty(&self) -> bool {
        let lists = [&self.modules, &self.dicts, &self.functions, &self.classes];
        lists.iter().all(|list| list.is_empty())
    }

    fn add<M: ViewMemory>(&mut self, picture: &Picture<'_, M>, after: &Reach, entry: &Entry) {
        let find = |at| picture.graph.find(at);
        let left = |node: &u32| after.has(*node);
        let dict = entry.dict.and_then(find);
        self.modules.extend(find(entry.value).filter(left));
        self.dicts.extend(dict.filter(left));
        let Some(namespace) = dict.and_then(|dict| picture.namespaces.of_dict(dict)) else {
            return;
        };
        let others = namespace.modules.iter().copied();
        self.modules
            .extend(others.filter(|&node| Some(node) != find(entry.value) && after.has(node)));
        let of = |nodes: &[u32]| nodes.iter().copied().filter(left).collect::<Vec<_>>();
        self.functions.extend(of(&namespace.functions));
        self.classes.extend(of(&namespace.classes));
    }
}

/// Works it out for `cut`. `removed` are references that remedies take away besides.
pub fn predict<M: ViewMemory>(
    picture: &Picture<'_, M>,
    cut: &Cut,
    cuts: &Cuts,
    removed: &HashSet<(u32, u32)>,
) -> Prediction {
    let graph = &picture.graph;
    let before = Reach::of(graph, |_, _| true);
    let after = reach_after(picture, cuts, removed);
    let mut prediction = Prediction::default();
    for entry in cut.owned() {
        let mut left = Left::default();
        left.add(picture, &after, entry);
        let is_extension = entry.kind == Kind::Extension;
        if is_extension {
            prediction.mapped.push(entry.key.clone());
        }
        match left.is_empty() {
            false => prediction.ghost.push(entry.key.clone()),
            true if is_extension => {}
            true => prediction.gone.push(entry.key.clone()),
        }
    }
    let mut tracer = picture.tracer();
    for node in after.unreached().filter(|&node| before.has(node)) {
        prediction.freed_objects += 1;
        prediction.freed_bytes += tracer.size(graph.address(node));
    }
    prediction
}

/// The objects of what goes that would be left.
pub fn find_left<M: ViewMemory>(
    picture: &Picture<'_, M>,
    cut: &Cut,
    cuts: &Cuts,
    removed: &HashSet<(u32, u32)>,
) -> Left {
    let after = reach_after(picture, cuts, removed);
    let mut left = Left::default();
    for entry in cut.owned() {
        left.add(picture, &after, entry);
    }
    left
}

/// What is reached without the references that go. On Python 2 a module object that dies takes the
/// values out of its globals, whoever else has those (`_PyModule_Clear` in `Objects/moduleobject.c`,
/// 2.7).
fn reach_after<M: ViewMemory>(
    picture: &Picture<'_, M>,
    cuts: &Cuts,
    removed: &HashSet<(u32, u32)>,
) -> Reach {
    let reach = |emptied: &HashSet<u32>| {
        Reach::of(&picture.graph, |from, to| match from {
            Some(from) => {
                !cuts.has(from, to) && !removed.contains(&(from, to)) && !emptied.contains(&from)
            }
            None => !cuts.frees(to),
        })
    };
    let mut emptied = HashSet::new();
    loop {
        let after = reach(&emptied);
        let died = match picture.python.version.major {
            2 => emptied_by(picture, &after),
            _ => HashSet::new(),
        };
        if died == emptied {
            return after;
        }
        emptied = died;
    }
}

/// Globals that are left of modules of which the object is not.
fn emptied_by<M: ViewMemory>(picture: &Picture<'_, M>, after: &Reach) -> HashSet<u32> {
    let namespaces = picture.namespaces.all.iter();
    let is_emptied =
        |modules: &[u32]| !modules.is_empty() && modules.iter().all(|&module| !after.has(module));
    namespaces
        .filter(|namespace| is_emptied(&namespace.modules))
        .map(|namespace| namespace.dict)
        .collect()
}
