//! Which objects are a module's: its module object, its globals, its functions, its classes.
//!
//! Functions refer to the dict they run in, never to the module object; a class refers to neither.
//! So what is a module to a person is told by its globals dict. A function is of the dict it runs in.
//! A class is of one of the dicts with the name that its `__module__` states: the one that a method
//! of it runs in, else the one that gives it, else the only one, unless that has another class
//! under its name. A class that states one module and is given by another, in which its methods run,
//! is of that other.

use crate::address::Address;
use crate::cpython::python::Python;
use crate::heap::graph::Graph;
use crate::heap::kinds::{Kind, Kinds};
use crate::heap::threads::threads;
use crate::modules::kind::Kind as ModuleKind;
use crate::modules::picture::Table;
use crate::pyobject::dict;
use crate::pyobject::text::Text;
use crate::target::memory::{ReadError, ReadMemoryExt};
use crate::target::view::ViewMemory;
use std::collections::{HashMap, HashSet};

/// Longest class name that is compared, in bytes.
const NAME: usize = 200;

/// One globals dict with everything that is of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    /// The dict.
    pub dict: u32,
    /// Its `__name__`.
    pub name: Option<Text>,
    /// Whether it has what the import system puts into a module: not merely a dict that code was
    /// executed in.
    pub is_module_like: bool,
    /// Whether `sys.modules` of any interpreter gives it.
    pub is_loaded: bool,
    /// Module objects with this dict.
    pub modules: Vec<u32>,
    /// Functions that run in it.
    pub functions: Vec<u32>,
    /// Classes of it.
    pub classes: Vec<u32>,
}

/// A class that is of no namespace: without methods, and given by no module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// The class.
    pub class: u32,
    /// Its `__module__`.
    pub module: Text,
}

/// All namespaces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Namespaces {
    /// In the order in which they were found.
    pub all: Vec<Namespace>,
    /// Classes of none.
    pub strays: Vec<Stray>,
    by_dict: HashMap<u32, usize>,
    /// The dicts that `sys.modules` gives under each key, and of which those of C modules.
    by_key: HashMap<Text, u32>,
    of_c: HashSet<u32>,
    by_function: HashMap<u32, u32>,
    modules_of_classes: HashMap<u32, Text>,
}

impl Namespaces {
    /// Sorts the objects of a graph.
    ///
    /// # Errors
    /// As [`crate::target::memory::ReadMemory::read_some_at`]: the source as a whole is out of reach.
    pub fn of(
        memory: &impl ViewMemory,
        python: &Python,
        graph: &Graph,
        tables: &[Table],
    ) -> Result<Self, ReadError> {
        let mut sorting = Sorting {
            memory,
            python,
            graph,
            kinds: Kinds::new(&python.layout),
            found: Namespaces::default(),
        };
        let classes = sorting.sort(tables)?;
        sorting.read_names()?;
        sorting.sort_classes(&classes)?;
        Ok(sorting.found)
    }

    /// The namespace of a globals dict.
    pub fn of_dict(&self, dict: u32) -> Option<&Namespace> {
        self.by_dict.get(&dict).map(|&index| &self.all[index])
    }

    /// The globals dict that a function runs in.
    pub fn of_function(&self, function: u32) -> Option<u32> {
        self.by_function.get(&function).copied()
    }

    /// The `__module__` of a class.
    pub fn of_class(&self, class: u32) -> Option<&Text> {
        self.modules_of_classes.get(&class)
    }

    /// Every namespace with this `__name__`.
    pub fn named(&self, name: &Text) -> impl Iterator<Item = &Namespace> {
        self.all
            .iter()
            .filter(move |namespace| namespace.name.as_ref() == Some(name))
    }

    fn entry(&mut self, dict: u32) -> &mut Namespace {
        let index = *self.by_dict.entry(dict).or_insert_with(|| {
            self.all.push(Namespace {
                dict,
                name: None,
                is_module_like: false,
                is_loaded: false,
                modules: Vec::new(),
                functions: Vec::new(),
                classes: Vec::new(),
            });
            self.all.len() - 1
        });
        &mut self.all[index]
    }
}

struct Sorting<'s, M> {
    memory: &'s M,
    python: &'s Python,
    graph: &'s Graph,
    kinds: Kinds<'s>,
    found: Namespaces,
}

/// What the namespace of a class says of it.
#[derive(Default)]
struct Members {
    module: Option<Text>,
    values: Vec<u32>,
}

impl<M: ViewMemory> Sorting<'_, M> {
    /// Functions and module objects to their dicts; returns the classes.
    fn sort(&mut self, tables: &[Table]) -> Result<Vec<u32>, ReadError> {
        let (layout, graph) = (&self.python.layout, self.graph);
        let mut classes = Vec::new();
        for row in tables.iter().flat_map(|table| &table.rows) {
            if let Some(dict) = row.dict.and_then(|dict| graph.find(dict)) {
                self.found.entry(dict).is_loaded = true;
                self.found
                    .by_key
                    .insert(Text::Plain(row.name.clone()), dict);
                if matches!(row.kind, ModuleKind::Extension | ModuleKind::Builtin) {
                    self.found.of_c.insert(dict);
                }
            }
        }
        for (node, kind) in self.of_modules()? {
            let at = graph.address(node);
            match kind {
                Kind::Function => {
                    let globals = layout.function.globals.read(self.memory, at).ok();
                    if let Some(dict) = globals.and_then(|dict| graph.find(dict)) {
                        self.found.entry(dict).functions.push(node);
                    }
                }
                Kind::Module => {
                    let dict = layout.module.dict.read(self.memory, at).ok();
                    if let Some(dict) = dict.and_then(|dict| graph.find(dict)) {
                        self.found.entry(dict).modules.push(node);
                    }
                }
                Kind::Class if self.kinds.is_heap_type(self.memory, at)? => {
                    classes.push(node);
                }
                _ => {}
            }
        }
        Ok(classes)
    }

    /// The functions, module objects and classes among all objects.
    fn of_modules(&self) -> Result<Vec<(u32, Kind)>, ReadError> {
        let mut workers: Vec<Kinds<'_>> = (0..threads())
            .map(|_| Kinds::new(&self.python.layout))
            .collect();
        let parts = self.graph.on_parts(&mut workers, |kinds, objects| {
            let mut found = Vec::new();
            for (node, at) in objects {
                let kind = kinds.of_viewed(self.memory, at)?;
                if let Some(kind @ (Kind::Function | Kind::Module | Kind::Class)) = kind {
                    found.push((node, kind));
                }
            }
            Ok(found)
        });
        let parts: Result<Vec<_>, ReadError> = parts.into_iter().collect();
        Ok(parts?.concat())
    }

    fn read_names(&mut self) -> Result<(), ReadError> {
        for index in 0..self.found.all.len() {
            let dict = self.graph.address(self.found.all[index].dict);
            let name = self.text_in(dict, "__name__")?;
            let marks = match self.python.version.major {
                2 => &["__doc__", "__package__"][..],
                _ => &["__spec__", "__loader__"],
            };
            let has = |mark: &&str| {
                let found = dict::find(self.memory, &self.python.layout, dict, mark);
                matches!(found, Ok(Some(_)))
            };
            let is_module_like = name.is_some() && marks.iter().any(has);
            let namespace = &mut self.found.all[index];
            namespace.is_module_like = is_module_like || !namespace.modules.is_empty();
            namespace.name = name;
        }
        Ok(())
    }

    fn text_in(&self, dict: Address, key: &str) -> Result<Option<Text>, ReadError> {
        match dict::find(self.memory, &self.python.layout, dict, key) {
            Ok(Some(value)) => self.kinds.text_at(self.memory, value),
            _ => Ok(None),
        }
    }

    fn sort_classes(&mut self, classes: &[u32]) -> Result<(), ReadError> {
        self.found.by_function = self.found.functions_by_dict();
        let by_name = self.found.dicts_by_name();
        let mut strays = Vec::new();
        for &class in classes {
            let members = self.members_of(class)?;
            let named = match &members.module {
                Some(name) => by_name.get(name).map_or(&[][..], |dicts| &dicts[..]),
                None => &[],
            };
            if let Some(module) = &members.module {
                self.found.modules_of_classes.insert(class, module.clone());
            }
            match self.dict_of(class, &members, named)? {
                Some(dict) => self.found.entry(dict).classes.push(class),
                None => strays.extend(members.module.map(|module| Stray { class, module })),
            }
        }
        self.sort_strays(strays, &by_name);
        Ok(())
    }

    /// A class that only another class of the same module is made from is of that module, too: the
    /// tuple behind `class Point(namedtuple('Point', ..))`. What C code made is no stray, and what a
    /// C module gives is its own whatever the class states.
    fn sort_strays(&mut self, mut strays: Vec<Stray>, by_name: &HashMap<Text, Vec<u32>>) {
        strays.retain(|stray| self.is_of_program(stray.class) && !self.is_given_by_c(stray.class));
        loop {
            let mut home: HashMap<u32, u32> = HashMap::new();
            for stray in &strays {
                let named = by_name
                    .get(&stray.module)
                    .map_or(&[][..], |dicts| &dicts[..]);
                let referrers = self.graph.referrers(stray.class);
                let gives = |dict: &&u32| {
                    let classes = self
                        .found
                        .of_dict(**dict)
                        .map(|namespace| &namespace.classes);
                    classes.is_some_and(|all| referrers.iter().any(|from| all.contains(from)))
                };
                home.extend(named.iter().find(gives).map(|&dict| (stray.class, dict)));
            }
            if home.is_empty() {
                break;
            }
            strays.retain(|stray| !home.contains_key(&stray.class));
            for (class, dict) in home {
                self.found.entry(dict).classes.push(class);
            }
        }
        self.found.strays = strays;
    }

    /// Whether a class statement or `type()` made the class: then `tp_name` points into the text
    /// that is its name.
    fn is_of_program(&self, class: u32) -> bool {
        /// Longer than the header of any text.
        const HEADER: u64 = 128;
        let layout = &self.python.layout;
        let at = self.graph.address(class);
        let names = layout.class.heap_name.read(self.memory, at).ok();
        let names = names.zip(layout.class.name.read(self.memory, at).ok());
        names.is_some_and(|(text, name)| {
            // Names that are not ASCII are kept in UTF-8 elsewhere.
            let utf8 = self.memory.read_at(text.offset(layout.text.ascii_size));
            name.distance_from(text)
                .is_some_and(|behind| behind < HEADER)
                || utf8 == Ok(name)
        })
    }

    fn is_given_by_c(&self, class: u32) -> bool {
        let mut referrers = self.graph.referrers(class).iter();
        referrers.any(|from| self.found.of_c.contains(from))
    }

    /// The dict that a class is of, among those with the name that it states; when there is none,
    /// the one that its first method runs in. A method that was put in from elsewhere runs elsewhere.
    fn dict_of(
        &self,
        class: u32,
        members: &Members,
        named: &[u32],
    ) -> Result<Option<u32>, ReadError> {
        let runs_in = &self.found.by_function;
        let mut run_in = members.values.iter().filter_map(|value| runs_in.get(value));
        if named.is_empty() {
            return Ok(run_in.next().copied());
        }
        if let Some(&dict) = run_in.find(|dict| named.contains(dict)) {
            return Ok(Some(dict));
        }
        let gives = |dict: &&u32| self.graph.referents(**dict).contains(&class);
        if let Some(&dict) = named.iter().find(gives) {
            return Ok(Some(dict));
        }
        // A class that states the module which is to give it, not the one that made it.
        let mut made_in = members
            .values
            .iter()
            .filter_map(|value| runs_in.get(value))
            .filter(gives);
        if let Some(&dict) = made_in.next() {
            return Ok(Some(dict));
        }
        match named {
            [only] if !self.gives_another(*only, class, members) => Ok(Some(*only)),
            _ => Ok(None),
        }
    }

    /// Whether a namespace has another class under the name of this one: then this one is older.
    /// One that refers to that other was made from it (`Generic[T]` of 3.6, which has `Generic` as
    /// its `__origin__`).
    fn gives_another(&self, dict: u32, class: u32, members: &Members) -> bool {
        let layout = &self.python.layout;
        let at = self.graph.address(class);
        let name = layout.class.name.read(self.memory, at);
        let name = name.and_then(|name| self.memory.read_c_string_at(name, NAME));
        let Ok(name) = name else {
            return false;
        };
        let name = String::from_utf8_lossy(&name);
        let found = dict::find(self.memory, layout, self.graph.address(dict), &name);
        let is_class = |value| matches!(self.kinds.of(self.memory, value), Ok(Some(Kind::Class)));
        let is_origin = |value| {
            let node = self.graph.find(value);
            node.is_some_and(|node| members.values.contains(&node))
        };
        let is_another = |value| value != at && is_class(value) && !is_origin(value);
        matches!(found, Ok(Some(value)) if is_another(value))
    }

    fn members_of(&self, class: u32) -> Result<Members, ReadError> {
        let layout = &self.python.layout;
        let at = self.graph.address(class);
        let Ok(dict) = layout.class.dict.read(self.memory, at) else {
            return Ok(Members::default());
        };
        let entries = dict::read(self.memory, layout, dict).unwrap_or_default();
        Ok(Members {
            module: self.text_in(dict, "__module__")?,
            values: entries
                .iter()
                .filter_map(|entry| self.graph.find(entry.value))
                .collect(),
        })
    }
}

impl Namespaces {
    fn functions_by_dict(&self) -> HashMap<u32, u32> {
        let pairs = |namespace: &Namespace| -> Vec<(u32, u32)> {
            let dict = namespace.dict;
            let functions = namespace.functions.iter();
            functions.map(|&function| (function, dict)).collect()
        };
        self.all.iter().flat_map(pairs).collect()
    }

    fn dicts_by_name(&self) -> HashMap<Text, Vec<u32>> {
        let mut by_name: HashMap<Text, Vec<u32>> = HashMap::new();
        for namespace in &self.all {
            if let Some(name) = &namespace.name {
                by_name
                    .entry(name.clone())
                    .or_default()
                    .push(namespace.dict);
            }
        }
        for (key, &dict) in &self.by_key {
            let named = by_name.entry(key.clone()).or_default();
            if !named.contains(&dict) {
                named.push(dict);
            }
        }
        by_name
    }
}
