//! A core file of a program that is mapped at its place, with a list of files and a thread.

use crate::image::{self, file_header, program_header, words};

const NOTES: u64 = 0x200;
const STACK: u64 = 0x7000_0000;

fn note(kind: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes: Vec<u8> = [5, data.len() as u32, kind]
        .into_iter()
        .flat_map(u32::to_le_bytes)
        .collect();
    bytes.extend(b"CORE\0\0\0\0");
    bytes.extend(data);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn notes() -> Vec<u8> {
    let mut thread = vec![0; 336];
    thread[32..36].copy_from_slice(&77u32.to_le_bytes());
    let mut process = vec![0; 136];
    process[24..28].copy_from_slice(&77u32.to_le_bytes());
    process[56..62].copy_from_slice(b"python");
    let mut files = words(&[
        2,
        4096,
        image::BASE,
        image::BASE + 0x1000,
        0,
        0x60_0000,
        0x60_2000,
        1,
    ]);
    files.extend(b"/nowhere/python\0/nowhere/any.so (deleted)\0");
    let auxiliary = words(&[9, image::BASE + image::CODE, 25, STACK + 16, 0, 0]);
    [
        note(1, &thread),
        note(3, &process),
        note(6, &auxiliary),
        note(0x4649_4c45, &files),
    ]
    .concat()
}

/// The file.
pub fn file() -> Vec<u8> {
    let (notes, image) = (notes(), image::bytes());
    let at = (NOTES + notes.len() as u64).next_multiple_of(16);
    let behind = at + image.len() as u64;
    let headers = [
        program_header(4, 4, NOTES, 0, notes.len() as u64),
        program_header(1, 7, at, image::BASE, image.len() as u64),
        program_header(1, 6, behind, STACK, 64),
    ];
    let mut bytes = [file_header(4, headers.len() as u16), headers.concat()].concat();
    bytes.resize(NOTES as usize, 0);
    bytes.extend(notes);
    bytes.resize(at as usize, 0);
    bytes.extend(image);
    bytes.extend([7; 64]);
    bytes
}
