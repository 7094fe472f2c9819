//! `list` and `tuple`: their items.

use crate::address::Address;
use crate::cpython::layout::Layout;
use crate::pyobject::error::ObjectError;
use crate::target::memory::{ReadMemory, ReadMemoryExt, word_in};

/// The most items that are read.
pub const LIMIT: u64 = 1 << 20;

/// Reads the items of the `tuple` at `at`. That it is one is the caller's knowledge.
///
/// # Errors
/// [`ObjectError::Unreadable`], [`ObjectError::TooLarge`].
pub fn read_tuple(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    at: Address,
) -> Result<Vec<Address>, ObjectError> {
    let count = read_length(memory, layout, at, "tuple")?;
    read_items(memory, at.offset(layout.tuple.items), count, at, "tuple")
}

/// Reads the items of the `list` at `at`. That it is one is the caller's knowledge. A list that
/// grows meanwhile gives the items it had, or an error.
///
/// # Errors
/// [`ObjectError::Unreadable`], [`ObjectError::TooLarge`], and [`ObjectError::Changed`] when the
/// list moved its items each time it was read.
pub fn read_list(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    at: Address,
) -> Result<Vec<Address>, ObjectError> {
    const ATTEMPTS: usize = 16;
    let items = |at| {
        let items = layout.list.items.read(memory, at);
        items.map_err(ObjectError::reading(at, "list"))
    };
    for _ in 0..ATTEMPTS {
        let before = items(at)?;
        let count = read_length(memory, layout, at, "list")?;
        let read = read_items(memory, before, count, at, "list");
        if items(at)? == before {
            return read;
        }
    }
    Err(ObjectError::Changed { at, what: "list" })
}

fn read_length(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    at: Address,
    what: &'static str,
) -> Result<u64, ObjectError> {
    let length = layout.header.length.read(memory, at);
    let size = length.map_err(ObjectError::reading(at, what))? as u64;
    if size > LIMIT {
        return Err(ObjectError::TooLarge {
            at,
            what,
            size,
            limit: LIMIT,
        });
    }
    Ok(size)
}

fn read_items(
    memory: &(impl ReadMemory + ?Sized),
    items: Address,
    count: u64,
    at: Address,
    what: &'static str,
) -> Result<Vec<Address>, ObjectError> {
    let bytes = memory
        .read_bytes_at(items, count as usize * 8)
        .map_err(ObjectError::reading(at, what))?;
    Ok(bytes
        .chunks_exact(8)
        .filter_map(|item| word_in(item, 0))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpython::tables::V3_11;
    use crate::target::fake::FakeMemory;

    fn words(words: &[u64]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    #[test]
    fn items_of_a_tuple_and_a_list_come_in_order() {
        let memory = FakeMemory::new()
            .with(0x1_0000, &words(&[1, 0, 2, 0x100, 0x200]))
            .with(0x2_0000, &words(&[1, 0, 2, 0x3_0000, 4]))
            .with(0x3_0000, &words(&[0x300, 0x400]));
        let tuple = read_tuple(&memory, &V3_11, Address::new(0x1_0000));
        assert_eq!(tuple, Ok(vec![Address::new(0x100), Address::new(0x200)]));
        let list = read_list(&memory, &V3_11, Address::new(0x2_0000));
        assert_eq!(list, Ok(vec![Address::new(0x300), Address::new(0x400)]));
    }

    #[test]
    fn a_negative_or_huge_length_is_refused() {
        let memory = FakeMemory::new().with(0x1_0000, &words(&[1, 0, u64::MAX, 0]));
        let tuple = read_tuple(&memory, &V3_11, Address::new(0x1_0000));
        assert!(matches!(tuple, Err(ObjectError::TooLarge { .. })));
    }
}
