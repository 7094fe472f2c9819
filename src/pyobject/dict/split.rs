//! Split dicts: keys that instances of a class share, and the values of each.
//!
//! To 3.10 values stand in the order of the keys. From 3.11 on a list of bytes says in which order
//! they were set: growing down before the values in 3.11 and 3.12, behind their capacity from 3.13
//! on (`Objects/dictobject.c`, `_PyDictValues_AddToInsertionOrder`).

use super::entry::Entry;
use super::table::malformed;
use crate::address::Address;
use crate::cpython::layout::{DictValuesForm, Layout};
use crate::pyobject::error::ObjectError;
use crate::target::memory::word_in;

/// What to read of the values of a split dict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Values {
    pub(super) from: Address,
    pub(super) size: usize,
}

/// Where the values for `count` keys and their order are; `head` is their first byte.
pub(super) fn values_of(
    layout: &Layout,
    at: Address,
    values: Address,
    count: u64,
    head: &[u8],
) -> Result<Values, ObjectError> {
    if layout.python < (3, 11) {
        let size = count as usize * 8;
        return Ok(Values { from: values, size });
    }
    if count > SHARED_KEYS_MAX {
        return Err(malformed(at, "dk_nentries of shared keys", count));
    }
    Ok(match layout.dict.values_form {
        DictValuesForm::First => Values {
            from: values.before(ORDER_BEFORE),
            size: (ORDER_BEFORE + count * 8) as usize,
        },
        DictValuesForm::Behind(header) => Values {
            from: values,
            size: (u64::from(header) + capacity(at, head)? * 9) as usize,
        },
    })
}

/// `PyDictValues.capacity`: room for as many values as the keys allowed when the instance was made.
fn capacity(at: Address, head: &[u8]) -> Result<u64, ObjectError> {
    let capacity = head.first().copied().map(u64::from);
    capacity.ok_or_else(|| ObjectError::cut(at, "values of a dict", 1, 0))
}

/// The most keys that instances share (`SHARED_KEYS_MAX_SIZE`).
pub(super) const SHARED_KEYS_MAX: u64 = 30;
/// Order bytes of at most 30 keys, their count and the size of the prefix, before the values.
const ORDER_BEFORE: u64 = SHARED_KEYS_MAX + 2;

/// Joins shared keys and the values of one dict, in the order in which the values were set.
pub(super) fn split_entries(layout: &Layout, keys: &[Address], values: &[u8]) -> Vec<Entry> {
    let (first, order) = match order_of(layout, values) {
        Some((first, order)) => (first, distinct(order, keys.len())),
        None => (0, (0..keys.len()).collect()),
    };
    let entry = |index: usize| {
        let value: Address = word_in(values, first + index * 8)?;
        let key = *keys.get(index)?;
        (!value.is_null() && !key.is_null()).then_some(Entry { key, value })
    };
    order.into_iter().filter_map(entry).collect()
}

/// Where the values begin in the bytes read, and their indices in order, of which at most the
/// capacity are read. `None` where values stand in the order of the keys.
fn order_of(layout: &Layout, values: &[u8]) -> Option<(usize, Vec<u8>)> {
    if layout.python < (3, 11) {
        return None;
    }
    match layout.dict.values_form {
        DictValuesForm::First => {
            let first = ORDER_BEFORE as usize;
            let end = first - 2;
            let count = usize::from(*values.get(end)?).min(end);
            let order = values.get(end - count..end)?;
            Some((first, order.iter().rev().copied().collect()))
        }
        DictValuesForm::Behind(header) => {
            let first = header as usize;
            let (capacity, count) = (*values.first()?, *values.get(1)?);
            let start = first + usize::from(capacity) * 8;
            let end = start + usize::from(count.min(capacity));
            Some((first, values.get(start..end).unwrap_or_default().to_vec()))
        }
    }
}

/// The indices below `limit`, each once.
fn distinct(order: Vec<u8>, limit: usize) -> Vec<usize> {
    let mut seen = [false; 256];
    order
        .into_iter()
        .map(usize::from)
        .filter(|&index| index < limit && !std::mem::replace(&mut seen[index], true))
        .collect()
}
