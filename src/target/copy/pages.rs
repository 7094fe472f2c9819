//! Pages of a target with their bytes, found again by their address.
//!
//! The pages lie in one block of ours in the order of their addresses, so that neighbours stay
//! neighbours and an object over the border of two pages can be borrowed in one piece.

use crate::address::{Address, AddressRange};
use crate::target::memory::Piece;
use crate::target::page_table::{PAGE, PageTable};
use crate::target::raw;
use std::sync::Mutex;

/// Largest piece of one read, in bytes: large enough to be fast, small enough to be shared out.
const PIECE: usize = 512 << 10;

/// Pages with their bytes.
#[derive(Debug)]
pub struct Pages {
    ranges: Vec<AddressRange>,
    /// The bytes of all pages, and before them what makes the first begin at a page of ours: the
    /// kernel copies three times as fast when source and destination lie alike in their pages.
    bytes: Vec<u8>,
    first: usize,
    table: PageTable,
}

impl Pages {
    /// Room for the pages of `ranges`, which are sorted and do not overlap; whole pages are taken.
    /// The memory is there when this returns, so that filling it costs no page faults.
    pub fn with_room(ranges: Vec<AddressRange>) -> Self {
        let length: u64 = ranges.iter().map(AddressRange::len).sum();
        let mut bytes = vec![0; length as usize + PAGE as usize];
        let first = bytes.as_ptr().align_offset(PAGE as usize);
        bytes.truncate(first + length as usize);
        raw::advise_huge_pages(&mut bytes[first..]);
        obtain(&mut bytes[first..]);
        let mut table = PageTable::default();
        for (number, page) in ranges.iter().flat_map(pages_of).enumerate() {
            table.insert(page, number as u32);
        }
        Pages {
            ranges,
            bytes,
            first,
            table,
        }
    }

    /// Bytes of all pages.
    pub fn len(&self) -> u64 {
        (self.bytes.len() - self.first) as u64
    }

    /// The pages as ranges without a gap.
    pub fn ranges(&self) -> &[AddressRange] {
        &self.ranges
    }

    /// All bytes, cut into pieces to be read.
    pub fn pieces(&mut self) -> Vec<Piece<'_>> {
        let mut pieces = Vec::new();
        let mut rest = &mut self.bytes[self.first..];
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
        self.table.remove(page);
    }

    /// What there is from `at` on, up to `length` bytes and up to where the pages end.
    #[inline]
    pub fn get_some(&self, at: Address, length: usize) -> &[u8] {
        let Some(number) = self.table.get(at) else {
            return &[];
        };
        let within = (at.value() % PAGE) as usize;
        let length = match within + length <= PAGE as usize {
            true => length,
            false => self.length_beyond(at, number, length),
        };
        let start = self.first + number as usize * PAGE as usize + within;
        &self.bytes[start..start + length]
    }

    /// How many of `length` bytes there are from `at` on, which lies in page `number`: over its end, and
    /// as far as pages are neighbours.
    fn length_beyond(&self, at: Address, number: u32, length: usize) -> usize {
        let mut here = (PAGE - at.value() % PAGE) as usize;
        let mut next = number;
        while here < length {
            next += 1;
            if self.table.get(at.offset(here as u64)) != Some(next) {
                break;
            }
            here += PAGE as usize;
        }
        here.min(length)
    }
}

/// Has the kernel make the memory: two threads at once, where there is much. In parts: while one is made, the kernel
/// lets no thread of ours have other memory, and a thread that begins needs some.
fn obtain(bytes: &mut [u8]) {
    const PART: usize = 8 << 20;
    let is_much = bytes.len() >= 2 * PART;
    let parts = Mutex::new(bytes.chunks_mut(PART));
    let next = || parts.lock().expect("no thread panics here").next();
    let make = || std::iter::from_fn(next).for_each(obtain_part);
    if !is_much {
        return make();
    }
    std::thread::scope(|scope| {
        scope.spawn(make);
        make();
    });
}

/// Older kernels make a page when it is touched.
fn obtain_part(bytes: &mut [u8]) {
    if !raw::advise_pages(bytes) {
        for page in bytes.chunks_mut(PAGE as usize) {
            page[0] = 0xdb;
        }
    }
}

fn pages_of(range: &AddressRange) -> impl Iterator<Item = Address> {
    let start = range.start;
    (0..range.len() / PAGE).map(move |number| start.offset(number * PAGE))
}
