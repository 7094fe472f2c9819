//! What kind of object lies at an address, told from its class; each class is looked at once.

use crate::address::{Address, AddressMap};
use crate::cpython::layout::Layout;
use crate::pyobject::class::Flags;
use crate::pyobject::text::{self, Text};
use crate::target::memory::{ReadError, ReadMemory, ReadMemoryExt};
use crate::target::view::ViewMemory;
use std::cell::{Cell, RefCell};

/// How many base classes are followed.
const BASES: usize = 64;

/// Slots of the quick table.
const QUICK: usize = 256;

/// The kinds of objects that belong to a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A Python function.
    Function,
    /// A module object, or of a class made from it.
    Module,
    /// A dict, or of a class made from it.
    Dict,
    /// A class.
    Class,
    /// Text, kept in this way.
    Text(text::Kind),
    /// Anything else.
    Other,
}

/// A class, and what its instances are when that is known.
type Met = Cell<(Address, Option<Kind>)>;

/// Tells kinds, and remembers what it learnt of each class.
#[derive(Debug)]
pub struct Kinds<'l> {
    layout: &'l Layout,
    known: RefCell<AddressMap<Kind>>,
    /// Classes met last, found without hashing.
    quick: Box<[Met; QUICK]>,
}

impl<'l> Kinds<'l> {
    /// Nothing learnt yet.
    pub fn new(layout: &'l Layout) -> Self {
        Kinds {
            layout,
            known: RefCell::default(),
            quick: Box::new([const { Cell::new((Address::NULL, None)) }; QUICK]),
        }
    }

    /// The kind of the object at `object`; `None` when it or its class cannot be read.
    ///
    /// # Errors
    /// As [`ReadMemory::read_some_at`]: the source as a whole is out of reach.
    pub fn of(
        &self,
        memory: &(impl ReadMemory + ?Sized),
        object: Address,
    ) -> Result<Option<Kind>, ReadError> {
        match mapped(self.layout.header.class.read(memory, object))? {
            Some(class) => self.of_class(memory, class),
            None => Ok(None),
        }
    }

    /// As [`Kinds::of`], of memory that lies in ours: for many objects one after the other.
    ///
    /// # Errors
    /// As [`Kinds::of`].
    #[inline]
    pub fn of_viewed(
        &self,
        memory: &impl ViewMemory,
        object: Address,
    ) -> Result<Option<Kind>, ReadError> {
        let Some(class) = memory.word::<Address>(self.layout.header.class.of(object)) else {
            return self.of(memory, object);
        };
        let slot = (class.value() >> 4 ^ class.value() >> 12) as usize % QUICK;
        if let (known, Some(kind)) = self.quick[slot].get()
            && known == class
        {
            return Ok(Some(kind));
        }
        let kind = self.of_class(memory, class)?;
        self.quick[slot].set((class, kind));
        Ok(kind)
    }

    /// What instances of a class are.
    fn of_class(
        &self,
        memory: &(impl ReadMemory + ?Sized),
        class: Address,
    ) -> Result<Option<Kind>, ReadError> {
        if let Some(&kind) = self.known.borrow().get(&class) {
            return Ok(Some(kind));
        }
        let kind = self.look_at(memory, class)?;
        if let Some(kind) = kind {
            self.known.borrow_mut().insert(class, kind);
        }
        Ok(kind)
    }

    /// Whether the class at `class` was made by a program and not by the C compiler.
    ///
    /// # Errors
    /// As [`Kinds::of`].
    pub fn is_heap_type(
        &self,
        memory: &(impl ReadMemory + ?Sized),
        class: Address,
    ) -> Result<bool, ReadError> {
        let flags = mapped(self.layout.class.flags.read(memory, class))?;
        Ok(flags.is_some_and(|flags| Flags(flags).is_heap()))
    }

    /// The text at `object`; `None` when it is no text, or cannot be read.
    ///
    /// # Errors
    /// As [`Kinds::of`].
    pub fn text_at(
        &self,
        memory: &(impl ReadMemory + ?Sized),
        object: Address,
    ) -> Result<Option<Text>, ReadError> {
        Ok(match self.of(memory, object)? {
            Some(Kind::Text(kind)) => text::read_kind(memory, self.layout, object, kind).ok(),
            _ => None,
        })
    }

    fn look_at(
        &self,
        memory: &(impl ReadMemory + ?Sized),
        class: Address,
    ) -> Result<Option<Kind>, ReadError> {
        let layout = &self.layout.class;
        let Some(flags) = mapped(layout.flags.read(memory, class))? else {
            return Ok(None);
        };
        if let Some(kind) = by_flags(Flags(flags)) {
            return Ok(Some(kind));
        }
        let mut at = class;
        for _ in 0..BASES {
            match self.static_name(memory, at)?.as_deref() {
                Some(b"module") => return Ok(Some(Kind::Module)),
                Some(b"function") if at == class => return Ok(Some(Kind::Function)),
                _ => {}
            }
            match mapped(layout.base.read(memory, at))? {
                Some(base) if !base.is_null() => at = base,
                Some(_) => break,
                None => return Ok(None),
            }
        }
        Ok(Some(Kind::Other))
    }

    /// `tp_name` of a class of the interpreter's own; a program cannot give itself such a name.
    fn static_name(
        &self,
        memory: &(impl ReadMemory + ?Sized),
        class: Address,
    ) -> Result<Option<Vec<u8>>, ReadError> {
        if self.is_heap_type(memory, class)? {
            return Ok(None);
        }
        let Some(name) = mapped(self.layout.class.name.read(memory, class))? else {
            return Ok(None);
        };
        mapped(memory.read_c_string_at(name, 16))
    }
}

/// What `tp_flags` alone tells.
fn by_flags(flags: Flags) -> Option<Kind> {
    if flags.is_type() {
        Some(Kind::Class)
    } else if flags.is_dict() {
        Some(Kind::Dict)
    } else {
        flags.text_kind().map(Kind::Text)
    }
}

/// Memory that is not mapped is no answer; a source out of reach is an error.
pub(super) fn mapped<T>(read: Result<T, ReadError>) -> Result<Option<T>, ReadError> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(ReadError::Unmapped { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
