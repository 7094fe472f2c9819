use super::*;
use crate::cpython::self_check::self_check;
use crate::cpython::tables;
use crate::target::fake::{FakeMemory, anonymous};
use proptest::prelude::*;
use std::time::{Duration, Instant};

const DATA: u64 = 0x50_0000;
const HEAP: u64 = 0x90_0000;
const HEAP_SIZE: usize = 0x1_0000;

fn range(start: u64, size: usize) -> AddressRange {
    AddressRange::new(Address::new(start), Address::new(start + size as u64))
}

fn maps_of(ranges: &[AddressRange]) -> Maps {
    let mapping = |range: &AddressRange| anonymous(range.start.value(), range.end.value());
    Maps::new(ranges.iter().map(mapping).collect())
}

/// An interpreter of this layout at the start of the heap, as far as a scan looks.
fn put_interpreter(memory: &mut FakeMemory, layout: &Layout) {
    let [thread, modules, class, name] = [0x8000, 0x9000, 0xa000, 0xb000].map(|at| HEAP + at);
    memory.put_word(HEAP + layout.interpreter.threads_head.offset(), thread);
    memory.put_word(thread + layout.thread.interpreter.offset(), HEAP);
    memory.put_word(HEAP + layout.interpreter.modules.offset(), modules);
    memory.put_word(modules + layout.header.class.offset(), class);
    memory.put_word(class + layout.class.name.offset(), name);
    memory.put(name, b"dict\0");
}

#[test]
fn an_interpreter_of_every_layout_is_found_through_the_one_word_that_points_to_it() {
    let ranges = [range(DATA, 0x1000), range(HEAP, HEAP_SIZE)];
    let maps = maps_of(&ranges);
    for row in tables::ROWS {
        let mut memory = FakeMemory::new()
            .with(DATA, &[0; 0x1000])
            .with(HEAP, &[0; HEAP_SIZE]);
        put_interpreter(&mut memory, &row.layout);
        memory.put_word(DATA + 0x238, HEAP);
        memory.put_word(DATA + 0x240, HEAP + 0x8000);
        let hits = Scan::read(&memory, &maps, &ranges[..1]).find_interpreters(&row.layout);
        let expected = Hit {
            place: Address::new(DATA + 0x238),
            interpreter: Address::new(HEAP),
        };
        assert_eq!(hits, [expected], "{}", row.name);
    }
}

#[test]
fn a_thread_state_that_does_not_point_back_is_no_proof() {
    let ranges = [range(DATA, 0x1000), range(HEAP, HEAP_SIZE)];
    let layout = &tables::ROWS[0].layout;
    let mut memory = FakeMemory::new()
        .with(DATA, &[0; 0x1000])
        .with(HEAP, &[0; HEAP_SIZE]);
    put_interpreter(&mut memory, layout);
    memory.put_word(DATA, HEAP);
    memory.put_word(HEAP + 0x8000 + layout.thread.interpreter.offset(), HEAP + 8);
    let hits = Scan::read(&memory, &maps_of(&ranges), &ranges[..1]).find_interpreters(layout);
    assert_eq!(hits, []);
}

#[test]
fn memory_full_of_pointers_is_scanned_in_bounded_time() {
    const SIZE: usize = 2 << 20;
    let ranges = [range(DATA, SIZE)];
    let words = (0..SIZE as u64 / 8).map(|index| DATA + (index * 0x9e37_79b9 * 8) % SIZE as u64);
    let bytes: Vec<u8> = words.flat_map(u64::to_le_bytes).collect();
    let memory = FakeMemory::new().with(DATA, &bytes);
    let started = Instant::now();
    let scan = Scan::read(&memory, &maps_of(&ranges), &ranges);
    for row in tables::ROWS {
        let _ = scan.find_interpreters(&row.layout);
    }
    assert!(started.elapsed() < Duration::from_secs(60));
}

#[test]
fn a_mapping_larger_than_any_image_is_not_read() {
    let ranges = [range(DATA, 1 << 40)];
    let memory = FakeMemory::new().with(DATA, &[0; 64]);
    let scan = Scan::read(&memory, &maps_of(&ranges), &ranges);
    assert!(scan.blocks.is_empty());
}

fn words_into(start: u64, size: usize) -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        4 => (0..size as u64 / 8).prop_map(move |index| start + index * 8),
        1 => any::<u64>(),
        1 => Just(0),
    ];
    proptest::collection::vec(word, size / 8)
        .prop_map(|words| words.into_iter().flat_map(u64::to_le_bytes).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn random_memory_is_scanned_and_checked_without_a_panic(bytes in words_into(DATA, 0x4000)) {
        let ranges = [range(DATA, 0x4000)];
        let memory = FakeMemory::new().with(DATA, &bytes);
        let scan = Scan::read(&memory, &maps_of(&ranges), &ranges);
        for row in tables::ROWS {
            for hit in scan.find_interpreters(&row.layout) {
                prop_assert!(hit.interpreter.may_be_object());
            }
            let runtime = row.layout.runtime.map(|_| Address::new(DATA));
            prop_assert!(self_check(&memory, &row.layout, runtime, Address::new(DATA)).is_err());
        }
    }
}
