//! Writes the inputs that fuzzing begins with: small images of memory and files, made by hand.
//!
//!     cargo run --example seeds          (in tests/fuzz)

mod dumped;
mod heap;
mod image;

// Code that is built for fuzzing calls into it.
use libfuzzer_sys as _;
use pyunload::cpython::debug_offsets::{DebugOffsets, DebugOffsetsError};
use pyunload_fuzz::objects::layouts;
use std::fs;
use std::path::Path;

fn main() {
    for (index, layout) in layouts().iter().enumerate() {
        let name = format!("{}.{}-{index}", layout.python.0, layout.python.1);
        let image = heap::image(index, layout);
        write("objects", &name, &image);
        // What is done with all objects together differs less: a few versions are enough to begin with.
        if [0, 3, 6, 8].contains(&index) {
            write("heap", &name, &image);
        }
        write("dict_keys", &name, &heap::dict_image(index, layout));
    }
    for (minor, layout) in [(13, 8), (14, 9), (15, 10)] {
        let layout = &layouts()[layout];
        write(
            "debug_offsets",
            &format!("3.{minor}"),
            &offsets(minor, layout),
        );
    }
    write("elf_image", "program", &image::with_stack());
    write("core_file", "program", &dumped::file());
    write("code_dump", "function", &function());
}

fn write(target: &str, name: &str, bytes: &[u8]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target);
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join(name), bytes).expect("written");
}

/// Debug offsets in which every offset is 64, and every size large enough for what is asked of it: which fields
/// are sizes is found out by the refusals.
fn offsets(minor: u8, layout: &pyunload::cpython::layout::Layout) -> Vec<u8> {
    const LONGEST: usize = 1 << 10;
    let head = |mut bytes: Vec<u8>| {
        bytes[..8].copy_from_slice(b"xdebugpy");
        bytes[8..16].copy_from_slice(&(0x0300_03f0 | u64::from(minor) << 16).to_le_bytes());
        bytes[16..24].fill(0);
        bytes
    };
    let counted = head(
        (0..LONGEST as u64 / 8)
            .flat_map(|n| (n * 8).to_le_bytes())
            .collect(),
    );
    let places = DebugOffsets::parse(&counted).expect("of a known version");
    let mut bytes = head((0..LONGEST / 8).flat_map(|_| 64u64.to_le_bytes()).collect());
    while let Err(error) = DebugOffsets::parse(&bytes)
        .expect("as before")
        .overlay(layout)
    {
        let DebugOffsetsError::Impossible { field, .. } = error else {
            panic!("{error}");
        };
        let group = field.split_once('.').expect("a group").0;
        let place = places.get(&format!("{group}.size")).expect("a size") as usize;
        assert_ne!(
            bytes[place + 1],
            16,
            "{field} is refused for another reason"
        );
        bytes[place..place + 8].copy_from_slice(&4096u64.to_le_bytes());
    }
    bytes
}

/// One function with constants of every kind, as `compile.py` writes it.
fn function() -> Vec<u8> {
    let number = |bytes: &mut Vec<u8>, number: u32| bytes.extend(number.to_le_bytes());
    let text = |bytes: &mut Vec<u8>, text: &str| {
        bytes.push(b'8');
        bytes.extend((text.len() as u32).to_le_bytes());
        bytes.extend(text.as_bytes());
    };
    let mut code = Vec::new();
    text(&mut code, "add");
    code.push(b'q');
    text(&mut code, "Shop.add");
    for field in [7, 2, 0, 0, 3] {
        number(&mut code, field);
    }
    for names in [["len"], ["item"], ["free"], ["cell"]] {
        number(&mut code, names.len() as u32);
        names.iter().for_each(|name| text(&mut code, name));
    }
    for block in [&b"\x97\0d\0S\0"[..], b"", b"\x80\0"] {
        number(&mut code, block.len() as u32);
        code.extend(block);
    }
    let mut with = code.clone();
    number(&mut code, 0);
    let constants: [&[u8]; 11] = [
        b"N",
        b"E",
        b"T",
        b"I+\x01\0\0\0\x05\0\0\0",
        b"L-\x01\0\0\0\x05\0\0\0",
        b"D\0\0\0\0\0\0\xf0\x3f",
        b"Y\0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\xf0\x3f",
        b"U4\x04\0\0\0\xac\x20\0\0",
        b"B\x02\0\0\0ab",
        b"(\x01\0\0\0{\x02\0\0\0NF",
        b":\x03\0\0\0NNN",
    ];
    number(&mut with, constants.len() as u32 + 1);
    constants.iter().for_each(|constant| with.extend(*constant));
    with.push(b'C');
    with.extend(&code);
    let twice = with.clone();
    with.extend(twice);
    with
}
