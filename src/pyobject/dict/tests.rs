//! Dicts of every form, made of bytes.

use super::*;
use crate::address::Address;
use crate::cpython::layout::Layout;
use crate::cpython::tables::{V2_7, V3_6, V3_10, V3_11, V3_12, V3_13};
use crate::pyobject::error::ObjectError;
use crate::target::fake::FakeMemory;
use crate::target::memory::{ReadError, ReadMemory};
use std::cell::Cell;

const DICT: u64 = 0x10_0000;
const KEYS: u64 = 0x20_0000;
const OTHER_KEYS: u64 = 0x30_0000;
const VALUES: u64 = 0x40_0000;

fn words(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn pairs(entries: Result<Vec<Entry>, ObjectError>) -> Vec<(u64, u64)> {
    let entries = entries.expect("readable");
    let pair = |entry: &Entry| (entry.key.value(), entry.value.value());
    entries.iter().map(pair).collect()
}

fn read_dict(memory: &FakeMemory, layout: &Layout) -> Result<Vec<Entry>, ObjectError> {
    read(memory, layout, Address::new(DICT))
}

/// A dict of 3.6 or later with 8 slots.
fn dict(keys: u64, values: u64) -> Vec<u8> {
    words(&[1, 0x7000, 2, 0, keys, values])
}

/// Keys of 3.6 to 3.10: header, 8 index bytes, entries of 24 bytes.
fn sized(entries: &[(u64, u64)]) -> Vec<u8> {
    let mut bytes = words(&[1, 8, 0, 0, entries.len() as u64, 0]);
    for &(key, value) in entries {
        bytes.extend(words(&[77, key, value]));
    }
    bytes
}

/// Keys of 3.11 and later: header, 8 index bytes, entries with or without a hash.
fn logged(kind: u8, entries: &[(u64, u64)]) -> Vec<u8> {
    let mut bytes = words(&[1, 0, 0, entries.len() as u64, 0]);
    bytes[8..11].copy_from_slice(&[3, 3, kind]);
    for &(key, value) in entries {
        let hash: &[u64] = if kind == 0 { &[77] } else { &[] };
        bytes.extend(words(hash));
        bytes.extend(words(&[key, value]));
    }
    bytes
}

#[test]
fn the_open_table_of_2_7_gives_live_slots_in_its_order() {
    let table = words(&[
        5, 0x100, 0x200, // live
        0, 0, 0, // never used
        6, 0x300, 0, // dead: the key is the dummy
        7, 0x500, 0x600,
    ]);
    let header = words(&[1, 0x7000, 3, 2, 3, KEYS]);
    let memory = FakeMemory::new().with(DICT, &header).with(KEYS, &table);
    assert_eq!(
        pairs(read_dict(&memory, &V2_7)),
        [(0x100, 0x200), (0x500, 0x600)]
    );
}

#[test]
fn combined_tables_skip_dead_entries() {
    let entries = [(0x100, 0x200), (0, 0), (0x300, 0), (0x500, 0x600)];
    let live = [(0x100, 0x200), (0x500, 0x600)];
    for (layout, keys) in [
        (&V3_6, sized(&entries)),
        (&V3_10, sized(&entries)),
        (&V3_11, logged(0, &entries)),
        (&V3_12, logged(1, &entries)),
        (&V3_13, logged(1, &entries)),
    ] {
        let memory = FakeMemory::new()
            .with(DICT, &dict(KEYS, 0))
            .with(KEYS, &keys);
        assert_eq!(
            pairs(read_dict(&memory, layout)),
            live,
            "{:?}",
            layout.python
        );
    }
}

#[test]
fn split_values_come_in_the_order_in_which_they_were_set() {
    let shared = [(0x100, 0), (0x200, 0), (0x300, 0)];
    let in_key_order = words(&[0x11, 0x22, 0x33]);
    let memory = FakeMemory::new()
        .with(DICT, &dict(KEYS, VALUES))
        .with(KEYS, &sized(&shared))
        .with(VALUES, &in_key_order);
    let all = [(0x100, 0x11), (0x200, 0x22), (0x300, 0x33)];
    assert_eq!(pairs(read_dict(&memory, &V3_6)), all);

    // The third key was set first, then the first; the second never.
    let ordered = [(0x300, 0x33), (0x100, 0x11)];
    let mut before = vec![0u8; 32];
    before[28..32].copy_from_slice(&[0, 2, 2, 32]);
    before.extend(words(&[0x11, 0, 0x33]));
    let memory = FakeMemory::new()
        .with(DICT, &dict(KEYS, VALUES))
        .with(KEYS, &logged(2, &shared))
        .with(VALUES - 32, &before);
    assert_eq!(pairs(read_dict(&memory, &V3_11)), ordered);

    let mut behind = vec![4, 2, 0, 1, 0, 0, 0, 0];
    behind.extend(words(&[0x11, 0, 0x33, 0]));
    behind.extend([2, 0, 0, 0]);
    let memory = FakeMemory::new()
        .with(DICT, &dict(KEYS, VALUES))
        .with(KEYS, &logged(2, &shared))
        .with(VALUES, &behind);
    assert_eq!(pairs(read_dict(&memory, &V3_13)), ordered);
    let inline = Source::Values {
        keys: Address::new(KEYS),
        values: Address::new(VALUES),
    };
    assert_eq!(pairs(read_source(&memory, &V3_13, inline)), ordered);
}

#[test]
fn an_order_that_makes_no_sense_yields_each_value_at_most_once() {
    let mut behind = vec![4, 200, 0, 1, 0, 0, 0, 0];
    behind.extend(words(&[0x11, 0x22, 0, 0]));
    behind.extend([1, 1, 99, 255]);
    let memory = FakeMemory::new()
        .with(DICT, &dict(KEYS, VALUES))
        .with(KEYS, &logged(2, &[(0x100, 0), (0x200, 0)]))
        .with(VALUES, &behind);
    assert_eq!(pairs(read_dict(&memory, &V3_13)), [(0x200, 0x22)]);
}

#[test]
fn sizes_that_make_no_sense_are_refused() {
    let with_keys = |keys: Vec<u8>| {
        FakeMemory::new()
            .with(DICT, &dict(KEYS, 0))
            .with(KEYS, &keys)
    };
    let mut many_entries = logged(1, &[]);
    many_entries[24..32].copy_from_slice(&u64::MAX.to_le_bytes());
    let mut large = logged(1, &[]);
    large[8..10].copy_from_slice(&[40, 41]);
    let mut larger = logged(1, &[]);
    larger[8..10].copy_from_slice(&[200, 255]);
    let mut kind = logged(1, &[]);
    kind[10] = 9;
    for keys in [many_entries, larger, kind] {
        let read = read_dict(&with_keys(keys), &V3_12);
        assert!(
            matches!(read, Err(ObjectError::Malformed { .. })),
            "{read:?}"
        );
    }
    let read = read_dict(&with_keys(large), &V3_12);
    assert!(
        matches!(read, Err(ObjectError::TooLarge { .. })),
        "{read:?}"
    );
    let mask = words(&[1, 0x7000, 3, 2, u64::MAX, KEYS]);
    let read = read_dict(&FakeMemory::new().with(DICT, &mask), &V2_7);
    assert!(
        matches!(read, Err(ObjectError::Malformed { .. })),
        "{read:?}"
    );
    let read = read_dict(&FakeMemory::new().with(DICT, &dict(KEYS, 0)), &V3_12);
    assert!(
        matches!(read, Err(ObjectError::Unreadable { .. })),
        "{read:?}"
    );
}

#[test]
fn many_dicts_together_are_bounded_together() {
    let memory = FakeMemory::new()
        .with(DICT, &dict(KEYS, 0))
        .with(KEYS, &logged(1, &[(0x100, 0x200)]));
    let limit = Limit { one: 8, all: 20 };
    let sources = [Source::Dict(Address::new(DICT)); 3];
    let read = read_many(&memory, &V3_12, &sources, limit).expect("readable");
    assert_eq!(read.iter().filter(|entries| entries.is_ok()).count(), 2);
}

/// Memory in which the dict gets other keys before each of the first few reads of the entries.
struct Growing {
    before: FakeMemory,
    after: FakeMemory,
    reads: Cell<usize>,
    grown_at: usize,
}

impl ReadMemory for Growing {
    fn read_some_at(&self, at: Address, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let reads = self.reads.replace(self.reads.get() + 1);
        let now = if reads < self.grown_at {
            &self.before
        } else {
            &self.after
        };
        now.read_some_at(at, buffer)
    }
}

#[test]
fn a_dict_that_gets_another_table_while_it_is_read_is_read_again() {
    let before = FakeMemory::new()
        .with(DICT, &dict(KEYS, 0))
        .with(KEYS, &logged(1, &[(0x100, 0x200)]));
    // The old table is freed and filled with something else.
    let after = FakeMemory::new()
        .with(DICT, &dict(OTHER_KEYS, 0))
        .with(KEYS, &[0xdb; 64])
        .with(OTHER_KEYS, &logged(1, &[(0x100, 0x200), (0x300, 0x400)]));
    let growing = |grown_at| Growing {
        before: before.clone(),
        after: after.clone(),
        reads: Cell::new(0),
        grown_at,
    };
    let still = growing(usize::MAX);
    pairs(read(&still, &V3_12, Address::new(DICT)));
    let needed = still.reads.get();
    for grown_at in 0..needed + 2 {
        let read = pairs(read(&growing(grown_at), &V3_12, Address::new(DICT)));
        let grown = [(0x100, 0x200), (0x300, 0x400)];
        assert!(read == grown[..1] || read == grown, "{grown_at}: {read:x?}");
        // What guards the entries is read last: grown before that, the new table is seen.
        assert_eq!(read == grown, grown_at < needed, "{grown_at} of {needed}");
    }
}

fn snapshot_of(layout: &Layout, keys: &[u8], used: u64) -> Result<Snapshot, ObjectError> {
    let mut header = dict(KEYS, 0);
    header[16..24].copy_from_slice(&used.to_le_bytes());
    // Behind the entries is room for more.
    let memory = FakeMemory::new()
        .with(DICT, &header)
        .with(KEYS, &[keys, &[0; 128]].concat());
    read_moment(&memory, layout, Address::new(DICT))
}

fn kept(before: &[(u64, u64)], after: &[(u64, u64)]) -> Vec<u64> {
    let snapshot = |entries: &[(u64, u64)]| {
        snapshot_of(&V3_12, &logged(1, entries), entries.len() as u64).expect("whole")
    };
    let kept = snapshot(before).kept_until(&snapshot(after));
    let mut keys: Vec<u64> = kept.iter().map(|entry| entry.key.value()).collect();
    keys.sort_unstable();
    keys
}

#[test]
fn an_entry_stayed_when_it_kept_its_place() {
    let (a, b, c, gone) = ((0x100, 0x11), (0x200, 0x22), (0x300, 0x33), (0, 0));
    assert_eq!(kept(&[a, b, c], &[a, b, c]), [0x100, 0x200, 0x300]);
    // b went: those behind it are where they were.
    assert_eq!(kept(&[a, b, c], &[a, gone, c]), [0x100, 0x300]);
    // b went and came back, perhaps as another object at the same address.
    assert_eq!(kept(&[a, b, c], &[a, gone, c, b]), [0x100, 0x300]);
    // Another value under the same key.
    assert_eq!(kept(&[a, b], &[a, (0x200, 0x99)]), [0x100]);
}

#[test]
fn a_table_that_is_filled_right_now_is_no_moment_of_the_dict() {
    let entries: Vec<(u64, u64)> = (1..=4).map(|n| (n * 0x100, n)).collect();
    let keys = logged(1, &entries);
    assert!(snapshot_of(&V3_12, &keys, 4).is_ok());
    let half_filled = snapshot_of(&V3_12, &keys, 400);
    assert!(
        matches!(half_filled, Err(ObjectError::Changed { .. })),
        "{half_filled:?}"
    );
}

/// A table that is empty when its header is read, and full when anything is read after that.
struct Filled {
    empty: FakeMemory,
    full: FakeMemory,
    is_full: Cell<bool>,
}

impl ReadMemory for Filled {
    fn read_some_at(&self, at: Address, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let now = if self.is_full.get() {
            &self.full
        } else {
            &self.empty
        };
        self.is_full
            .set(at == Address::new(KEYS) || self.is_full.get());
        now.read_some_at(at, buffer)
    }
}

#[test]
fn entries_that_come_between_the_header_and_the_entries_are_read_too() {
    let keys = |entries: &[(u64, u64)]| {
        let mut keys = logged(1, entries);
        keys[8..10].copy_from_slice(&[6, 6]);
        keys.splice(40..40, [0; 56]);
        keys.resize(40 + 64 + 42 * 16, 0);
        keys
    };
    let entries: Vec<(u64, u64)> = (1..=40).map(|n| (n * 0x100, n)).collect();
    let mut header = dict(KEYS, 0);
    header[16..24].copy_from_slice(&40u64.to_le_bytes());
    let of = |keys: &[u8]| FakeMemory::new().with(DICT, &header).with(KEYS, keys);
    let memory = Filled {
        empty: of(&keys(&[])),
        full: of(&keys(&entries)),
        is_full: Cell::new(false),
    };
    let first = read_moment(&memory, &V3_12, Address::new(DICT));
    assert_eq!(first.map(|snapshot| snapshot.entries.len()), Ok(40));
}

#[test]
fn a_key_that_was_set_anew_is_a_change() {
    let (a, b, gone) = ((0x100, 0x11), (0x200, 0x22), (0, 0));
    let snapshot =
        |entries: &[(u64, u64)]| snapshot_of(&V3_12, &logged(1, entries), 2).expect("whole");
    let before = snapshot(&[a, b]);
    assert!(snapshot(&[a, b]).proves_unchanged_since(&before));
    assert!(!snapshot(&[a, gone, b]).proves_unchanged_since(&before));
}
