//! A program as it lies in memory: headers, symbols, build id, unwind tables, and a walk up a stack.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pyunload::address::{Address, AddressRange};
use pyunload::elf::image::Image;
use pyunload::elf::unwind::{Cpu, Stack, UnwindTable, unwind};
use pyunload::target::maps::{MappedFile, Mapping, Maps};
use pyunload_fuzz::memory::Memory;

const BASE: u64 = 0x40_0000;
/// An input begins with two words (where it executes, and what is in the other registers) and a stack of this many
/// bytes.
const STACK: usize = 128;
const HEAD: usize = 16 + STACK;

pyunload_fuzz::fuzz_words!(HEAD, BASE);

fn mapping(start: u64, end: u64, file: &MappedFile) -> Mapping {
    Mapping {
        range: AddressRange::new(Address::new(start), Address::new(end)),
        read: true,
        write: true,
        execute: true,
        file_offset: 0,
        file: Some(file.clone()),
        special: None,
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((head, image)) = input.split_at_checked(HEAD) else {
        return;
    };
    let word = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().expect("8 bytes"));
    let file = MappedFile {
        inode: 1,
        path: "/any".into(),
        device: (1, 1),
        deleted: false,
    };
    let maps = Maps::new(vec![mapping(BASE, BASE + (1 << 20), &file)]);
    let memory = Memory::new(vec![(BASE, image.to_vec())]);
    let mut tables = Vec::new();
    for image in Image::read_all(&memory, &maps, &file) {
        let _ = image.find_dynamic_symbol(&memory, "_PyRuntime");
        let _ = image.build_id(&memory);
        tables.extend(UnwindTable::read(&memory, &image));
    }
    let at = Address::new(word(0));
    for table in &tables {
        let _ = (table.covers(at), table.function_at(at));
    }
    let start = Address::new(word(8) & !7);
    let cpu = Cpu::at(at, start).with_kept([word(8); 6]);
    let (frames, _) = unwind(&tables, cpu, &Stack::new(start, head[16..].to_vec()));
    assert!(frames.len() <= 256, "{} frames", frames.len());
});
