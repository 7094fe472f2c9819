//! The functions and classes that a module has in memory.

use crate::address::{Address, AddressSet};
use crate::cpython::layout::Layout;
use crate::pyobject::code::{Code, CodeReader};
use crate::pyobject::error::ObjectError;
use crate::pyobject::{dict, function, sequence, text};
use crate::target::memory::{ReadMemory, ReadMemoryExt};
use std::collections::HashMap;

/// How many objects are looked at for one module.
const VISITS: usize = 1 << 16;
/// How deep classes in classes and functions behind functions are followed.
const DEPTH: usize = 8;

/// What stands under a name of a module or of one of its classes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bound {
    /// A function that runs in the module, or something behind which one is.
    Own,
    /// A class that states to be of the module.
    Class,
    /// The same, of a metaclass that may have shaped it.
    Shaped,
    /// A function that runs in this other module, with none of the module behind it.
    Foreign(String),
    /// Anything else.
    Other,
}

/// A function that runs in the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveFunction {
    /// The way to it: `Class.method`.
    pub path: String,
    /// Its `__qualname__`; `None` on 2.7.
    pub qualname: Option<String>,
    /// The function object.
    pub address: Address,
    /// Its code, or why it could not be read.
    pub code: Result<Code, ObjectError>,
}

/// What a module has in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Live {
    /// Its functions, those behind wrappers too.
    pub functions: Vec<LiveFunction>,
    /// What stands under each name: `name`, `Class.name`.
    pub names: HashMap<String, Bound>,
    /// The object under each name.
    pub values: HashMap<String, Address>,
    /// Whether some of it was left out or could not be read.
    pub is_partial: bool,
}

/// Reads what the module with these globals has.
///
/// # Errors
/// [`ObjectError`] when the globals cannot be read.
pub fn read<M: ReadMemory + ?Sized>(
    memory: &M,
    layout: &Layout,
    name: &str,
    globals: Address,
) -> Result<Live, ObjectError> {
    let Some(reader) = CodeReader::new(memory, layout) else {
        return Ok(Live::default());
    };
    let mut reading = Reading {
        memory,
        layout,
        reader,
        name,
        globals,
        seen: AddressSet::default(),
        functions: HashMap::new(),
        live: Live::default(),
    };
    for (key, value) in reading.entries(globals)? {
        reading.take(&key, &key, value, DEPTH);
    }
    Ok(reading.live)
}

struct Reading<'r, M: ?Sized> {
    memory: &'r M,
    layout: &'r Layout,
    reader: CodeReader<'r, M>,
    name: &'r str,
    globals: Address,
    seen: AddressSet,
    /// What the functions that were looked at are.
    functions: HashMap<Address, Bound>,
    live: Live,
}

impl<M: ReadMemory + ?Sized> Reading<'_, M> {
    /// The items of a dict whose keys are texts.
    fn entries(&self, at: Address) -> Result<Vec<(String, Address)>, ObjectError> {
        let entries = dict::read(self.memory, self.layout, at)?;
        let kind = text::native(self.layout);
        let keys: Vec<_> = entries.iter().map(|entry| (entry.key, kind)).collect();
        let keys = text::read_many(self.memory, self.layout, &keys, &mut (1 << 24))
            .map_err(ObjectError::reading(at, "dict"))?;
        let pairs = keys.into_iter().zip(entries);
        Ok(pairs
            .filter_map(|(key, entry)| Some((key.ok()?.escaped(), entry.value)))
            .collect())
    }

    /// Takes in what stands under `path`; `name` is its last part.
    fn take(&mut self, path: &str, name: &str, value: Address, depth: usize) {
        let bound = match self.look(path, name, value, depth) {
            Ok(bound) => bound,
            Err(_) => {
                self.live.is_partial = true;
                Bound::Other
            }
        };
        self.live.names.insert(path.to_owned(), bound);
        self.live.values.insert(path.to_owned(), value);
    }

    fn look(
        &mut self,
        path: &str,
        name: &str,
        value: Address,
        depth: usize,
    ) -> Result<Bound, ObjectError> {
        if depth == 0 || self.seen.len() > VISITS {
            self.live.is_partial = true;
            return Ok(Bound::Other);
        }
        let class = self.reader.class_of(value)?;
        if class.flags.is_type() {
            return self.class(path, value, depth);
        }
        if class.flags.is_heap() {
            return Ok(Bound::Other);
        }
        match class.name.as_str() {
            "function" => self.function(path, value, depth),
            "staticmethod" | "classmethod" => self.behind(path, name, value, 1, depth),
            "property" => self.behind(path, name, value, 3, depth),
            _ => Ok(Bound::Other),
        }
    }

    /// The first `count` members behind the header are what is wrapped.
    fn behind(
        &mut self,
        path: &str,
        name: &str,
        value: Address,
        count: u64,
        depth: usize,
    ) -> Result<Bound, ObjectError> {
        let mut bound = Bound::Other;
        for index in 0..count {
            let place = value.offset(self.layout.header.size + 8 * index);
            let inner: Address =
                (self.memory.read_at(place)).map_err(ObjectError::reading(value, "wrapper"))?;
            if inner.is_null() {
                continue;
            }
            match self.look(path, name, inner, depth - 1)? {
                Bound::Own => bound = Bound::Own,
                other if bound == Bound::Other => bound = other,
                _ => {}
            }
        }
        Ok(bound)
    }

    fn function(&mut self, path: &str, at: Address, depth: usize) -> Result<Bound, ObjectError> {
        let function = function::read(self.memory, self.layout, at)?;
        let is_own = function.globals == self.globals;
        if !self.seen.insert(at) {
            // One that is looked at just now, or was: the same stands under several names.
            let known = self.functions.get(&at).cloned();
            return Ok(known.unwrap_or(if is_own { Bound::Own } else { Bound::Other }));
        }
        if is_own {
            let qualname = function.qualname.and_then(|at| self.text(at));
            let code = self.reader.read(function.code);
            self.live.functions.push(LiveFunction {
                path: path.to_owned(),
                qualname,
                address: at,
                code,
            });
        }
        let has_own_behind = self.wrapped(path, &function, depth)?;
        let bound = match is_own || has_own_behind {
            true => Bound::Own,
            false => Bound::Foreign(self.module_of(function.globals)),
        };
        self.functions.insert(at, bound.clone());
        Ok(bound)
    }

    /// Functions in the closure and under `__wrapped__`.
    fn wrapped(
        &mut self,
        path: &str,
        function: &function::Function,
        depth: usize,
    ) -> Result<bool, ObjectError> {
        let mut inner = Vec::new();
        if !function.closure.is_null() {
            for cell in sequence::read_tuple(self.memory, self.layout, function.closure)? {
                let place = cell.offset(self.layout.header.size);
                inner.extend(self.memory.read_at::<Address>(place).ok());
            }
        }
        if !function.attributes.is_null() {
            let under = dict::find(self.memory, self.layout, function.attributes, "__wrapped__");
            inner.extend(under.ok().flatten());
        }
        let mut has_own = false;
        for value in inner.into_iter().filter(|value| !value.is_null()) {
            let is_function = self.reader.class_of(value).is_ok_and(|class| {
                let wrappers = ["function", "staticmethod", "classmethod"];
                !class.flags.is_heap() && wrappers.contains(&class.name.as_str())
            });
            if is_function {
                has_own |= self.look(path, path, value, depth - 1)? == Bound::Own;
            }
        }
        Ok(has_own)
    }

    fn class(&mut self, path: &str, at: Address, depth: usize) -> Result<Bound, ObjectError> {
        let class = self.reader.class_at(at)?;
        if !class.flags.is_heap() {
            return Ok(Bound::Other);
        }
        let dict = self.layout.class.dict.read(self.memory, at);
        let dict = dict.map_err(ObjectError::reading(at, "class"))?;
        let entries = self.entries(dict)?;
        let states = entries.iter().find(|(key, _)| key == "__module__");
        let states = states.and_then(|&(_, value)| self.text(value));
        if states.as_deref() != Some(self.name) {
            return Ok(Bound::Other);
        }
        // A metaclass may make something else of what is defined; that of abstract classes does not.
        let bound = match self.reader.class_of(at)?.name.as_str() {
            "type" | "ABCMeta" => Bound::Class,
            _ => Bound::Shaped,
        };
        if self.seen.insert(at) {
            let own = path.rsplit('.').next() == Some(class.name.as_str());
            // Under another name it is seen where it belongs, or nowhere.
            let path = if own { path } else { class.name.as_str() };
            for (key, value) in entries {
                self.take(&format!("{path}.{key}"), &key, value, depth - 1);
            }
            self.live.names.insert(path.to_owned(), bound.clone());
        }
        Ok(bound)
    }

    fn text(&self, at: Address) -> Option<String> {
        let text = text::read(self.memory, self.layout, at).ok()?;
        Some(text.escaped())
    }

    /// `__name__` of a namespace.
    fn module_of(&self, globals: Address) -> String {
        let name = dict::find(self.memory, self.layout, globals, "__name__");
        let name = name.ok().flatten().and_then(|at| self.text(at));
        name.unwrap_or_else(|| "?".to_owned())
    }
}
