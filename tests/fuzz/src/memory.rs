//! The bytes of one input as the memory of a process.

use pyunload::address::{Address, AddressRange};
use pyunload::target::memory::{ReadError, ReadMemory};
use pyunload::target::view::ViewMemory;

/// Pieces of memory, each with the address it begins at, sorted and without overlap.
#[derive(Debug, Default)]
pub struct Memory {
    pieces: Vec<(u64, Vec<u8>)>,
}

impl Memory {
    /// Memory of these pieces, which are given in the order of their addresses.
    pub fn new(pieces: Vec<(u64, Vec<u8>)>) -> Self {
        Memory { pieces }
    }

    /// What is mapped where.
    pub fn ranges(&self) -> impl Iterator<Item = AddressRange> + '_ {
        self.pieces.iter().map(|(start, bytes)| {
            let start = Address::new(*start);
            AddressRange::new(start, start.offset(bytes.len() as u64))
        })
    }

    /// The bytes from `at` to the end of the piece that it is in.
    fn behind(&self, at: u64) -> &[u8] {
        let after = self.pieces.partition_point(|(start, _)| *start <= at);
        let Some((start, bytes)) = self.pieces[..after].last() else {
            return &[];
        };
        let inside = usize::try_from(at - start).unwrap_or(usize::MAX);
        bytes.get(inside..).unwrap_or_default()
    }
}

impl ReadMemory for Memory {
    fn read_some_at(&self, at: Address, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let behind = self.behind(at.value());
        let got = behind.len().min(buffer.len());
        buffer[..got].copy_from_slice(&behind[..got]);
        Ok(got)
    }
}

impl ViewMemory for Memory {
    fn view(&self, at: Address, length: usize) -> Option<&[u8]> {
        self.behind(at.value()).get(..length)
    }

    fn viewed(&self) -> Vec<AddressRange> {
        self.ranges().collect()
    }
}
