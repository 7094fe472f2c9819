//! Addresses of another process, as numbers that cannot be dereferenced by mistake.

use std::collections::{HashMap, HashSet};
use std::fmt;

/// A map by addresses. Its hash is quick, and seeded anew in each run: a target that chose its
/// addresses to collide cannot know the seed.
pub type AddressMap<V> = HashMap<Address, V, foldhash::fast::RandomState>;

/// A set of addresses, hashed as in [`AddressMap`].
pub type AddressSet = HashSet<Address, foldhash::fast::RandomState>;

/// An address in the memory of a target. In bytes; never valid in our own process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Address(u64);

/// An address as an ELF file states it (`p_vaddr`, `st_value`), before the loader moved it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct FileAddress(pub u64);

/// How far the loader moved a file: address = file address + bias, modulo 2^64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bias(pub u64);

impl Address {
    /// The null pointer.
    pub const NULL: Address = Address(0);

    /// An address from its number.
    pub const fn new(value: u64) -> Self {
        Address(value)
    }

    /// The number itself.
    pub const fn value(self) -> u64 {
        self.0
    }

    /// Whether this is the null pointer.
    pub const fn is_null(self) -> bool {
        self.0 == 0
    }

    /// `self + bytes`, or `None` when that leaves the address space.
    pub const fn checked_add(self, bytes: u64) -> Option<Self> {
        match self.0.checked_add(bytes) {
            Some(sum) => Some(Address(sum)),
            None => None,
        }
    }

    /// `self + bytes`, wrapping: a wild pointer becomes an unmapped one, never a panic.
    pub const fn offset(self, bytes: u64) -> Self {
        Address(self.0.wrapping_add(bytes))
    }

    /// `self - bytes`, wrapping, for headers that lie before an object.
    pub const fn before(self, bytes: u64) -> Self {
        Address(self.0.wrapping_sub(bytes))
    }

    /// The distance from `earlier` to `self` in bytes, or `None` when `earlier` is later.
    pub const fn distance_from(self, earlier: Address) -> Option<u64> {
        self.0.checked_sub(earlier.0)
    }

    /// Whether the address is a multiple of `bytes`, a power of two.
    pub const fn is_aligned(self, bytes: u64) -> bool {
        self.0 & (bytes - 1) == 0
    }

    /// Whether this could point to a `PyObject`: not null, not in the first 64 KiB, 8-aligned, in
    /// the user half of the address space.
    pub const fn may_be_object(self) -> bool {
        self.0 >= 0x10000 && self.0 < 1 << 56 && self.is_aligned(8)
    }
}

impl FileAddress {
    /// Where this lies in the target's memory.
    pub const fn moved(self, bias: Bias) -> Address {
        Address(self.0.wrapping_add(bias.0))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// The addresses from `start` up to, not including, `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AddressRange {
    /// First address inside.
    pub start: Address,
    /// First address behind; never before `start`.
    pub end: Address,
}

impl AddressRange {
    /// A range; an `end` before `start` gives an empty range.
    pub fn new(start: Address, end: Address) -> Self {
        AddressRange {
            start,
            end: end.max(start),
        }
    }

    /// Length in bytes.
    pub fn len(&self) -> u64 {
        self.end.0 - self.start.0
    }

    /// Whether nothing is inside.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Whether `address` is inside.
    pub fn contains(&self, address: Address) -> bool {
        self.start <= address && address < self.end
    }

    /// Whether `bytes` bytes from `address` on are all inside.
    pub fn contains_span(&self, address: Address, bytes: u64) -> bool {
        self.contains(address)
            && address
                .checked_add(bytes)
                .is_some_and(|end| end <= self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_that_wraps_around_is_outside_every_range() {
        let range = AddressRange::new(Address::new(0x1000), Address::new(0x2000));
        assert!(range.contains_span(Address::new(0x1ff8), 8));
        assert!(!range.contains_span(Address::new(0x1ff9), 8));
        assert!(!range.contains_span(Address::new(0x1ff8), u64::MAX));
    }

    #[test]
    fn a_file_address_moves_by_the_bias_even_below_zero() {
        let bias = Bias(0u64.wrapping_sub(0x1000));
        assert_eq!(FileAddress(0x3000).moved(bias), Address::new(0x2000));
    }
}
