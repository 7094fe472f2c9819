//! The bytes of module specs, kept until the class of each is known.

use crate::address::{Address, AddressMap};
use crate::pyobject::batch::Window;
use std::ops::Range;

/// What was read of specs and around them.
#[derive(Debug, Default)]
pub(super) struct Specs {
    bytes: Vec<u8>,
    places: AddressMap<(Address, Range<usize>)>,
}

impl Specs {
    /// Keeps what was read of one.
    pub(super) fn keep(&mut self, spec: Address, window: Window<'_>) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(window.bytes);
        let place = (window.from, start..self.bytes.len());
        self.places.insert(spec, place);
    }

    /// What was read of this spec and around it.
    pub(super) fn get(&self, spec: Address) -> Option<Window<'_>> {
        let (from, range) = self.places.get(&spec)?;
        let bytes = self.bytes.get(range.clone())?;
        Some(Window { from: *from, bytes })
    }
}
