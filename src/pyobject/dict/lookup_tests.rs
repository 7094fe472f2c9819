use super::*;
use crate::cpython::tables::{V3_10, V3_11, V3_13};
use crate::target::fake::FakeMemory;
use proptest::prelude::*;
use std::cell::Cell;

const DICT: u64 = 0x10_0000;
const KEYS: u64 = 0x20_0000;

/// What CPython does when a key of this hash is set: takes the first free slot on its way.
fn insert(indices: &mut [i8], hash: u64, index: i8) {
    let mask = indices.len() as u64 - 1;
    let (mut slot, mut perturb) = (hash & mask, hash);
    while indices[slot as usize] != -1 {
        perturb >>= 5;
        slot = (slot * 5 + perturb + 1) & mask;
    }
    indices[slot as usize] = index;
}

/// A dict of 3.11 with 16 slots; each entry is (hash, key, value), with value 0 a deleted one.
fn dict_of(entries: &[(u64, u64, u64)], kind: u8) -> FakeMemory {
    let mut indices = [-1i8; 16];
    for (index, &(hash, ..)) in entries.iter().enumerate() {
        insert(&mut indices, hash, index as i8);
    }
    for index in &mut indices {
        if *index >= 0 && entries[*index as usize].2 == 0 {
            *index = -2;
        }
    }
    let mut keys = vec![0u8; 32];
    keys[8..11].copy_from_slice(&[4, 4, kind]);
    keys[24..32].copy_from_slice(&(entries.len() as u64).to_le_bytes());
    keys.extend(indices.iter().map(|&index| index as u8));
    for &(hash, key, value) in entries {
        let words = [hash, key, value];
        let words = if kind == 0 { &words[..] } else { &words[1..] };
        keys.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    }
    let mut dict = vec![0u8; 48];
    dict[32..40].copy_from_slice(&KEYS.to_le_bytes());
    FakeMemory::new().with(DICT, &dict).with(KEYS, &keys)
}

fn walk(memory: &FakeMemory, hash: u64, judge: impl Fn(Address, usize) -> Verdict) -> Ways {
    let source = Source::Dict(Address::new(DICT));
    walk_many(memory, &V3_11, &[source], &[hash], None, judge).expect("readable")
}

fn keys_of(ways: &Ways) -> Vec<u64> {
    let keys = ways.candidates.iter().map(|found| found.entry.key.value());
    keys.collect()
}

/// Three keys whose hashes lead to one slot; the others stand where they lead next.
const COLLIDING: [(u64, u64, u64); 4] = [
    (0x03, 0x8000, 0x9000),
    (0x13, 0x8010, 0x9010),
    (0x23, 0x8020, 0x9020),
    (0x07, 0x8030, 0x9030),
];

#[test]
fn the_way_of_a_hash_leads_over_its_collisions_to_the_key() {
    for kind in [0, 1] {
        let memory = dict_of(&COLLIDING, kind);
        let ways = walk(&memory, 0x23, |key, _| match key.value() {
            0x8020 => Verdict::Same,
            _ => Verdict::Unknown,
        });
        assert!(ways.is_walked[0]);
        assert_eq!(keys_of(&ways), [0x8020]);
        assert_eq!(ways.candidates[0].entry.value, Address::new(0x9020));
    }
}

#[test]
fn every_key_on_the_way_that_is_not_known_is_a_candidate_unless_its_hash_differs() {
    let unknown = |_, _| Verdict::Unknown;
    let plain = keys_of(&walk(&dict_of(&COLLIDING, 1), 0x23, unknown));
    assert_eq!(plain[0], 0x8000);
    assert!(plain.contains(&0x8020), "{plain:x?}");
    assert!(plain.len() < COLLIDING.len(), "{plain:x?}");
    let hashed = keys_of(&walk(&dict_of(&COLLIDING, 0), 0x23, unknown));
    assert_eq!(hashed, [0x8020]);
}

#[test]
fn a_deleted_entry_does_not_end_the_way() {
    let mut entries = COLLIDING;
    entries[0].2 = 0;
    let ways = walk(&dict_of(&entries, 1), 0x13, |_, _| Verdict::Unknown);
    assert!(keys_of(&ways).contains(&0x8010));
    assert!(!keys_of(&ways).contains(&0x8000));
}

#[test]
fn a_dict_that_cannot_be_walked_is_left_to_a_scan() {
    let unknown = |_, _| Verdict::Unknown;
    let mut split = dict_of(&COLLIDING, 1);
    split.put_word(DICT + 40, 0x30_0000);
    assert!(!walk(&split, 0x23, unknown).is_walked[0]);
    let mut behind_its_end = dict_of(&COLLIDING, 1);
    behind_its_end.put_word(KEYS + 24, 1);
    assert!(!walk(&behind_its_end, 0x23, unknown).is_walked[0]);
    let mut without_an_end = dict_of(&COLLIDING, 1);
    without_an_end.put(KEYS + 32, &[0xfe; 16]);
    assert!(!walk(&without_an_end, 0x23, unknown).is_walked[0]);
    assert!(!walk(&FakeMemory::new(), 0x23, unknown).is_walked[0]);
}

/// A dict that gets another table as soon as it was asked for the first one.
struct Moving {
    memory: FakeMemory,
    is_moved: Cell<bool>,
}

impl ReadMemory for Moving {
    fn read_some_at(&self, at: Address, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let got = self.memory.read_some_at(at, buffer)?;
        if at.value() == DICT && self.is_moved.replace(true) {
            buffer[32..40].copy_from_slice(&0x30_0000u64.to_le_bytes());
        }
        Ok(got)
    }
}

#[test]
fn a_table_is_believed_when_the_dict_still_has_it_or_when_it_holds_what_proves_it() {
    let is_walked = |proof, known| {
        let moving = Moving {
            memory: dict_of(&COLLIDING, 1),
            is_moved: Cell::new(false),
        };
        let source = Source::Dict(Address::new(DICT));
        let judge = |key: Address, _| match key.value() == known {
            true => Verdict::Same,
            false => Verdict::Unknown,
        };
        let values = [Address::new(proof)];
        let proof = Proof {
            name: 0,
            values: &values,
        };
        let ways = walk_many(&moving, &V3_11, &[source], &[0x23], Some(proof), judge);
        ways.expect("readable").is_walked[0]
    };
    assert!(is_walked(0x9020, 0x8020), "its value is the one");
    assert!(!is_walked(0x9010, 0x8020), "another value");
    assert!(!is_walked(0x9020, 0x7000), "the key is not known");
}

proptest! {
    #[test]
    fn random_tables_are_walked_to_an_end(
        keys in proptest::collection::vec(any::<u8>(), 0..4096),
        log2_slots in 0u8..16,
        hash in any::<u64>(),
    ) {
        let mut keys = keys;
        if let Some(sizes) = keys.get_mut(8..10) {
            sizes.copy_from_slice(&[log2_slots, log2_slots]);
        }
        let mut memory = FakeMemory::new().with(DICT, &[0; 64]).with(KEYS, &keys);
        for layout in [&V3_10, &V3_11, &V3_13] {
            memory.put_word(DICT + layout.dict.keys.expect("has keys").offset(), KEYS);
            let source = Source::Dict(Address::new(DICT));
            let judge = |_, _| Verdict::Unknown;
            let ways = walk_many(&memory, layout, &[source], &[hash], None, judge).expect("readable");
            prop_assert!(ways.candidates.len() <= LONGEST);
        }
    }
}
