//! What lies on the way from a root to what it holds: caches, registries of instances, attributes of
//! classes, values of threads.

use crate::address::Address;
use crate::heap::kinds::Kind;
use crate::modules::picture::Picture;
use crate::plan::border::Root;
use crate::plan::keeper::judge_thread_local;
use crate::plan::registries::{OWN_REGISTRIES, OwnRegistry};
use crate::plan::remedy::{Remedy, cache_remedy};
use crate::plan::standing::{RootKind, Standing};
use crate::target::view::ViewMemory;

/// How many bases of a class are followed.
const BASES: usize = 64;
/// What an `lru_cache` refers to besides what it remembers.
const BESIDES_CACHE: [&str; 4] = [".func", ".__dict__", ".cache_info_type", ".__class__"];

/// A way with what its steps are called.
pub struct Way<'w, 'm, M> {
    picture: &'w Picture<'m, M>,
    /// The objects, from the one that is anchored to the member that is held.
    pub nodes: &'w [u32],
    labels: Vec<String>,
}

impl<'w, 'm, M: ViewMemory> Way<'w, 'm, M> {
    /// The way of a root.
    pub fn new(picture: &'w Picture<'m, M>, root: &'w Root) -> Self {
        let steps = root.way.windows(2);
        Way {
            picture,
            nodes: &root.way,
            labels: steps.map(|step| picture.label(step[0], step[1])).collect(),
        }
    }

    /// The last of the known keepers on it, which is the nearest to what is held.
    pub fn find_keeper(&self, module: &str, name: &str) -> Option<(RootKind, Standing)> {
        let mut steps = (0..self.labels.len()).rev();
        steps.find_map(|step| {
            let registry = |remedy| (RootKind::Registry, Standing::Remediable(remedy));
            let remedy = self
                .cache_at(step, module, name)
                .or_else(|| self.registry_at(step))
                .map(registry);
            remedy.or_else(|| self.thread_local_at(step))
        })
    }

    fn cache_at(&self, step: usize, module: &str, name: &str) -> Option<Remedy> {
        let class = self.picture.class_name(self.nodes[step]);
        let is_cache = class.ends_with("_lru_cache_wrapper");
        if !is_cache || BESIDES_CACHE.contains(&&*self.labels[step]) {
            return None;
        }
        Some(cache_remedy(module, name))
    }

    fn registry_at(&self, step: usize) -> Option<Remedy> {
        let node = self.nodes[step];
        let is_it = |registry: &&OwnRegistry| {
            self.attribute_at(step).as_deref() == Some(registry.attribute)
                && match self.picture.kind(node) {
                    Some(Kind::Function) if registry.attribute == "registry" => {
                        // `generic.registry`, a view of the dict that the closure has.
                        let mut rest = self.labels[step..].iter();
                        rest.any(|label| label == ".mapping")
                    }
                    Some(Kind::Function) => {
                        let name = format!("{}.{}", registry.module, registry.of);
                        self.picture.describe(node).name == name
                    }
                    _ => self.is_instance(node, registry),
                }
        };
        OWN_REGISTRIES.iter().find(is_it).map(Remedy::from)
    }

    /// The attribute by which the way leaves an object: of its own, or in its dict.
    fn attribute_at(&self, step: usize) -> Option<String> {
        match self.labels[step].strip_prefix('.')? {
            "__dict__" => {
                let key = self.labels.get(step + 1)?.strip_prefix("['")?;
                Some(key.strip_suffix("']")?.to_owned())
            }
            attribute => Some(attribute.to_owned()),
        }
    }

    /// Whether the class of an object, or a base of it, is the one of the registry.
    fn is_instance(&self, node: u32, registry: &OwnRegistry) -> bool {
        let picture = self.picture;
        let base = picture.python.layout.class.base;
        let class = picture.class_of(node).unwrap_or(Address::NULL);
        let bases =
            std::iter::successors(Some(class), |&class| base.read(picture.memory, class).ok());
        let is_it = |class: Address| {
            let node = picture.graph.find(class);
            let module = node.and_then(|node| picture.namespace_of_class(node));
            picture.tracer().class_name(class) == registry.of
                && module.as_deref() == Some(registry.module)
        };
        bases
            .take_while(|class| !class.is_null())
            .take(BASES)
            .any(is_it)
    }

    fn thread_local_at(&self, step: usize) -> Option<(RootKind, Standing)> {
        let class = self.picture.class_name(self.nodes[step]);
        let is_local = matches!(&*class, "_thread._local" | "thread._local" | "_local");
        is_local.then(|| judge_thread_local(self.picture, &self.nodes[step..]))
    }

    /// Whether a generator, a coroutine or a task is on it.
    pub fn has_suspended(&self) -> bool {
        let is_suspended = |&node: &u32| {
            matches!(
                &*self.picture.class_name(node),
                "generator" | "coroutine" | "async_generator" | "Task" | "_asyncio.Task"
            )
        };
        self.nodes.iter().any(is_suspended)
    }

    /// What takes the member away when a class has it as an attribute.
    pub fn attribute_of_class(&self) -> Option<Remedy> {
        let [.., class, _, member] = self.nodes else {
            return None;
        };
        let [.., to_dict, to_member] = &self.labels[..] else {
            return None;
        };
        let is_attribute = self.picture.kind(*class) == Some(Kind::Class)
            && to_dict == ".__dict__"
            && to_member.starts_with("['")
            && self.picture.kind(*member) != Some(Kind::Class);
        is_attribute.then(|| Remedy {
            kind: "delete_attribute",
            description: format!(
                "delete {to_member} of {}, or put back what was there before",
                self.picture.describe(*class).name
            ),
            is_safe: false,
            is_reversible: true,
        })
    }
}
