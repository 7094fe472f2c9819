//! Pages of a target, found again by their address.
//!
//! The pages lie in one block of ours in the order of their addresses, so that neighbours stay
//! neighbours and an object over the border of two pages can be borrowed in one piece. Where a page
//! lies is looked up as the processor does it: a table of four levels, of which only those parts
//! exist that are used.

use crate::address::{Address, AddressRange};
use crate::target::memory::Piece;
use crate::target::raw;

/// Size of a page.
pub const PAGE: u64 = 4096;

/// Bits of an address that one level of the table takes.
const BITS: u32 = 9;

/// Entries of one level.
const ENTRIES: usize = 1 << BITS;

/// Largest piece of one read, in bytes: large enough to be fast, small enough for the caches.
const PIECE: usize = 4 << 20;

type Leaf = [u32; ENTRIES];
type Low = [Option<Box<Leaf>>; ENTRIES];
type Middle = [Option<Box<Low>>; ENTRIES];

/// Marks a page that is not there.
const NONE: u32 = u32::MAX;

/// Pages with their bytes.
#[derive(Debug)]
pub struct Pages {
    ranges: Vec<AddressRange>,
    bytes: Vec<u8>,
    top: Vec<Option<Box<Middle>>>,
}

impl Pages {
    /// Room for the pages of `ranges`, which are sorted and do not overlap; whole pages are taken.
    /// The memory is there when this returns, so that filling it costs no page faults.
    pub fn with_room(ranges: Vec<AddressRange>) -> Self {
        let length: u64 = ranges.iter().map(AddressRange::len).sum();
        let mut pages = Pages {
            bytes: vec![0; length as usize],
            top: (0..ENTRIES).map(|_| None).collect(),
            ranges,
        };
        raw::advise_huge_pages(&mut pages.bytes);
        for page in pages.bytes.chunks_mut(PAGE as usize) {
            page[0] = 0xdb;
        }
        pages.number();
        pages
    }

    /// Bytes of all pages.
    pub fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// The pages as ranges without a gap.
    pub fn ranges(&self) -> &[AddressRange] {
        &self.ranges
    }

    /// All bytes, cut into pieces to be read.
    pub fn pieces(&mut self) -> Vec<Piece<'_>> {
        let mut pieces = Vec::new();
        let mut rest = &mut self.bytes[..];
        for range in &self.ranges {
            let (mut bytes, behind) = rest.split_at_mut(range.len() as usize);
            rest = behind;
            let mut at = range.start;
            while !bytes.is_empty() {
                let (piece, more) = bytes.split_at_mut(PIECE.min(bytes.len()));
                let length = piece.len() as u64;
                pieces.push(Piece::new(at, piece));
                (at, bytes) = (at.offset(length), more);
            }
        }
        pieces
    }

    /// Forgets one page.
    pub fn remove(&mut self, page: Address) {
        *self.slot(page) = NONE;
    }

    /// What there is from `at` on, up to `length` bytes and up to where the pages end.
    pub fn get_some(&self, at: Address, length: usize) -> &[u8] {
        let Some(index) = self.find(at) else {
            return &[];
        };
        let within = (at.value() % PAGE) as usize;
        let mut here = PAGE as usize - within;
        let mut next = index;
        while here < length {
            next += 1;
            match self.find(at.offset(here as u64)) {
                Some(found) if found == next => here += PAGE as usize,
                _ => break,
            }
        }
        let start = index as usize * PAGE as usize + within;
        &self.bytes[start..start + here.min(length)]
    }

    /// The number of the page that `at` lies in.
    fn find(&self, at: Address) -> Option<u32> {
        let [top, middle, low, leaf] = indices(at)?;
        let low = self.top[top].as_ref()?[middle].as_ref()?[low].as_ref()?;
        Some(low[leaf]).filter(|&index| index != NONE)
    }

    fn number(&mut self) {
        let mut index = 0;
        for range in self.ranges.clone() {
            let mut page = range.start;
            while page < range.end {
                *self.slot(page) = index;
                index += 1;
                page = page.offset(PAGE);
            }
        }
    }

    fn slot(&mut self, page: Address) -> &mut u32 {
        let [top, middle, low, leaf] = indices(page).unwrap_or_default();
        let middle_level = self.top[top].get_or_insert_with(|| Box::new([const { None }; ENTRIES]));
        let low_level =
            middle_level[middle].get_or_insert_with(|| Box::new([const { None }; ENTRIES]));
        let leaf_level = low_level[low].get_or_insert_with(|| Box::new([NONE; ENTRIES]));
        &mut leaf_level[leaf]
    }
}

/// The index in each level; `None` above the addresses a process can have.
fn indices(at: Address) -> Option<[usize; 4]> {
    let page = at.value() / PAGE;
    if page >> (4 * BITS) != 0 {
        return None;
    }
    Some([3, 2, 1, 0].map(|level| (page >> (level * BITS)) as usize % ENTRIES))
}
