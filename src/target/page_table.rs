//! A number for each page of an address space: a table of two levels, of which only those parts
//! exist that are used.

use crate::address::Address;

/// Size of a page, in bytes.
pub const PAGE: u64 = 4096;

/// Pages that one part of the table is for: 16 MiB of addresses.
const PART_BITS: u32 = 12;
const PART: usize = 1 << PART_BITS;

/// Bits of the number of a page: addresses of processes have 47 bits on x86-64.
const PAGE_BITS: u32 = 47 - PAGE.trailing_zeros();

/// A page without a number, and a part that does not exist. What is kept is one more than a number,
/// so that memory from the kernel, which is zero, is a table without one.
const NONE: u32 = 0;

/// Numbers of pages.
#[derive(Debug)]
pub struct PageTable {
    /// For each part of the address space which of `parts` it is.
    top: Vec<u32>,
    parts: Vec<Box<[u32; PART]>>,
}

impl Default for PageTable {
    fn default() -> Self {
        PageTable {
            // 32 MiB of zeros, of which only what is used becomes memory.
            top: vec![NONE; 1 << (PAGE_BITS - PART_BITS)],
            parts: Vec::new(),
        }
    }
}

impl PageTable {
    /// The number of the page that `at` lies in.
    #[inline]
    pub fn get(&self, at: Address) -> Option<u32> {
        let (top, page) = indices(at);
        let part = self.top.get(top)?.checked_sub(1)?;
        self.parts[part as usize][page].checked_sub(1)
    }

    /// Gives the page that `at` lies in a number. An address no process can have is left out.
    pub fn insert(&mut self, at: Address, number: u32) {
        if let Some(slot) = self.slot(at) {
            *slot = number + 1;
        }
    }

    /// Takes the number of a page away.
    pub fn remove(&mut self, at: Address) {
        if let Some(slot) = self.slot(at) {
            *slot = NONE;
        }
    }

    fn slot(&mut self, at: Address) -> Option<&mut u32> {
        let (top, page) = indices(at);
        let part = self.top.get_mut(top)?;
        if *part == NONE {
            self.parts.push(Box::new([NONE; PART]));
            *part = self.parts.len() as u32;
        }
        Some(&mut self.parts[*part as usize - 1][page])
    }
}

/// The index of the part, and that of the page in it.
#[inline]
fn indices(at: Address) -> (usize, usize) {
    let page = (at.value() / PAGE) as usize;
    (page >> PART_BITS, page % PART)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_the_number_it_was_given_and_its_neighbours_have_none() {
        let mut table = PageTable::default();
        table.insert(Address::new(0x7fff_1234_5678), 7);
        assert_eq!(table.get(Address::new(0x7fff_1234_5fff)), Some(7));
        assert_eq!(table.get(Address::new(0x7fff_1234_6000)), None);
        table.remove(Address::new(0x7fff_1234_5000));
        assert_eq!(table.get(Address::new(0x7fff_1234_5678)), None);
    }

    #[test]
    fn an_address_of_the_kernel_is_in_no_page() {
        let mut table = PageTable::default();
        table.insert(Address::new(u64::MAX), 1);
        assert_eq!(table.get(Address::new(u64::MAX)), None);
    }
}
