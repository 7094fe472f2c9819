//! Ghosts: namespaces and classes that are alive although `sys.modules` does not give them.

use crate::heap::nodes::NodeSet;
use crate::heap::reach::Reach;
use crate::modules::namespaces::Namespace;
use crate::modules::picture::{Holder, Picture};
use crate::pyobject::edges::roots::RootPlace;
use crate::pyobject::text::Text;
use crate::target::view::ViewMemory;
use std::collections::HashMap;

/// Module objects that CPython itself keeps outside of `sys.modules`, in some versions.
const CPYTHONS_OWN: [&str; 3] = ["sys.monitoring", "sys._jit", "_warnings"];

/// What the classes of syntax trees state as their module, which the interpreter makes before
/// anybody imports it (`Python/Python-ast.c`).
const CPYTHONS_CLASSES: [&str; 2] = ["_ast", "ast"];

/// What a ghost is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GhostKind {
    /// A module object with its globals.
    Module,
    /// Globals whose module object is gone.
    Globals,
    /// A class without a namespace.
    Class,
}

/// Why a ghost is alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GhostState {
    /// Something holds it.
    Held,
    /// Nothing does: the next collection frees it.
    Garbage,
    /// Nothing does, but the collector is switched off.
    GarbageWhileOff,
}

/// One ghost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ghost {
    /// What it is.
    pub kind: GhostKind,
    /// The name of the module; of a class with its own.
    pub name: String,
    /// 1 for the oldest of this name that is alive, 2 for the next.
    pub generation: u32,
    /// Module objects, globals, functions, classes.
    pub members: Vec<u32>,
    /// The object that stands for it: its globals, or the class.
    pub object: u32,
    /// How many functions it has.
    pub functions: usize,
    /// How many classes.
    pub classes: usize,
    /// How many instances these have.
    pub instances: usize,
    /// Whether anything holds it.
    pub state: GhostState,
    /// Whether CPython itself keeps it so.
    pub is_cpythons_own: bool,
}

/// Every ghost, by name and generation.
pub fn find_ghosts<M: ViewMemory>(picture: &Picture<'_, M>) -> Vec<Ghost> {
    let alive = Reach::of(&picture.graph, |_, _| true);
    let namespaces = picture.namespaces.all.iter();
    let is_ghost = |namespace: &&Namespace| !namespace.is_loaded && namespace.is_module_like;
    let mut ghosts: Vec<Ghost> = namespaces
        .filter(is_ghost)
        .map(|namespace| of_namespace(picture, &alive, namespace))
        .collect();
    let strays = picture.namespaces.strays.iter();
    let classes = strays.map(|stray| of_class(picture, &alive, stray.class, &stray.module));
    // Making a class leaves classes behind for the next collection.
    ghosts.extend(classes.filter(|ghost| ghost.state != GhostState::Garbage));
    number(&mut ghosts);
    ghosts
}

fn of_namespace<M: ViewMemory>(
    picture: &Picture<'_, M>,
    alive: &Reach,
    namespace: &Namespace,
) -> Ghost {
    let name = namespace
        .name
        .as_ref()
        .map(Text::escaped)
        .unwrap_or_default();
    let objects = [&namespace.modules, &namespace.functions, &namespace.classes];
    let members: Vec<u32> = std::iter::once(namespace.dict)
        .chain(objects.into_iter().flatten().copied())
        .collect();
    Ghost {
        kind: match namespace.modules.is_empty() {
            true => GhostKind::Globals,
            false => GhostKind::Module,
        },
        generation: 0,
        object: namespace.dict,
        functions: namespace.functions.len(),
        classes: namespace.classes.len(),
        instances: count_instances(picture, &namespace.classes),
        state: state_of(picture, alive, &members),
        is_cpythons_own: CPYTHONS_OWN.contains(&&*name) && !namespace.modules.is_empty(),
        members,
        name,
    }
}

fn of_class<M: ViewMemory>(
    picture: &Picture<'_, M>,
    alive: &Reach,
    class: u32,
    module: &Text,
) -> Ghost {
    let own = picture.tracer().class_name(picture.graph.address(class));
    Ghost {
        kind: GhostKind::Class,
        name: format!("{}.{own}", module.escaped()),
        generation: 0,
        members: vec![class],
        object: class,
        functions: 0,
        classes: 1,
        instances: count_instances(picture, &[class]),
        state: state_of(picture, alive, &[class]),
        is_cpythons_own: is_cpythons_class(picture, class, module),
    }
}

/// A class that the interpreter itself made and holds, for a module that need not be there.
fn is_cpythons_class<M: ViewMemory>(picture: &Picture<'_, M>, class: u32, module: &Text) -> bool {
    let is_interpreter =
        |holder: &Holder| matches!(holder, Holder::Python(RootPlace::Interpreter { .. }, _));
    let is_named = module
        .as_str()
        .is_some_and(|name| CPYTHONS_CLASSES.contains(&name));
    is_named || picture.holders_of(class).iter().any(is_interpreter)
}

fn state_of<M: ViewMemory>(picture: &Picture<'_, M>, alive: &Reach, members: &[u32]) -> GhostState {
    if members.iter().any(|&member| alive.has(member)) {
        return GhostState::Held;
    }
    let is_off = |enabled: Option<bool>| enabled == Some(false);
    match picture
        .collectors
        .iter()
        .any(|collector| is_off(collector.enabled))
    {
        true => GhostState::GarbageWhileOff,
        false => GhostState::Garbage,
    }
}

/// How many objects have one of these classes as theirs.
fn count_instances<M: ViewMemory>(picture: &Picture<'_, M>, classes: &[u32]) -> usize {
    let mut counted = NodeSet::default();
    let mut count = 0;
    for &class in classes {
        let at = picture.graph.address(class);
        for &holder in picture.graph.referrers(class) {
            if picture.class_of(holder) == Some(at) && counted.insert(holder) {
                count += 1;
            }
        }
    }
    count
}

/// Generations by age: objects have their numbers by age.
fn number(ghosts: &mut [Ghost]) {
    ghosts.sort_by(|left, right| {
        left.name
            .cmp(&right.name)
            .then(left.object.cmp(&right.object))
    });
    let mut last: HashMap<String, u32> = HashMap::new();
    for ghost in ghosts {
        let generation = last.entry(ghost.name.clone()).or_default();
        *generation += 1;
        ghost.generation = *generation;
    }
}
