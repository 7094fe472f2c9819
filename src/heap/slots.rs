//! Which addresses are objects, and in which order: a set with a rank, and no hash table.
//!
//! A page that holds an object has one bit for each 8 bytes. The slot of an object is the number of
//! its page and its bit there, in 32 bits; the rank of a slot is how many objects there are before
//! it. So a billion bytes of heap cost 17 MB, and a look-up touches three cache lines.
//!
//! Several threads may look up and add at the same time. Pages get their numbers as they are needed.

use crate::address::{Address, AddressRange};
use crate::target::page_table::{PAGE, PageTable};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};

/// Where objects can begin in a page.
const SLOTS: usize = (PAGE / 8) as usize;

/// Bits of a slot that name the place in its page.
const PLACE_BITS: u32 = SLOTS.trailing_zeros();

/// Slots have so many bits, so that two more fit into a word of 32 beside them.
pub const SLOT_BITS: u32 = 30;

/// Pages that fit: 8 GiB of memory in which objects begin.
const PAGES: u32 = 1 << (SLOT_BITS - PLACE_BITS);

/// Pages whose bits are made together.
const PART: usize = 1024;

/// One page: where it begins, its bits, and how many members there are before each word of these, in
/// this page and all with lower numbers.
#[derive(Debug, Default)]
struct Page {
    start: AtomicU64,
    bits: [AtomicU64; SLOTS / 64],
    before: [u32; SLOTS / 64],
}

/// A set of addresses that are multiples of 8, all of them in some ranges.
#[derive(Debug)]
pub struct Slots {
    /// The place of each page of the ranges in `numbers`.
    table: PageTable,
    /// One more than the number of each page, and 0 of a page without an object.
    numbers: Vec<AtomicU32>,
    /// How many numbers were given.
    given: Mutex<u32>,
    parts: Vec<OnceLock<Box<[Page]>>>,
    /// How many members there are; made by [`Slots::rank_all`].
    members: u32,
}

impl Slots {
    /// An empty set for objects that begin in `ranges`.
    pub fn within(ranges: &[AddressRange]) -> Self {
        let mut table = PageTable::default();
        let mut count = 0;
        for range in ranges {
            let mut page = Address::new(range.start.value() / PAGE * PAGE);
            while page < range.end {
                table.insert(page, count);
                count += 1;
                page = page.offset(PAGE);
            }
        }
        let parts = (count.min(PAGES) as usize).div_ceil(PART);
        Slots {
            table,
            numbers: (0..count).map(|_| AtomicU32::new(0)).collect(),
            given: Mutex::new(0),
            parts: (0..parts).map(|_| OnceLock::new()).collect(),
            members: 0,
        }
    }

    /// The slot of `at` when it is in the set.
    #[inline]
    pub fn find(&self, at: Address) -> Option<u32> {
        if !at.is_aligned(8) {
            return None;
        }
        let place = self.table.get(at)?;
        // Who sees the number of a page sees the page.
        let number = self.numbers[place as usize]
            .load(Ordering::Acquire)
            .checked_sub(1)?;
        let place = place_of(at);
        let bits = self.page(number).bits[place / 64].load(Ordering::Relaxed);
        (bits >> (place % 64) & 1 == 1).then_some(number << PLACE_BITS | place as u32)
    }

    /// Adds `at`, a multiple of 8, and returns its slot, and whether it is new; `None` when there is no
    /// room, or when it is outside of the ranges.
    pub fn insert(&self, at: Address) -> Option<(u32, bool)> {
        let number = self.number_of(at)?;
        let place = place_of(at);
        let bit = 1 << (place % 64);
        let before = self.page(number).bits[place / 64].fetch_or(bit, Ordering::Relaxed);
        Some((number << PLACE_BITS | place as u32, before & bit == 0))
    }

    /// The number of the page of `at`, which gets one if it has none.
    fn number_of(&self, at: Address) -> Option<u32> {
        let slot = &self.numbers[self.table.get(at)? as usize];
        if let Some(number) = slot.load(Ordering::Acquire).checked_sub(1) {
            return Some(number);
        }
        let mut given = self.given.lock().ok()?;
        // Another thread may have been first.
        if let Some(number) = slot.load(Ordering::Acquire).checked_sub(1) {
            return Some(number);
        }
        let number = *given;
        let part = self.parts.get(number as usize / PART)?;
        let part = part.get_or_init(|| (0..PART).map(|_| Page::default()).collect());
        let start = at.value() / PAGE * PAGE;
        part[number as usize % PART]
            .start
            .store(start, Ordering::Relaxed);
        slot.store(number + 1, Ordering::Release);
        *given += 1;
        Some(number)
    }

    #[inline]
    fn page(&self, number: u32) -> &Page {
        let part = self.parts[number as usize / PART].get();
        &part.expect("made before its number was given")[number as usize % PART]
    }

    /// The address with this slot.
    #[inline]
    pub fn address(&self, slot: u32) -> Address {
        let place = u64::from(slot) % SLOTS as u64;
        let start = self.page(slot >> PLACE_BITS).start.load(Ordering::Relaxed);
        Address::new(start + 8 * place)
    }

    /// Counts, so that [`Slots::rank`] can be asked.
    pub fn rank_all(&mut self) {
        let mut before = 0;
        for page in self
            .parts
            .iter_mut()
            .filter_map(OnceLock::get_mut)
            .flatten()
        {
            for (bits, place) in page.bits.iter_mut().zip(&mut page.before) {
                *place = before;
                before += bits.get_mut().count_ones();
            }
        }
        self.members = before;
    }

    /// The borders of `count` parts that have about as many members each: slots with their ranks.
    pub fn borders(&self, count: usize) -> Vec<(u32, u32)> {
        let pages: Vec<u32> = (self.parts.iter().filter_map(OnceLock::get).flatten())
            .map(|page| page.before[0])
            .chain([self.members])
            .collect();
        let border = |part: usize| {
            let wanted = self.members as usize * part / count;
            let page = pages.partition_point(|&before| (before as usize) < wanted);
            ((page as u32) << PLACE_BITS, pages[page])
        };
        (0..=count).map(border).collect()
    }

    /// How many members lie in slots before this one.
    #[inline]
    pub fn rank(&self, slot: u32) -> u32 {
        let page = self.page(slot >> PLACE_BITS);
        let place = slot as usize % SLOTS;
        let below = (1u64 << (place % 64)) - 1;
        let bits = page.bits[place / 64].load(Ordering::Relaxed);
        page.before[place / 64] + (bits & below).count_ones()
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

    fn pages(count: u64) -> AddressRange {
        let start = Address::new(0x7f00_0000_0000);
        AddressRange::new(start, start.offset(count * PAGE))
    }

    proptest! {
        #[test]
        fn ranks_count_the_members_before(words in proptest::collection::vec(0u64..1 << 11, 1..200)) {
            let mut slots = Slots::within(&[pages(4)]);
            let mut members = BTreeSet::new();
            for word in &words {
                let (slot, is_new) = slots.insert(Address::new(0x7f00_0000_0000 + word * 8)).expect("room for all");
                prop_assert_eq!(is_new, members.insert(slot));
            }
            slots.rank_all();
            for (rank, &slot) in members.iter().enumerate() {
                prop_assert_eq!(slots.rank(slot), rank as u32);
                prop_assert_eq!(slots.find(slots.address(slot)), Some(slot));
            }
            for border in slots.borders(3) {
                let below = members.range(..border.0).count();
                prop_assert_eq!(border.1 as usize, below);
            }
            prop_assert_eq!(slots.borders(3)[3].1 as usize, members.len());
            for word in 0..1 << 11 {
                let at = Address::new(0x7f00_0000_0000 + word * 8);
                prop_assert_eq!(slots.find(at).is_some(), words.contains(&word));
            }
        }
    }

    #[test]
    fn an_address_between_two_words_is_no_member() {
        let slots = Slots::within(&[pages(1)]);
        slots.insert(Address::new(0x7f00_0000_0000));
        assert_eq!(slots.find(Address::new(0x7f00_0000_0004)), None);
    }

    #[test]
    fn an_address_outside_of_the_ranges_is_no_member_and_does_not_become_one() {
        let slots = Slots::within(&[pages(2)]);
        let behind = Address::new(0x7f00_0000_2000);
        assert_eq!((slots.insert(behind), slots.find(behind)), (None, None));
    }

    #[test]
    fn what_several_threads_add_is_new_to_one_of_them() {
        let slots = Slots::within(&[pages(5000)]);
        let add = || {
            let all =
                (0..5000 * PAGE / 64).map(|number| Address::new(0x7f00_0000_0000 + 64 * number));
            all.filter(|&at| slots.insert(at).is_some_and(|(_, is_new)| is_new))
                .count() as u64
        };
        let new = std::thread::scope(|scope| {
            let threads = [(); 4].map(|()| scope.spawn(add));
            threads
                .map(|thread| thread.join().expect("no panic"))
                .iter()
                .sum::<u64>()
        });
        assert_eq!(new, 5000 * PAGE / 64);
    }
}
