//! Instances that have no dict, from 3.11 on: values of their own under keys that a class shares.
//!
//! The keys are read once for all instances; where a name stands in them, its value stands in each.

use super::entry::Source;
use super::split::SHARED_KEYS_MAX;
use super::table::keys_shape;
use crate::address::{Address, AddressMap};
use crate::cpython::layout::{DictValuesForm, Layout};
use crate::target::memory::{ReadMemory, ReadMemoryExt, word_in};

/// The most different sets of keys that are read.
const MOST: usize = 64;

/// The keys that instances share, by the address of their `PyDictKeysObject`: in their order, null
/// where one is missing. Those that cannot be read are left out.
pub fn read_shared_keys(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    sources: &[Source],
) -> AddressMap<Vec<Address>> {
    let mut shared = AddressMap::default();
    for source in sources {
        if let Source::Values { keys, .. } = *source
            && !shared.contains_key(&keys)
            && shared.len() < MOST
        {
            shared.insert(keys, read_keys(memory, layout, keys).unwrap_or_default());
        }
    }
    shared.retain(|_, keys| !keys.is_empty());
    shared
}

fn read_keys(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    keys: Address,
) -> Option<Vec<Address>> {
    let dict = &layout.dict;
    let head = memory
        .read_bytes_at(keys, dict.keys_indices as usize)
        .ok()?;
    let shape = keys_shape(layout, keys, &head).ok()?;
    let count = u64::try_from(dict.keys_entries.get(&head)?).ok()?;
    if count > SHARED_KEYS_MAX {
        return None;
    }
    let entries = keys.offset(dict.keys_indices + shape.index_bytes);
    let size = shape.form.size() as usize;
    let bytes = memory.read_bytes_at(entries, count as usize * size).ok()?;
    let key = |entry| shape.form.entry(entry).map(|entry| entry.key);
    bytes.chunks_exact(size).map(key).collect()
}

/// What to read of the values of one instance to know the first `count` of them.
pub fn values_span(layout: &Layout, values: Address, count: usize) -> (Address, usize) {
    (values, first_value(layout) + count * 8)
}

/// The value at this place, from what [`values_span`] named; `Some(None)` when it is not set, `None`
/// when the bytes do not reach so far.
pub fn value_at(layout: &Layout, bytes: &[u8], index: usize) -> Option<Option<Address>> {
    if let DictValuesForm::Behind(_) = layout.dict.values_form
        && index >= usize::from(*bytes.first()?)
    {
        // `PyDictValues.capacity`: the class got this key after the instance was made.
        return Some(None);
    }
    let value: Address = word_in(bytes, first_value(layout) + index * 8)?;
    Some((!value.is_null()).then_some(value))
}

fn first_value(layout: &Layout) -> usize {
    match layout.dict.values_form {
        DictValuesForm::First => 0,
        DictValuesForm::Behind(header) => header as usize,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpython::tables::{V3_11, V3_13};
    use crate::target::fake::FakeMemory;

    #[test]
    fn a_value_behind_the_capacity_of_its_instance_is_not_set() {
        let DictValuesForm::Behind(header) = V3_13.dict.values_form else {
            panic!("3.13 keeps values behind a header");
        };
        let mut values = vec![0u8; header as usize];
        values[0] = 1;
        values.extend(
            [0x1000u64, 0x2000]
                .iter()
                .flat_map(|word| word.to_le_bytes()),
        );
        let first = Some(Some(Address::new(0x1000)));
        assert_eq!(value_at(&V3_13, &values, 0), first);
        assert_eq!(value_at(&V3_13, &values, 1), Some(None));
        assert_eq!(value_at(&V3_11, &0u64.to_le_bytes(), 0), Some(None));
        assert_eq!(value_at(&V3_11, &[0; 4], 0), None);
    }

    #[test]
    fn more_keys_than_a_class_can_share_are_not_read() {
        let keys = Address::new(0x1_0000);
        let source = Source::Values { keys, values: keys };
        let mut bytes = vec![0u8; 4096];
        bytes[8..11].copy_from_slice(&[6, 6, 2]);
        bytes[24] = 2;
        let read = |bytes: &[u8]| {
            let memory = FakeMemory::new().with(keys.value(), bytes);
            read_shared_keys(&memory, &V3_11, &[source])
        };
        assert_eq!(read(&bytes)[&keys].len(), 2);
        bytes[24] = 31;
        assert!(read(&bytes).is_empty());
    }
}
