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
    /// No object would be left; the shared library stays mapped.
    pub mapped: Vec<Key>,
    /// Bytes of all objects that would be freed.
    pub freed_bytes: u64,
    /// How many these are.
    pub freed_objects: usize,
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
    let after = Reach::of(graph, |from, to| {
        from.is_none_or(|from| !cuts.has(from, to) && !removed.contains(&(from, to)))
    });
    let mut prediction = Prediction::default();
    for entry in cut.owned() {
        let list = match (is_left(picture, &after, entry), entry.kind) {
            (true, _) => &mut prediction.ghost,
            (false, Kind::Extension) => &mut prediction.mapped,
            (false, _) => &mut prediction.gone,
        };
        list.push(entry.key.clone());
    }
    let mut tracer = picture.tracer();
    for node in after.unreached().filter(|&node| before.has(node)) {
        prediction.freed_objects += 1;
        prediction.freed_bytes += tracer.size(graph.address(node));
    }
    prediction
}

/// Whether the module object, the globals, a function or a class of an entry would be left.
fn is_left<M: ViewMemory>(picture: &Picture<'_, M>, after: &Reach, entry: &Entry) -> bool {
    let find = |at| picture.graph.find(at);
    let dict = entry.dict.and_then(find);
    let own = find(entry.value).into_iter().chain(dict);
    let namespace = dict.and_then(|dict| picture.namespaces.of_dict(dict));
    let members = namespace.into_iter().flat_map(|namespace| {
        let objects = [&namespace.modules, &namespace.functions, &namespace.classes];
        objects.into_iter().flatten().copied()
    });
    own.chain(members).any(|node| after.has(node))
}
