//! A byte array posing as the memory of a process, for unit tests.

use crate::address::{Address, AddressRange};
use crate::target::maps::Mapping;
use crate::target::memory::{ReadError, ReadMemory};
use crate::target::view::ViewMemory;
use std::collections::BTreeMap;

/// Memory of no file, to read and write, as a mapping.
pub fn anonymous(start: u64, end: u64) -> Mapping {
    Mapping {
        range: AddressRange::new(Address::new(start), Address::new(end)),
        read: true,
        write: true,
        execute: false,
        file_offset: 0,
        file: None,
        special: None,
    }
}

/// Memory made of byte arrays at chosen addresses.
#[derive(Debug, Default, Clone)]
pub struct FakeMemory {
    regions: BTreeMap<u64, Vec<u8>>,
}

impl FakeMemory {
    /// Memory in which nothing is mapped.
    pub fn new() -> Self {
        Self::default()
    }

    /// Maps `bytes` at `at`. Regions must not overlap.
    pub fn with(mut self, at: u64, bytes: &[u8]) -> Self {
        self.regions.insert(at, bytes.to_vec());
        self
    }

    /// Overwrites one 8-byte word; maps it first where nothing is mapped.
    pub fn put_word(&mut self, at: u64, word: u64) {
        self.put(at, &word.to_le_bytes());
    }

    /// Overwrites bytes inside one region, or maps them as a new one.
    pub fn put(&mut self, at: u64, bytes: &[u8]) {
        if let Some((&start, region)) = self.regions.range_mut(..=at).next_back() {
            let offset = (at - start) as usize;
            if let Some(place) = region.get_mut(offset..offset + bytes.len()) {
                place.copy_from_slice(bytes);
                return;
            }
        }
        self.regions.insert(at, bytes.to_vec());
    }
}

impl ReadMemory for FakeMemory {
    fn read_some_at(&self, at: Address, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let mut got = 0;
        while got < buffer.len() {
            let here = at.value().wrapping_add(got as u64);
            let Some((&start, region)) = self.regions.range(..=here).next_back() else {
                break;
            };
            let Some(rest) = region
                .get((here - start) as usize..)
                .filter(|r| !r.is_empty())
            else {
                break;
            };
            let count = rest.len().min(buffer.len() - got);
            buffer[got..got + count].copy_from_slice(&rest[..count]);
            got += count;
        }
        Ok(got)
    }
}

impl ViewMemory for FakeMemory {
    fn view(&self, at: Address, length: usize) -> Option<&[u8]> {
        let (&start, region) = self.regions.range(..=at.value()).next_back()?;
        let offset = (at.value() - start) as usize;
        region.get(offset..offset.checked_add(length)?)
    }

    fn viewed(&self) -> Vec<AddressRange> {
        let regions = self.regions.iter();
        let range = |(&start, bytes): (&u64, &Vec<u8>)| {
            AddressRange::new(
                Address::new(start),
                Address::new(start + bytes.len() as u64),
            )
        };
        regions.map(range).collect()
    }
}
