//! The list of interpreters of a runtime.

use crate::address::Address;
use crate::cpython::layout::Layout;
use crate::target::memory::ReadMemory;
use std::collections::HashSet;

/// No process has more interpreters; a longer list is damaged.
const MOST: usize = 4096;

/// All interpreters from `head` on, oldest first, bounded and cut at the first repetition.
pub fn walk_interpreters(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    head: Address,
) -> Vec<Address> {
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    let mut next = head;
    while next.may_be_object() && found.len() < MOST && seen.insert(next) {
        found.push(next);
        next = layout
            .interpreter
            .next
            .read(memory, next)
            .unwrap_or(Address::NULL);
    }
    found.reverse();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpython::tables;
    use crate::target::fake::FakeMemory;
    use proptest::prelude::*;

    fn layouts() -> impl Iterator<Item = &'static Layout> {
        tables::ROWS.iter().map(|row| &row.layout)
    }

    #[test]
    fn a_list_is_walked_to_its_oldest_and_a_cycle_is_cut() {
        for layout in layouts() {
            let next = layout.interpreter.next.offset();
            let mut memory = FakeMemory::new();
            memory.put_word(0x20000 + next, 0x40000);
            memory.put_word(0x40000 + next, 0);
            let head = Address::new(0x20000);
            let expected = [0x40000, 0x20000].map(Address::new);
            assert_eq!(walk_interpreters(&memory, layout, head), expected);
            memory.put_word(0x40000 + next, 0x20000);
            assert_eq!(walk_interpreters(&memory, layout, head), expected);
        }
    }

    proptest! {
        #[test]
        fn a_random_list_ends(
            words in proptest::collection::vec(0u64..4096, 2048),
            start in 0u64..2048,
        ) {
            let bytes: Vec<u8> = words
                .iter()
                .flat_map(|word| (0x10000 + word * 8).to_le_bytes())
                .collect();
            let memory = FakeMemory::new().with(0x10000, &bytes);
            for layout in layouts() {
                let found = walk_interpreters(&memory, layout, Address::new(0x10000 + start * 8));
                prop_assert!((1..=MOST).contains(&found.len()));
            }
        }
    }
}
