//! What every reader of references needs: memory, layout, and what was gathered once.

use super::edge::{Edge, EdgeName, Tier};
use crate::address::{Address, AddressSet};
use crate::cpython::layout::{Field, Heap, Layout};
use crate::target::memory::{Word, word_in};
use crate::target::view::ViewMemory;

/// Memory and layout, and what is the same for all objects.
#[derive(Debug)]
pub(super) struct Look<'m, M> {
    pub(super) memory: &'m M,
    pub(super) layout: &'m Layout,
    pub(super) shared: Shared,
}

/// What was gathered once for all objects.
#[derive(Debug, Clone, Default)]
pub(super) struct Shared {
    /// `types.builtins.initialized` and `types.for_extensions.initialized` of each interpreter.
    pub(super) static_types: Vec<(Address, Option<Address>)>,
    /// Dicts of interned strings, whose references are not counted.
    pub(super) interned: Vec<Address>,
    /// Frame objects on the chain of a thread: they run. To 3.10.
    pub(super) running: AddressSet,
}

impl<M> Clone for Look<'_, M> {
    fn clone(&self) -> Self {
        Look {
            memory: self.memory,
            layout: self.layout,
            shared: self.shared.clone(),
        }
    }
}

impl<'m, M: ViewMemory> Look<'m, M> {
    /// What the layout says about references.
    pub(super) fn heap(&self) -> &'m Heap {
        &self.layout.heap
    }

    /// The bytes at `at`.
    pub(super) fn view(&self, at: Address, length: u64) -> Option<&'m [u8]> {
        self.memory.view(at, usize::try_from(length).ok()?)
    }

    /// The value at `at`.
    pub(super) fn word<T: Word>(&self, at: Address) -> Option<T> {
        word_in(self.memory.view(at, T::SIZE)?, 0)
    }

    /// A member of the structure at `base`, which is no object.
    pub(super) fn field<T: Word>(&self, base: Address, field: Field<T>) -> Option<T> {
        self.word(field.of(base))
    }

    /// A member of the object at `object`, stated for the default build.
    pub(super) fn member<T: Word>(&self, object: Address, field: Field<T>) -> Option<T> {
        self.word(field.of(object).offset(self.heap().later))
    }

    /// `ob_size`, as far as it can be a length.
    pub(super) fn length(&self, object: Address) -> u64 {
        let length = self.layout.header.length.of(object);
        self.word::<i64>(length)
            .map_or(0, |length| length.max(0) as u64)
    }

    /// `count` words from `at` on, and none that is not mapped.
    pub(super) fn words(&self, at: Address, count: u64) -> Words<'m> {
        let whole = count
            .checked_mul(8)
            .and_then(|length| self.view(at, length));
        Words(whole.unwrap_or_default())
    }
}

/// Words of memory in a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words<'m>(&'m [u8]);

impl<'m> Words<'m> {
    /// Each word.
    pub(super) fn iter(self) -> impl Iterator<Item = Address> + 'm {
        self.0
            .chunks_exact(8)
            .map(|word| Address::new(u64::from_le_bytes(word.try_into().unwrap_or_default())))
    }
}

/// Gives a reference that CPython's sources say is owned; null is none.
#[inline]
pub(super) fn certain(visit: &mut (impl FnMut(Edge) + ?Sized), to: Address, name: EdgeName) {
    if !to.is_null() {
        visit(Edge {
            to,
            name,
            tier: Tier::Certain,
        });
    }
}
