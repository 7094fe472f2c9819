//! Maps keyed by addresses, which are looked up by the ten thousand.

use crate::address::Address;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

/// A map keyed by addresses.
pub type AddressMap<T> = HashMap<Address, T, AddressHash>;

/// Multiplies by a random odd number: quick, and a target cannot foresee which of its addresses
/// would collide.
#[derive(Debug, Clone, Copy)]
pub struct AddressHash(u64);

impl Default for AddressHash {
    fn default() -> Self {
        AddressHash(RandomState::new().hash_one(0u8) | 1)
    }
}

impl BuildHasher for AddressHash {
    type Hasher = Product;
    fn build_hasher(&self) -> Product {
        Product {
            factor: self.0,
            hash: 0,
        }
    }
}

/// One hash under way.
#[derive(Debug)]
pub struct Product {
    factor: u64,
    hash: u64,
}

impl Hasher for Product {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(byte.into());
        }
    }

    fn write_u64(&mut self, value: u64) {
        let product = u128::from(self.hash ^ value) * u128::from(self.factor);
        self.hash = (product >> 64) as u64 ^ product as u64;
    }

    fn finish(&self) -> u64 {
        self.hash
    }
}
