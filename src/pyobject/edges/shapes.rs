//! The shapes of the classes met so far, found again without hashing where it can be avoided.

use super::look::Look;
use super::shape::{Shape, learn};
use crate::address::{Address, AddressMap};
use crate::target::view::ViewMemory;

/// Slots of the quick table.
const SLOTS: usize = 256;

/// Shapes by class. Addresses that are no class are remembered, too.
#[derive(Debug, Clone)]
pub(super) struct Shapes {
    known: Vec<Shape>,
    by_class: AddressMap<Option<u32>>,
    quick: Box<[(Address, Option<u32>); SLOTS]>,
}

impl Shapes {
    /// No class is known yet.
    pub(super) fn new() -> Self {
        Shapes {
            known: Vec::new(),
            by_class: AddressMap::default(),
            quick: Box::new([(Address::NULL, None); SLOTS]),
        }
    }

    /// The index of the shape of the instances of `class`; `None` when that is no class.
    #[inline]
    pub(super) fn find<M: ViewMemory>(
        &mut self,
        look: &Look<'_, M>,
        class: Address,
    ) -> Option<u32> {
        let slot = (class.value() >> 4 ^ class.value() >> 12) as usize % SLOTS;
        let (known, index) = self.quick[slot];
        if known == class {
            return index;
        }
        let index = self.find_slowly(look, class);
        self.quick[slot] = (class, index);
        index
    }

    fn find_slowly<M: ViewMemory>(&mut self, look: &Look<'_, M>, class: Address) -> Option<u32> {
        if let Some(&index) = self.by_class.get(&class) {
            return index;
        }
        let shape = learn(look, class);
        let index = shape.map(|shape| {
            self.known.push(shape);
            (self.known.len() - 1) as u32
        });
        self.by_class.insert(class, index);
        index
    }

    /// A shape that was found.
    #[inline]
    pub(super) fn get(&self, index: u32) -> &Shape {
        &self.known[index as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::super::look::Shared;
    use super::*;
    use crate::cpython::tables::V3_11;
    use crate::target::fake::FakeMemory;

    const TYPE: u64 = 0x10_0000;
    const BASE: u64 = 0x10_1000;
    const CLASS: u64 = 0x10_2000;
    /// Where two names lie.
    const NAMES: u64 = TYPE + 0xf00;
    /// A class that is ready; `type` is one of classes, too.
    const READY: u64 = 1 << 12 | 1 << 31;

    fn put_class(memory: &mut FakeMemory, at: u64, base: u64, basicsize: i64) {
        let (class, header) = (&V3_11.class, &V3_11.header);
        let address = Address::new(at);
        memory.put_word(header.refcount.of(address).value(), 1);
        memory.put_word(header.class.of(address).value(), TYPE);
        let name = if at == TYPE { NAMES } else { NAMES + 8 };
        memory.put_word(class.name.of(address).value(), name);
        memory.put_word(class.base.of(address).value(), base);
        memory.put_word(class.flags.of(address).value(), READY);
        memory.put_word(class.basicsize.of(address).value(), basicsize as u64);
        let dealloc = V3_11.heap.class.itemsize.offset() + 8;
        memory.put_word(at + dealloc, 0x1000);
    }

    #[test]
    fn a_base_that_states_any_size_is_looked_at_as_far_as_instances_go() {
        for size in [i64::MAX, -1, 1 << 40] {
            let mut memory = FakeMemory::new().with(TYPE, &[0; 0x3000]);
            put_class(&mut memory, TYPE, 0, 0x370);
            put_class(&mut memory, BASE, 0, size);
            put_class(&mut memory, CLASS, BASE, 0x40);
            memory.put(NAMES, b"type\0\0\0\0thing\0");
            let look = Look {
                memory: &memory,
                layout: &V3_11,
                shared: Shared::default(),
            };
            let mut shapes = Shapes::new();
            let index = shapes.find(&look, Address::new(CLASS)).expect("a class");
            let shape = shapes.get(index);
            let words = shape.owned.len() + shape.probable.len();
            assert!((1..=4096).contains(&words), "{size}: {words}");
        }
    }
}
