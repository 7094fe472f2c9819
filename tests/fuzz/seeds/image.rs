//! A program as it lies in memory: two segments, one symbol, an unwind table with one function.

/// Where it is.
pub const BASE: u64 = 0x40_0000;
/// Where its one function is, and how long.
pub const CODE: u64 = 0x300;
const CODE_SIZE: u32 = 0x40;
/// Where its symbol leads.
const RUNTIME: u64 = 0x800;
const SIZE: usize = 0xb00;
const DYNAMIC: usize = 0x200;
const HASH: usize = 0x400;
const SYMBOLS: usize = 0x440;
const STRINGS: usize = 0x480;
const NOTE: usize = 0x4c0;
const INDEX: usize = 0x500;
const FRAMES: usize = 0x540;

fn put(bytes: &mut [u8], at: usize, part: &[u8]) {
    bytes[at..at + part.len()].copy_from_slice(part);
}

pub fn words(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn halves(halves: &[u32]) -> Vec<u8> {
    halves.iter().flat_map(|half| half.to_le_bytes()).collect()
}

/// The header of an ELF file of `kind` with so many program headers behind it.
pub fn file_header(kind: u8, count: u16) -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\0\0\x3e\0\x01\0\0\0".to_vec();
    bytes[16] = kind;
    bytes.resize(64, 0);
    put(&mut bytes, 0x20, &words(&[64]));
    put(&mut bytes, 0x34, &[64, 0, 56, 0]);
    put(&mut bytes, 0x38, &count.to_le_bytes());
    bytes
}

/// One program header: kind, flags, offset in the file, address, size in the file and in memory.
pub fn program_header(kind: u32, flags: u32, offset: u64, address: u64, size: u64) -> Vec<u8> {
    let mut bytes = halves(&[kind, flags]);
    bytes.extend(words(&[offset, address, address, size, size, 8]));
    bytes
}

/// The image.
pub fn bytes() -> Vec<u8> {
    let mut bytes = vec![0; SIZE];
    put(&mut bytes, 0, &file_header(3, 6));
    let headers = [
        program_header(1, 5, 0, 0, SIZE as u64),
        program_header(1, 6, RUNTIME, RUNTIME, (SIZE as u64) - RUNTIME),
        program_header(2, 6, DYNAMIC as u64, DYNAMIC as u64, 64),
        program_header(4, 4, NOTE as u64, NOTE as u64, 36),
        program_header(0x6474_e550, 4, INDEX as u64, INDEX as u64, 20),
        program_header(3, 4, STRINGS as u64, STRINGS as u64, 8),
    ];
    put(&mut bytes, 64, &headers.concat());
    let tables = [(0x6fff_fef5, HASH), (6, SYMBOLS), (5, STRINGS), (0, 0)];
    let dynamic: Vec<u64> = tables
        .iter()
        .flat_map(|&(tag, at)| [tag, at as u64])
        .collect();
    put(&mut bytes, DYNAMIC, &words(&dynamic));
    put_symbol(&mut bytes);
    put_tables(&mut bytes);
    put(&mut bytes, NOTE, &halves(&[4, 20, 3]));
    put(&mut bytes, NOTE + 12, b"GNU\0a build id of 20 b.");
    put(&mut bytes, RUNTIME as usize, b"xdebugpy\xf0\x03\x0d\x03");
    bytes
}

/// `_PyRuntime` in a hash table with one bucket.
fn put_symbol(bytes: &mut [u8]) {
    let name = b"_PyRuntime";
    let hash = name.iter().fold(5381u32, |hash, &byte| {
        hash.wrapping_mul(33).wrapping_add(byte.into())
    });
    put(bytes, HASH, &halves(&[1, 1, 1, 0]));
    put(bytes, HASH + 16, &words(&[u64::MAX]));
    put(bytes, HASH + 24, &halves(&[1, hash | 1]));
    put(bytes, SYMBOLS + 24, &halves(&[1, 0x0002_0011]));
    put(bytes, SYMBOLS + 32, &words(&[RUNTIME, 0x300]));
    put(bytes, STRINGS + 1, name);
}

/// `.eh_frame_hdr` with one entry, `.eh_frame` with one CIE and one FDE.
fn put_tables(bytes: &mut [u8]) {
    let away = |to: usize, from: usize| (to as u32).wrapping_sub(from as u32);
    let fde = FRAMES + 24;
    put(bytes, INDEX, &[1, 0x1b, 3, 0x3b]);
    let entry = [
        away(FRAMES, INDEX + 4),
        1,
        away(CODE as usize, INDEX),
        away(fde, INDEX),
    ];
    put(bytes, INDEX + 4, &halves(&entry));
    put(bytes, FRAMES, &halves(&[20, 0]));
    put(
        bytes,
        FRAMES + 8,
        b"\x01zR\0\x01\x78\x10\x01\x1b\x0c\x07\x08\x90\x01\0\0",
    );
    let entry = [
        16,
        away(fde + 4, FRAMES),
        away(CODE as usize, fde + 8),
        CODE_SIZE,
    ];
    put(bytes, fde, &halves(&entry));
}

/// Where a thread executes and its stack pointer, a stack of 128 bytes, and the image.
pub fn with_stack() -> Vec<u8> {
    let mut stack = vec![0u64; 16];
    stack[0] = BASE + CODE + 8;
    stack[1] = BASE + CODE + 16;
    let head = words(&[BASE + CODE + 4, 0x7000_0000]);
    [head, words(&stack), bytes()].concat()
}
