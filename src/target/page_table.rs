//! A number for each page of an address space, looked up as the processor does it: a table of four
//! levels, of which only those parts exist that are used.

use crate::address::Address;

/// Size of a page, in bytes.
pub const PAGE: u64 = 4096;

/// Bits of an address that one level takes, and the entries that makes.
const BITS: u32 = 9;
const ENTRIES: usize = 1 << BITS;

/// Marks a page without a number.
const NONE: u32 = u32::MAX;

type Leaf = [u32; ENTRIES];
type Low = [Option<Box<Leaf>>; ENTRIES];
type Middle = [Option<Box<Low>>; ENTRIES];

/// Numbers of pages.
#[derive(Debug)]
pub struct PageTable {
    top: Vec<Option<Box<Middle>>>,
}

impl Default for PageTable {
    fn default() -> Self {
        PageTable {
            top: (0..ENTRIES).map(|_| None).collect(),
        }
    }
}

impl PageTable {
    /// The number of the page that `at` lies in.
    pub fn get(&self, at: Address) -> Option<u32> {
        let [top, middle, low, leaf] = indices(at)?;
        let low = self.top[top].as_ref()?[middle].as_ref()?[low].as_ref()?;
        Some(low[leaf]).filter(|&number| number != NONE)
    }

    /// Gives the page that `at` lies in a number. An address no process can have is left out.
    pub fn insert(&mut self, at: Address, number: u32) {
        if let Some(slot) = self.slot(at) {
            *slot = number;
        }
    }

    /// Takes the number of a page away.
    pub fn remove(&mut self, at: Address) {
        self.insert(at, NONE);
    }

    fn slot(&mut self, at: Address) -> Option<&mut u32> {
        let [top, middle, low, leaf] = indices(at)?;
        let middles = self.top[top].get_or_insert_with(|| Box::new([const { None }; ENTRIES]));
        let lows = middles[middle].get_or_insert_with(|| Box::new([const { None }; ENTRIES]));
        let leaves = lows[low].get_or_insert_with(|| Box::new([NONE; ENTRIES]));
        Some(&mut leaves[leaf])
    }
}

/// The index in each level, highest first; `None` above the addresses a process can have.
fn indices(at: Address) -> Option<[usize; 4]> {
    let page = at.value() / PAGE;
    if page >> (4 * BITS) != 0 {
        return None;
    }
    Some([3, 2, 1, 0].map(|level| (page >> (level * BITS)) as usize % ENTRIES))
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
