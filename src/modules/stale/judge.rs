//! Comparing what a module has in memory with what its file compiles to.
//!
//! The statements of a module are not kept in memory, only the functions that they made. So a
//! function is compared with every function of the same name in the file, also those that are made
//! when another one is called, and is current when it is equal to one of them.

use super::compile::{Compiled, Definition, Literal};
use super::live::{Bound, Live, LiveFunction};
use crate::address::Address;
use crate::pyobject::code::{Code, Constant, differ};
use std::collections::{BTreeSet, HashMap};

/// What is otherwise about a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// It does something else.
    Code,
    /// It is in the file and not in memory.
    Added,
    /// It is in memory and not in the file any more.
    Removed,
    /// It is a constant with another value.
    Constant,
}

/// A function that is otherwise.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// Its qualified name.
    pub qualname: String,
    /// Its line: in the file, of a removed one in memory.
    pub line: u32,
    /// What is otherwise.
    pub what: What,
    /// What about it cannot be changed in the function that is there; `None` when only what it does,
    /// or its value, is another.
    pub beyond: Option<Beyond>,
}

/// What about a function is more than its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Beyond {
    /// Its arguments, or what kind of function it is.
    Signature,
    /// The variables of its surroundings that it uses.
    Closure,
    /// It is a class, which a statement has to make.
    Class,
    /// A decorator has to be called for it.
    Decorators,
}

/// A name under which something stands that the file does not put there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Patch {
    /// The name.
    pub attribute: String,
    /// The module of the foreign function.
    pub by: String,
}

/// What the comparison gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judgement {
    /// What is otherwise, by line.
    pub changed: Vec<Change>,
    /// What was put in from elsewhere.
    pub patched: Vec<Patch>,
    /// Functions that are in memory only, and were never of the file: made by `exec`, or compiled
    /// from elsewhere.
    pub memory_only: Vec<String>,
    /// How many functions were compared.
    pub compared: usize,
    /// How many of these are equal but stand at other lines now.
    pub moved_lines: usize,
    /// Functions whose code could not be read.
    pub unreadable: usize,
}

/// `CO_ITERABLE_COROUTINE`, which `types.coroutine` sets in a copy of the code.
const ITERABLE_COROUTINE: u32 = 0x100;

/// Compares. `file` is the module's `__file__`.
pub fn judge(live: &Live, compiled: &Compiled, file: &str) -> Judgement {
    let mut disk = Disk::default();
    disk.take(&compiled.code, None);
    let mut judging = Judging {
        live,
        disk,
        file,
        found: Judgement::default(),
        changes: BTreeSet::new(),
    };
    for function in &live.functions {
        judging.function(function);
    }
    for definition in &compiled.definitions {
        judging.definition(definition, &compiled.definitions);
    }
    let mut changed: Vec<Change> = judging.changes.into_iter().collect();
    changed.sort_by_key(|change| change.line);
    let mut found = judging.found;
    found.changed = changed;
    found.patched.sort();
    found.patched.dedup();
    found.memory_only.sort();
    found.memory_only.dedup();
    found
}

/// Constants that have another value in memory than in the file. `read` reads an object of the process.
/// Whether the file or the program gave it another value these values do not tell.
pub fn constants(
    live: &Live,
    compiled: &Compiled,
    mut read: impl FnMut(Address) -> Option<Constant>,
) -> Vec<Change> {
    let mut differs = |literal: &Literal| {
        let is_known = match literal.qualname.rsplit_once('.') {
            Some((class, _)) => live.names.get(class) == Some(&Bound::Class),
            None => true,
        };
        let at = live.values.get(&literal.qualname).filter(|_| is_known);
        match at.and_then(|&at| read(at)) {
            // An object of another kind is what the program has put there.
            None | Some(Constant::Other(_) | Constant::Code(_)) => false,
            Some(value) => value != literal.value,
        }
    };
    let found = compiled.constants.iter().filter(|one| differs(one));
    let change = |literal: &Literal| Change {
        qualname: literal.qualname.clone(),
        line: literal.line,
        what: What::Constant,
        beyond: None,
    };
    found.map(change).collect()
}

/// The functions of a file.
#[derive(Default)]
struct Disk<'c> {
    by_qualname: HashMap<String, Vec<&'c Code>>,
    by_name: HashMap<&'c str, Vec<&'c Code>>,
}

impl<'c> Disk<'c> {
    fn take(&mut self, code: &'c Code, own: Option<&str>) {
        for inner in code.inner() {
            let qualname = match (&inner.qualname, own) {
                (Some(qualname), _) => qualname.clone(),
                (None, None) => inner.name.clone(),
                (None, Some(own)) if code.is_function() => format!("{own}.<locals>.{}", inner.name),
                (None, Some(own)) => format!("{own}.{}", inner.name),
            };
            self.take(inner, Some(&qualname));
            self.by_name.entry(&inner.name).or_default().push(inner);
            self.by_qualname.entry(qualname).or_default().push(inner);
        }
    }

    /// What a function in memory may have been made from.
    fn candidates(&self, function: &LiveFunction, code: &Code) -> &[&'c Code] {
        let by = |name: &str| self.by_qualname.get(name).map(Vec::as_slice);
        if let Some(qualname) = &code.qualname {
            return by(qualname).unwrap_or_default();
        }
        // A decorator may have given another name.
        let stated = function.qualname.as_deref().unwrap_or(&function.path);
        let named = by(stated).filter(|all| all[0].name == code.name);
        named
            .or_else(|| self.by_name.get(code.name.as_str()).map(Vec::as_slice))
            .unwrap_or_default()
    }
}

/// What of a function is more than its body: flags are those of arguments and of what a call gives.
fn beyond(old: &Code, new: &Code) -> Option<Beyond> {
    const KINDS: u32 = 0x4 | 0x8 | 0x20 | 0x80 | 0x100 | 0x200;
    let names = |code: &Code| {
        let stars = (code.flags & 0xc).count_ones() as usize;
        let [plain, _, keywords] = code.arguments.map(|count| count.max(0) as usize);
        let count = (plain + keywords + stars).min(code.locals.len());
        code.locals[..count].to_vec()
    };
    let is_same_kind = (old.flags ^ new.flags) & KINDS == 0;
    if old.arguments != new.arguments || !is_same_kind || names(old) != names(new) {
        return Some(Beyond::Signature);
    }
    (old.free != new.free).then_some(Beyond::Closure)
}

struct Judging<'j> {
    live: &'j Live,
    disk: Disk<'j>,
    file: &'j str,
    found: Judgement,
    changes: BTreeSet<Change>,
}

impl Judging<'_> {
    fn function(&mut self, function: &LiveFunction) {
        let Ok(read) = &function.code else {
            self.found.unreadable += 1;
            return;
        };
        let mut code = read.clone();
        code.flags &= !ITERABLE_COROUTINE;
        let name = code.qualname.as_ref().or(function.qualname.as_ref());
        let name = name.unwrap_or(&function.path).clone();
        if !self.is_of_file(&code) {
            if code.file.starts_with('<') || self.live.names.get(&name) != Some(&Bound::Own) {
                self.found.memory_only.push(name);
            } else {
                let by = code.file.clone();
                self.found.patched.push(Patch {
                    attribute: name,
                    by,
                });
            }
            return;
        }
        self.found.compared += 1;
        let candidates = self.disk.candidates(function, &code);
        if let Some(same) = candidates.iter().find(|other| differ::same(&code, other)) {
            self.found.moved_lines += usize::from(same.first_line != code.first_line);
            return;
        }
        let distance = |other: &&&Code| other.first_line.abs_diff(code.first_line);
        let Some(nearest) = candidates.iter().min_by_key(distance) else {
            self.changes.insert(Change {
                qualname: name,
                line: code.first_line.max(0) as u32,
                what: What::Removed,
                beyond: None,
            });
            return;
        };
        let mut inner = Vec::new();
        differ::changed(&code, nearest, &mut inner);
        for other in inner {
            let is_itself = std::ptr::eq(other, *nearest);
            let qualname = match (&other.qualname, is_itself) {
                (Some(qualname), _) => qualname.clone(),
                (None, true) => name.clone(),
                (None, false) => format!("{name}.<locals>.{}", other.name),
            };
            self.changes.insert(Change {
                qualname,
                line: other.first_line.max(0) as u32,
                what: What::Code,
                beyond: beyond(&code, nearest),
            });
        }
    }

    /// Whether code was compiled from the module's file, as far as its name tells: a folder may have
    /// been moved after compiling.
    fn is_of_file(&self, code: &Code) -> bool {
        let last = |path: &str| {
            let name = path.rsplit('/').next().unwrap_or_default();
            let stem = name.split('.').next().unwrap_or_default();
            stem.to_owned()
        };
        code.file.starts_with("<frozen ") || last(&code.file) == last(self.file)
    }

    fn definition(&mut self, definition: &Definition, all: &[Definition]) {
        if !definition.is_sure || self.live.is_partial {
            return;
        }
        let Some((path, is_plain)) = self.place(definition, all) else {
            return;
        };
        match self.live.names.get(&path) {
            None => {
                self.changes.insert(Change {
                    qualname: definition.qualname.clone(),
                    line: definition.line,
                    what: What::Added,
                    beyond: match (definition.is_class, definition.is_decorated) {
                        (true, _) => Some(Beyond::Class),
                        (_, true) => Some(Beyond::Decorators),
                        _ => None,
                    },
                });
            }
            Some(Bound::Foreign(by)) if is_plain && !definition.is_class => {
                self.found.patched.push(Patch {
                    attribute: definition.qualname.clone(),
                    by: by.clone(),
                });
            }
            Some(_) => {}
        }
    }

    /// The way to a definition in memory, and whether nothing wraps it. `None` when the class that it
    /// is in may have made something else of it.
    fn place(&self, definition: &Definition, all: &[Definition]) -> Option<(String, bool)> {
        let name = &definition.qualname;
        let Some((class, own)) = name.rsplit_once('.') else {
            return Some((name.clone(), !definition.is_decorated));
        };
        let outer = all.iter().find(|other| other.qualname == class)?;
        let is_known = self.live.names.get(class) == Some(&Bound::Class);
        if outer.is_decorated || !outer.is_sure || !is_known {
            return None;
        }
        let last = class.rsplit('.').next().unwrap_or(class);
        let own = match own.starts_with("__") && !own.ends_with("__") {
            true => format!("_{}{own}", last.trim_start_matches('_')),
            false => own.to_owned(),
        };
        Some((format!("{class}.{own}"), !definition.is_decorated))
    }
}
