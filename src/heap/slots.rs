//! Which addresses are objects, and in which order: a set with a rank, and no hash table.
//!
//! A page that holds an object has one bit for each 8 bytes. The slot of an object is the number of
//! its page and its bit there, in 32 bits; the rank of a slot is how many objects there are before
//! it. So a billion bytes of heap cost 17 MB, and a look-up touches two cache lines.

use crate::address::Address;
use crate::target::page_table::{PAGE, PageTable};

/// Where objects can begin in a page.
const SLOTS: usize = (PAGE / 8) as usize;

/// Bits of a slot that name the place in its page.
const PLACE_BITS: u32 = SLOTS.trailing_zeros();

/// Slots have so many bits, so that two more fit into a word of 32 beside them.
pub const SLOT_BITS: u32 = 30;

/// Pages that fit: 8 GiB of memory in which objects begin.
const PAGES: usize = 1 << (SLOT_BITS - PLACE_BITS);

type Bits = [u64; SLOTS / 64];

/// A set of addresses that are multiples of 8.
#[derive(Debug, Default)]
pub struct Slots {
    table: PageTable,
    pages: Vec<Bits>,
    /// Where each page begins.
    starts: Vec<Address>,
    /// Objects in all pages before each; made by [`Slots::rank_all`].
    before: Vec<u32>,
}

impl Slots {
    /// The slot of `at` when it is in the set.
    pub fn find(&self, at: Address) -> Option<u32> {
        if !at.is_aligned(8) {
            return None;
        }
        let page = self.table.get(at)?;
        let place = place_of(at);
        let is_set = self.pages[page as usize][place / 64] >> (place % 64) & 1 == 1;
        is_set.then_some(page << PLACE_BITS | place as u32)
    }

    /// Adds `at`, a multiple of 8, and returns its slot; `None` when there is no room.
    pub fn insert(&mut self, at: Address) -> Option<u32> {
        let page = match self.table.get(at) {
            Some(page) => page,
            None if self.pages.len() < PAGES => {
                self.pages.push(Bits::default());
                self.starts.push(Address::new(at.value() / PAGE * PAGE));
                let page = self.pages.len() as u32 - 1;
                self.table.insert(at, page);
                page
            }
            None => return None,
        };
        let place = place_of(at);
        self.pages[page as usize][place / 64] |= 1 << (place % 64);
        Some(page << PLACE_BITS | place as u32)
    }

    /// The address with this slot.
    #[inline]
    pub fn address(&self, slot: u32) -> Address {
        let place = u64::from(slot) % SLOTS as u64;
        self.starts[(slot >> PLACE_BITS) as usize].offset(8 * place)
    }

    /// Counts, so that [`Slots::rank`] can be asked.
    pub fn rank_all(&mut self) {
        let mut before = 0;
        self.before = Vec::with_capacity(self.pages.len());
        for bits in &self.pages {
            self.before.push(before);
            before += bits.iter().map(|word| word.count_ones()).sum::<u32>();
        }
    }

    /// How many members lie in slots before this one.
    pub fn rank(&self, slot: u32) -> u32 {
        let page = (slot >> PLACE_BITS) as usize;
        let place = slot as usize % SLOTS;
        let bits = &self.pages[page];
        let whole: u32 = bits[..place / 64]
            .iter()
            .map(|word| word.count_ones())
            .sum();
        let below = (1u64 << (place % 64)) - 1;
        self.before[page] + whole + (bits[place / 64] & below).count_ones()
    }
}

fn place_of(at: Address) -> usize {
    (at.value() % PAGE / 8) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn ranks_count_the_members_before(words in proptest::collection::vec(0u64..1 << 11, 1..200)) {
            let mut slots = Slots::default();
            let mut members = BTreeSet::new();
            for word in &words {
                let slot = slots.insert(Address::new(0x7f00_0000_0000 + word * 8));
                members.insert(slot.expect("room for all"));
            }
            slots.rank_all();
            for (rank, &slot) in members.iter().enumerate() {
                prop_assert_eq!(slots.rank(slot), rank as u32);
                prop_assert_eq!(slots.find(slots.address(slot)), Some(slot));
            }
            for word in 0..1 << 11 {
                let at = Address::new(0x7f00_0000_0000 + word * 8);
                prop_assert_eq!(slots.find(at).is_some(), words.contains(&word));
            }
        }
    }

    #[test]
    fn an_address_between_two_words_is_no_member() {
        let mut slots = Slots::default();
        slots.insert(Address::new(0x1000));
        assert_eq!(slots.find(Address::new(0x1004)), None);
    }
}
