//! What a target says of its own layout, laid over the tables.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pyunload::address::Address;
use pyunload::cpython::debug_offsets::DebugOffsets;
use pyunload::cpython::tables::ROWS;
use pyunload_fuzz::memory::Memory;
use pyunload_fuzz::objects::layouts;

const RUNTIME: u64 = 0x40_0000;

// Cookie, version and flag are 24 bytes; the rest are numbers.
pyunload_fuzz::fuzz_words!(24, 0);

fuzz_target!(|input: &[u8]| {
    let memory = Memory::new(vec![(RUNTIME, input.to_vec())]);
    let read = DebugOffsets::read_at(&memory, Address::new(RUNTIME));
    assert_eq!(read, DebugOffsets::parse(input));
    let Ok(offsets) = read else {
        return;
    };
    let _ = offsets.runtime_size();
    for layout in layouts() {
        let laid = offsets.overlay(&layout);
        // What is laid over a table is used to read: offsets that are no offsets would be refused here.
        assert!(laid.is_err() || layout.python == offsets.version.minor_pair());
    }
    for row in ROWS {
        let _ = offsets.overlay(&row.layout);
    }
});
