//! One reading of some entries of `sys.modules`: gather addresses, read them together, go on.

use crate::address::Address;
use crate::cpython::layout::Layout;
use crate::cpython::python::{Interpreter, Python};
use crate::modules::attributes::Objects;
use crate::modules::builtin_names::builtin_module_names;
use crate::modules::draft::{Draft, Found, GLOBALS, OWN_NAME, PATH, RowMaker, SPEC, SPEC_NAME};
use crate::modules::kind;
use crate::modules::specs::Specs;
use crate::pyobject::class::Classes;
use crate::pyobject::dict::{Entry, Limit, Proof, Source};
use crate::pyobject::hash::TextHash;
use crate::pyobject::instance;
use crate::pyobject::module::{self, Module};
use crate::pyobject::names::Names;
use crate::target::memory::{ReadError, ReadMemory};
use std::collections::HashSet;
use std::mem::take;

/// How many entries are read together.
const ROWS_AT_ONCE: usize = 1024;
/// How large the namespaces read together may be, in slots.
const NAMESPACES: Limit = Limit {
    one: 1 << 18,
    all: 1 << 22,
};
/// How large the specs read together may be, in slots.
const SPECS: Limit = Limit {
    one: 1 << 12,
    all: 1 << 20,
};

/// Reads entries; keeps from one reading to the next only what cannot have changed.
pub(super) struct Reader<'r, M: ?Sized> {
    memory: &'r M,
    layout: &'r Layout,
    sysdict: Address,
    /// The key of the target's hashes, until they are computed.
    hash_secret: Option<(u64, u64)>,
    globals: Names<{ GLOBALS.len() }>,
    path: Names<1>,
    spec: Names<3>,
    builtin_names: Option<HashSet<String>>,
    /// How many bytes of text may still be read.
    budget: u64,
}

impl<'r, M: ReadMemory + ?Sized> Reader<'r, M> {
    pub(super) fn new(memory: &'r M, python: &'r Python, interpreter: &Interpreter) -> Self {
        Reader {
            memory,
            layout: &python.layout,
            sysdict: interpreter.sysdict,
            hash_secret: python.hash_secret,
            globals: Names::new(GLOBALS),
            path: Names::new(PATH),
            spec: Names::new(SPEC),
            builtin_names: None,
            budget: 1 << 28,
        }
    }

    /// Reads these entries once.
    pub(super) fn read(&mut self, entries: &[Entry]) -> Result<Vec<Found>, ReadError> {
        self.read_part(entries, &mut Classes::default())
    }

    /// Reads these entries once; `classes` are those that this reading has met before.
    pub(super) fn read_part(
        &mut self,
        entries: &[Entry],
        classes: &mut Classes,
    ) -> Result<Vec<Found>, ReadError> {
        let mut found = Vec::with_capacity(entries.len());
        for entries in entries.chunks(ROWS_AT_ONCE) {
            self.read_some(entries, classes, &mut found)?;
        }
        Ok(found)
    }

    fn read_some(
        &mut self,
        entries: &[Entry],
        classes: &mut Classes,
        found: &mut Vec<Found>,
    ) -> Result<(), ReadError> {
        let (memory, layout) = (self.memory, self.layout);
        let mut objects = Objects::of_modules(entries.len(), take(classes));
        let mut drafts = self.read_modules(&mut objects, entries)?;
        self.read_globals(&mut drafts, entries)?;
        let specs = self.read_values(&mut objects, &drafts)?;
        self.read_specs(&objects, &specs, &mut drafts)?;
        let values = drafts.iter().flat_map(|draft| draft.spec).flatten();
        objects.learn(memory, layout, alone(values), &mut self.budget, |_, _| {})?;
        self.read_loaders(&mut objects, &drafts)?;
        self.read_paths(&mut objects, &mut drafts)?;
        self.read_texts(&mut objects, &drafts, entries)?;
        self.read_builtin_names(&drafts)?;
        let rows = RowMaker {
            memory,
            layout,
            builtin_names: self.builtin_names.as_ref(),
        };
        for (entry, draft) in entries.iter().zip(drafts) {
            found.push(rows.found(&mut objects, *entry, draft));
        }
        *classes = objects.classes;
        Ok(())
    }

    /// The keys and values themselves; a draft for each, with the module object where it is one.
    fn read_modules(
        &mut self,
        objects: &mut Objects,
        entries: &[Entry],
    ) -> Result<Vec<Draft>, ReadError> {
        let (memory, layout, budget) = (self.memory, self.layout, &mut self.budget);
        // With the class of the first key, `str`, the texts of all others are read along.
        let first = entries.first().map(|entry| entry.key);
        let (secret, mut hash) = (self.hash_secret.take(), None);
        objects.learn(memory, layout, alone(first), budget, |_, key| {
            hash = secret.and_then(|secret| TextHash::proven_by(layout, secret, key.bytes));
        })?;
        let both = entries.iter().flat_map(|entry| [entry.key, entry.value]);
        // In the order of addresses; whether it is one is known when its class is.
        let mut modules: Vec<(Address, Module)> = Vec::with_capacity(2 * entries.len());
        objects.learn(memory, layout, alone(both), budget, |at, head| {
            modules.extend(module::parse(layout, head.bytes).map(|module| (at, module)));
        })?;
        if let Some(hash) = hash {
            self.globals.compute_hashes(&hash);
            self.path.compute_hashes(&hash);
        }
        let drafts = entries.iter().map(|entry| {
            let place = modules.binary_search_by_key(&entry.value, |&(at, _)| at);
            let module = place.ok().map(|place| modules[place].1);
            Draft {
                module: module.filter(|module| objects.classes.is_module(module.header.class)),
                ..Draft::default()
            }
        });
        Ok(drafts.collect())
    }

    /// The well-known names in the namespaces of modules.
    fn read_globals(&mut self, drafts: &mut [Draft], entries: &[Entry]) -> Result<(), ReadError> {
        let mut owners = Vec::with_capacity(entries.len());
        let mut sources = Vec::with_capacity(entries.len());
        let mut keys = Vec::with_capacity(entries.len());
        for (draft, entry) in drafts.iter_mut().zip(entries) {
            if draft.has_dict() {
                sources.extend(draft.namespace());
                owners.push(draft);
                keys.push(entry.key);
            }
        }
        let proof = Some(Proof {
            name: OWN_NAME,
            values: &keys,
        });
        let (memory, layout) = (self.memory, self.layout);
        let namespaces = (self.globals).find_in(memory, layout, &sources, proof, NAMESPACES)?;
        for (draft, namespace) in owners.iter_mut().zip(namespaces) {
            match namespace {
                Ok(globals) => draft.globals = globals,
                Err(error) => draft
                    .warnings
                    .push(format!("its namespace is unknown: {error}")),
            }
        }
        Ok(())
    }

    /// The objects under these names; of the specs what is around them too, for there are most of
    /// their attributes, or the way to them.
    fn read_values(&mut self, objects: &mut Objects, drafts: &[Draft]) -> Result<Specs, ReadError> {
        let mut specs = Specs::default();
        let values = drafts.iter().flat_map(|draft| draft.globals);
        let values = values.enumerate().filter_map(|(index, value)| {
            let (value, name) = (value?, index % GLOBALS.len());
            let before = if name == SPEC_NAME {
                instance::BEFORE
            } else {
                0
            };
            (name != OWN_NAME).then_some((value, before))
        });
        let (memory, layout) = (self.memory, self.layout);
        objects.learn(memory, layout, values, &mut self.budget, |at, window| {
            if window.from != at {
                specs.keep(at, window);
            }
        })?;
        Ok(specs)
    }

    /// The well-known attributes of the specs.
    fn read_specs(
        &mut self,
        objects: &Objects,
        specs: &Specs,
        drafts: &mut [Draft],
    ) -> Result<(), ReadError> {
        let mut owners = Vec::new();
        let mut instances = Vec::new();
        let mut windows = Vec::new();
        for draft in drafts {
            if let Some(spec) = draft.globals[SPEC_NAME]
                && let Some(class) = objects.class_of(spec)
            {
                owners.push(draft);
                instances.push((spec, class));
                windows.push(specs.get(spec));
            }
        }
        let (memory, layout) = (self.memory, self.layout);
        let sources = instance::find_attributes(memory, layout, &instances, &windows)?;
        let mut found = Vec::with_capacity(owners.len());
        let mut at_hand = Vec::with_capacity(owners.len());
        let mut places = Vec::with_capacity(owners.len());
        for ((draft, source), window) in owners.into_iter().zip(sources).zip(windows) {
            if let Some(source) = source {
                found.push(draft);
                at_hand.push(window);
                places.push(source);
            }
        }
        let specs = (self.spec).find_in_instances(memory, layout, &places, &at_hand, SPECS)?;
        for (draft, spec) in found.into_iter().zip(specs) {
            match spec {
                Ok(spec) => draft.spec = spec,
                Err(error) => draft
                    .warnings
                    .push(format!("its __spec__ is unknown: {error}")),
            }
        }
        Ok(())
    }

    /// The loaders that are classes themselves.
    fn read_loaders(&self, objects: &mut Objects, drafts: &[Draft]) -> Result<(), ReadError> {
        let is_class = |at: &Address| {
            objects
                .class_of(*at)
                .is_some_and(|class| class.flags.is_type())
        };
        let loaders = drafts.iter().filter_map(Draft::loader);
        let classes: Vec<Address> = loaders.filter(is_class).collect();
        objects.classes.learn(self.memory, self.layout, classes)
    }

    /// `__path__` of the modules whose loader does not tell what they are.
    fn read_paths(&mut self, objects: &mut Objects, drafts: &mut [Draft]) -> Result<(), ReadError> {
        let is_open = |draft: &&mut Draft| {
            let loader = draft.loader().map(|at| objects.loader_names(at));
            draft.has_dict() && !kind::is_told_by(&loader.unwrap_or_default())
        };
        if self.layout.python < (3, 0) {
            // Has no namespace packages.
            return Ok(());
        }
        let open: Vec<&mut Draft> = drafts.iter_mut().filter(is_open).collect();
        let sources: Vec<Source> = open.iter().filter_map(|draft| draft.namespace()).collect();
        let found = (self.path).find_in(self.memory, self.layout, &sources, None, NAMESPACES)?;
        for (draft, found) in open.into_iter().zip(found) {
            // A namespace that cannot be read was warned about.
            draft.path = found.ok().and_then(|[path]| path);
        }
        let paths = drafts.iter().filter_map(|draft| draft.path);
        objects.learn(
            self.memory,
            self.layout,
            alone(paths),
            &mut self.budget,
            |_, _| {},
        )
    }

    fn read_texts(
        &mut self,
        objects: &mut Objects,
        drafts: &[Draft],
        entries: &[Entry],
    ) -> Result<(), ReadError> {
        let keys = entries.iter().map(|entry| entry.key);
        let values = drafts.iter().flat_map(|draft| {
            [
                draft.file(),
                draft.cached(),
                draft.version(),
                draft.package(),
                draft.origin(),
            ]
        });
        let wanted = keys.chain(values.flatten());
        objects.learn_texts(self.memory, self.layout, wanted, &mut self.budget)
    }

    /// `sys.builtin_module_names`, when a module has nothing else that tells where it is from.
    fn read_builtin_names(&mut self, drafts: &[Draft]) -> Result<(), ReadError> {
        let is_bare = |draft: &Draft| {
            let from_c = draft.module.map(|module| module.is_from_c != Some(false));
            from_c == Some(true) && draft.file().is_none() && draft.loader().is_none()
        };
        if self.builtin_names.is_none() && drafts.iter().any(is_bare) {
            let names = builtin_module_names(self.memory, self.layout, self.sysdict);
            self.builtin_names = Some(names.unwrap_or_default());
        }
        Ok(())
    }
}

/// These objects, and nothing before them.
fn alone(objects: impl IntoIterator<Item = Address>) -> impl Iterator<Item = (Address, u64)> {
    objects.into_iter().map(|at| (at, 0))
}
