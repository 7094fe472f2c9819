//! What is left of a module after it was unloaded: module objects, globals dicts, functions and
//! classes that are still alive.
//!
//! Objects do not move, so what survived lies where it lay before; but what died makes room for
//! others, so an address alone proves nothing. An object is a remain when it says itself whose it
//! is: a dict by its `__name__`, a function by the dict it runs in, a class by its `__module__` and
//! the functions in it. What sys.modules gives at that moment under the same name is a newer copy,
//! and no remain. A class that could be of either is counted as uncertain, never left out.

use super::kinds::{Kind, Kinds, mapped};
use super::walk::Walk;
use crate::address::Address;
use crate::cpython::layout::Layout;
use crate::pyobject::error::ObjectError;
use crate::pyobject::text::Text;
use crate::pyobject::{dict, header};
use crate::target::memory::{ReadError, ReadMemory, ReadMemoryExt};
use std::collections::{HashMap, HashSet};

/// Longest class name that is kept, in bytes.
const NAME: usize = 200;

/// A module, as it was before it was unloaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sought {
    /// Its key.
    pub name: Text,
    /// Its `__name__`; mostly the same.
    pub own_name: Option<Text>,
    /// The module object.
    pub module: Address,
    /// Its globals.
    pub dict: Option<Address>,
}

/// What sys.modules gives now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Current {
    /// Every module object.
    pub modules: HashSet<Address>,
    /// The globals of every one.
    pub dicts: HashSet<Address>,
    /// Every key, with the globals of its module.
    pub names: HashMap<Text, Option<Address>>,
}

/// What kind of thing is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RemainKind {
    /// A module object.
    Module,
    /// A globals dict.
    Globals,
    /// A Python function.
    Function,
    /// A class.
    Class,
}

/// An object that is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remain {
    /// What it is.
    pub kind: RemainKind,
    /// Which of the modules that were sought it belongs to.
    pub of: usize,
    /// The name of a class; else the name of the module.
    pub name: String,
    /// Where it is.
    pub address: Address,
    /// Whether it is in the permanent generation, which is never collected.
    pub frozen: bool,
}

/// Objects that could not be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unreadable {
    /// How many.
    pub count: usize,
    /// One of them: what it is, and why it could not be read.
    pub example: Option<String>,
}

impl Unreadable {
    fn add(&mut self, what: impl FnOnce() -> String) {
        self.count += 1;
        self.example.get_or_insert_with(what);
    }
}

/// Everything that is left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remains {
    /// What certainly is of a module that was sought.
    pub certain: Vec<Remain>,
    /// Classes of which it cannot be told whether they are of it or of a newer copy.
    pub uncertain: Vec<Remain>,
    /// Objects of which nothing is known.
    pub unreadable: Unreadable,
}

/// Looks for what is left of `sought` among the objects of a walk.
///
/// # Errors
/// As [`ReadMemory::read_some_at`]: the source as a whole is out of reach.
pub fn find_remains(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    walk: &Walk,
    sought: &[Sought],
    current: &Current,
) -> Result<Remains, ReadError> {
    let mut search = Search {
        memory,
        layout,
        kinds: Kinds::new(layout),
        sought,
        current,
        globals: HashMap::new(),
        found: Remains::default(),
    };
    let heap = search.sort(walk)?;
    search.look_at_modules(&heap)?;
    search.look_at_globals(&heap)?;
    search.look_at_functions(&heap)?;
    search.look_at_classes(&heap)?;
    let frozen: HashSet<&Address> = walk.objects.iter().take(walk.walked.frozen).collect();
    let found = &mut search.found;
    for remain in found.certain.iter_mut().chain(&mut found.uncertain) {
        remain.frozen = frozen.contains(&remain.address);
    }
    Ok(search.found)
}

/// The objects of a walk that can belong to a module.
#[derive(Default)]
struct Heap {
    /// Functions by the dict they run in.
    functions: HashMap<Address, Vec<Address>>,
    /// The dict each function runs in.
    globals_of: HashMap<Address, Address>,
    /// Module objects with their dicts.
    modules: Vec<(Address, Address)>,
    classes: Vec<Address>,
    dicts: HashSet<Address>,
    dict_classes: HashSet<Address>,
}

struct Search<'s, M: ?Sized> {
    memory: &'s M,
    layout: &'s Layout,
    kinds: Kinds<'s>,
    sought: &'s [Sought],
    current: &'s Current,
    /// Which module a globals dict is a remain of; `None` when of none.
    globals: HashMap<Address, Option<usize>>,
    found: Remains,
}

impl<M: ReadMemory + ?Sized> Search<'_, M> {
    fn sort(&mut self, walk: &Walk) -> Result<Heap, ReadError> {
        let mut heap = Heap::default();
        for &object in &walk.objects {
            let is_seen = match self.kinds.of(self.memory, object)? {
                Some(Kind::Function) => self.add_function(&mut heap, object)?,
                Some(Kind::Module) => self.add_module(&mut heap, object)?,
                Some(Kind::Class) => {
                    if self.kinds.is_heap_type(self.memory, object)? {
                        heap.classes.push(object);
                    }
                    true
                }
                Some(Kind::Dict) => {
                    heap.dicts.insert(object);
                    let class = mapped(self.layout.header.class.read(self.memory, object))?;
                    heap.dict_classes.extend(class);
                    true
                }
                Some(Kind::Text(_) | Kind::Other) => true,
                None => false,
            };
            if !is_seen {
                let what = || format!("the object at {object} or its class is not mapped");
                self.found.unreadable.add(what);
            }
        }
        Ok(heap)
    }

    fn add_function(&self, heap: &mut Heap, object: Address) -> Result<bool, ReadError> {
        let globals = mapped(self.layout.function.globals.read(self.memory, object))?;
        if let Some(globals) = globals {
            heap.functions.entry(globals).or_default().push(object);
            heap.globals_of.insert(object, globals);
        }
        Ok(globals.is_some())
    }

    fn add_module(&self, heap: &mut Heap, object: Address) -> Result<bool, ReadError> {
        let dict = mapped(self.layout.module.dict.read(self.memory, object))?;
        heap.modules.extend(dict.map(|dict| (object, dict)));
        Ok(dict.is_some())
    }

    fn look_at_modules(&mut self, heap: &Heap) -> Result<(), ReadError> {
        for &(module, dict) in &heap.modules {
            if self.current.modules.contains(&module) {
                continue;
            }
            if let Some(of) = self.owner_of(dict)? {
                self.add(RemainKind::Module, of, module);
            }
        }
        Ok(())
    }

    /// Dicts that functions run in, and those that were globals before. Also where no list has
    /// them: the collector does not track a dict of nothing but atoms (to 3.13).
    fn look_at_globals(&mut self, heap: &Heap) -> Result<(), ReadError> {
        let before = self.sought.iter().filter_map(|sought| sought.dict);
        let candidates: HashSet<Address> = heap.functions.keys().copied().chain(before).collect();
        for dict in candidates {
            let is_alive = heap.functions.contains_key(&dict)
                || heap.dicts.contains(&dict)
                || self.is_untracked_dict(heap, dict);
            if !is_alive {
                self.globals.insert(dict, None);
            } else if let Some(of) = self.owner_of(dict)? {
                self.add(RemainKind::Globals, of, dict);
            }
        }
        Ok(())
    }

    /// Whether there is a living dict where one was. Anything can lie there by now, so only a class
    /// that a tracked dict has counts as that of a dict, and only a table that is one: memory that
    /// was freed keeps its bytes for a while. A table that is out of reach counts as one, too.
    fn is_untracked_dict(&self, heap: &Heap, at: Address) -> bool {
        let bytes = self.memory.read_bytes_at(at, header::size(self.layout));
        let is_headed = bytes.is_ok_and(|bytes| {
            let class = header::parse(self.layout, &bytes).map(|header| header.class);
            header::has_plausible_count(self.layout, &bytes)
                && class.is_some_and(|class| heap.dict_classes.contains(&class))
        });
        let has_table = || match dict::read(self.memory, self.layout, at) {
            Ok(_) | Err(ObjectError::Unreadable { .. }) => true,
            Err(_) => false,
        };
        is_headed && has_table()
    }

    fn look_at_functions(&mut self, heap: &Heap) -> Result<(), ReadError> {
        for (&dict, functions) in &heap.functions {
            if let Some(of) = self.owner_of(dict)? {
                for &function in functions {
                    self.add(RemainKind::Function, of, function);
                }
            }
        }
        Ok(())
    }

    fn look_at_classes(&mut self, heap: &Heap) -> Result<(), ReadError> {
        let mut undecided = Vec::new();
        for &class in &heap.classes {
            let members = match self.members_of(class)? {
                Ok(members) => members,
                Err(why) => {
                    let what = || format!("the class at {class}: {why}");
                    self.found.unreadable.add(what);
                    continue;
                }
            };
            let owner = members.module.as_ref().and_then(|name| self.named(name));
            let (Some(of), Some(name)) = (owner, &members.module) else {
                continue;
            };
            let globals: Vec<Address> = members
                .values
                .iter()
                .filter_map(|value| heap.globals_of.get(value).copied())
                .collect();
            let mut is_old = false;
            for &dict in &globals {
                is_old |= self.owner_of(dict)?.is_some();
            }
            let is_newer = globals.iter().any(|dict| self.current.dicts.contains(dict));
            if is_old || !self.current.names.contains_key(name) {
                self.add(RemainKind::Class, of, class);
            } else if !is_newer {
                undecided.push((of, class));
            }
        }
        if undecided.is_empty() {
            return Ok(());
        }
        let newer = self.classes_of_newer_copies(heap)?;
        undecided.retain(|(_, class)| !newer.contains(class));
        for (of, class) in undecided {
            let remain = self.remain(RemainKind::Class, of, class);
            self.found.uncertain.push(remain);
        }
        Ok(())
    }

    /// Classes that a newer copy of a module that was sought has under a name, and those that are
    /// in the namespace of such a class.
    fn classes_of_newer_copies(&self, heap: &Heap) -> Result<HashSet<Address>, ReadError> {
        let classes: HashSet<Address> = heap.classes.iter().copied().collect();
        let of_sought = |name: &Text| self.named(name).is_some();
        let mut dicts: Vec<Address> = self
            .current
            .names
            .iter()
            .filter(|(name, _)| of_sought(name))
            .filter_map(|(_, dict)| *dict)
            .collect();
        let mut newer = HashSet::new();
        while let Some(dict) = dicts.pop() {
            for entry in dict::read(self.memory, self.layout, dict).unwrap_or_default() {
                if classes.contains(&entry.value) && newer.insert(entry.value) {
                    let dict = self.layout.class.dict.read(self.memory, entry.value);
                    dicts.extend(mapped(dict)?);
                }
            }
        }
        Ok(newer)
    }

    fn members_of(&self, class: Address) -> Result<Result<Members, ObjectError>, ReadError> {
        let dict = match self.layout.class.dict.read(self.memory, class) {
            Ok(dict) => dict,
            Err(cause) => return Ok(Err(ObjectError::reading(class, "class")(cause))),
        };
        let entries = match dict::read(self.memory, self.layout, dict) {
            Ok(entries) => entries,
            Err(error) => return Ok(Err(error)),
        };
        let module = match dict::find(self.memory, self.layout, dict, "__module__") {
            Ok(Some(value)) => self.kinds.text_at(self.memory, value)?,
            _ => None,
        };
        let values = entries.iter().map(|entry| entry.value).collect();
        Ok(Ok(Members { module, values }))
    }

    /// Which module that was sought the globals dict at `dict` is of. A dict that sys.modules gives
    /// now is of a newer copy.
    fn owner_of(&mut self, dict: Address) -> Result<Option<usize>, ReadError> {
        if let Some(&known) = self.globals.get(&dict) {
            return Ok(known);
        }
        let owner = if self.current.dicts.contains(&dict) {
            None
        } else {
            self.owner_by_name(dict)?
        };
        self.globals.insert(dict, owner);
        Ok(owner)
    }

    /// By `__name__`. Where that is no text, or gone, the address before the unload decides.
    fn owner_by_name(&mut self, dict: Address) -> Result<Option<usize>, ReadError> {
        let value = dict::find(self.memory, self.layout, dict, "__name__");
        let name = match value {
            Ok(Some(value)) => self.kinds.text_at(self.memory, value)?,
            Ok(None) => None,
            Err(error) => {
                let what = || format!("the namespace at {dict}: {error}");
                self.found.unreadable.add(what);
                None
            }
        };
        Ok(match name {
            Some(name) => self.named(&name),
            None => self
                .sought
                .iter()
                .position(|sought| sought.dict == Some(dict) && sought.own_name.is_none()),
        })
    }

    fn named(&self, name: &Text) -> Option<usize> {
        let of_key = self.sought.iter().position(|sought| sought.name == *name);
        of_key.or_else(|| {
            let own = |sought: &Sought| sought.own_name.as_ref() == Some(name);
            self.sought.iter().position(own)
        })
    }

    fn add(&mut self, kind: RemainKind, of: usize, address: Address) {
        let remain = self.remain(kind, of, address);
        self.found.certain.push(remain);
    }

    fn remain(&self, kind: RemainKind, of: usize, address: Address) -> Remain {
        let name = match kind {
            RemainKind::Class => self.class_name(address),
            _ => None,
        };
        Remain {
            kind,
            of,
            name: name.unwrap_or_else(|| self.sought[of].name.to_string()),
            address,
            frozen: false,
        }
    }

    fn class_name(&self, class: Address) -> Option<String> {
        let name = self.layout.class.name.read(self.memory, class).ok()?;
        let bytes = self.memory.read_c_string_at(name, NAME).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// What the dict of a class tells.
struct Members {
    module: Option<Text>,
    values: Vec<Address>,
}
