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
