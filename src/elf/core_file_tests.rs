use super::*;
use crate::target::copy::CopyPlan;
use crate::target::memory::{ReadMemory, ReadMemoryExt};
use crate::target::target::Target;
use crate::target::view::ViewMemory;
use proptest::prelude::*;
use std::io::{Seek, SeekFrom, Write};
use tempfile::NamedTempFile;

/// One program header, as a core has it.
#[derive(Debug, Clone)]
struct Header {
    kind: u32,
    flags: u32,
    offset: u64,
    address: u64,
    stored: u64,
    size: u64,
}

impl Header {
    fn bytes(&self) -> Vec<u8> {
        let words = [self.offset, self.address, 0, self.stored, self.size, 0];
        let mut bytes = [self.kind.to_le_bytes(), self.flags.to_le_bytes()].concat();
        bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        bytes
    }
}

fn file_header(count: u16) -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x04\0\x3e\0\x01\0\0\0".to_vec();
    bytes.resize(HEADER, 0);
    bytes[0x20..0x28].copy_from_slice(&(HEADER as u64).to_le_bytes());
    bytes[0x36..0x38].copy_from_slice(&(PROGRAM_HEADER as u16).to_le_bytes());
    bytes[0x38..0x3a].copy_from_slice(&count.to_le_bytes());
    bytes
}

fn note(kind: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes = 5u32.to_le_bytes().to_vec();
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend(kind.to_le_bytes());
    bytes.extend(b"CORE\0\0\0\0");
    bytes.extend(data);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn file_note(lines: &[(u64, u64, u64)], path: &str) -> Vec<u8> {
    let words = |words: &[u64]| {
        words
            .iter()
            .flat_map(|w| w.to_le_bytes())
            .collect::<Vec<u8>>()
    };
    let mut data = words(&[lines.len() as u64, PAGE]);
    for (start, end, offset) in lines {
        data.extend(words(&[*start, *end, *offset]));
    }
    for _ in lines {
        data.extend(path.as_bytes());
        data.push(0);
    }
    note(0x4649_4c45, &data)
}

fn core_of(headers: &[Header], behind: &[u8]) -> NamedTempFile {
    let mut bytes = file_header(headers.len() as u16);
    bytes.extend(headers.iter().flat_map(Header::bytes));
    bytes.resize(bytes.len().max(0x1000), 0);
    bytes.extend(behind);
    let mut file = NamedTempFile::new().expect("a file");
    file.write_all(&bytes).expect("written");
    file
}

/// A library of three pages, and a core that has its first and third page and some other memory.
fn library_and_core(changed: bool) -> (NamedTempFile, NamedTempFile) {
    let mut library = NamedTempFile::new().expect("a file");
    let pages: Vec<u8> = [1u8, 2, 3]
        .into_iter()
        .flat_map(|n| vec![n; 4096])
        .collect();
    library.write_all(&pages).expect("written");
    let path = library.path().to_str().expect("text");
    let lines = [(0x10000, 0x12000, 0), (0x12000, 0x13000, 2)];
    let notes = file_note(&lines, path);
    let load = |address, size, stored, offset| Header {
        kind: 1,
        flags: 6,
        offset,
        address,
        stored,
        size,
    };
    let code = Header {
        flags: 5,
        ..load(0x10000, 0x2000, 0x1000, 0x1000)
    };
    let headers = [
        Header {
            kind: 4,
            ..load(0, 0, notes.len() as u64, 0x4000)
        },
        code,
        load(0x12000, 0x1000, 0x1000, 0x2000),
        load(0x20000, 0x2000, 0x1000, 0x3000),
    ];
    let mut behind: Vec<u8> = [if changed { 9 } else { 1 }, 7, 8]
        .into_iter()
        .flat_map(|n| vec![n; 4096])
        .collect();
    behind.extend(notes);
    (core_of(&headers, &behind), library)
}

fn byte(core: &Core, at: u64) -> Option<u8> {
    core.read_at::<u8>(Address::new(at)).ok()
}

#[test]
fn what_a_core_leaves_out_is_read_from_the_file_that_was_mapped() {
    let (file, library) = library_and_core(false);
    let core = open(file.path(), None).expect("a core");
    assert_eq!(byte(&core, 0x10000), Some(1));
    assert_eq!(byte(&core, 0x11fff), Some(2), "from the library");
    assert_eq!(
        byte(&core, 0x12000),
        Some(7),
        "as the process had changed it"
    );
    assert_eq!(byte(&core, 0x20fff), Some(8));
    assert_eq!(byte(&core, 0x21000), None, "memory that was not kept");
    let mut over_the_seam = [0; 4];
    let got = core.read_some_at(Address::new(0x10ffe), &mut over_the_seam);
    assert_eq!((got, over_the_seam), (Ok(4), [1, 1, 2, 2]));
    let maps = core.maps().expect("of a core");
    let mapping = maps.find(Address::new(0x12000)).expect("mapped");
    let file = mapping.file.as_ref().expect("of the library");
    assert_eq!(
        (file.path.as_path(), mapping.file_offset),
        (library.path(), 0x2000)
    );
    assert!(core.warnings().is_empty(), "{:?}", core.warnings());
}

#[test]
fn a_copy_of_a_core_has_its_pages_and_not_its_holes() {
    let (file, _library) = library_and_core(false);
    let core = open(file.path(), None).expect("a core");
    let pages = core.written_ranges(|_| true);
    let starts: Vec<u64> = pages.iter().map(|range| range.start.value()).collect();
    assert_eq!(starts, [0x10000, 0x12000, 0x20000]);
    let mut plan = CopyPlan::of_core(&core, 1 << 20).expect("small");
    plan.fill(&core).expect("read");
    let copy = plan.over(&core);
    assert_eq!(copy.view(Address::new(0x20ff8), 8), Some(&[8; 8][..]));
    assert_eq!(copy.read_at::<u8>(Address::new(0x21000)).ok(), None);
}

#[test]
fn a_file_that_differs_from_the_core_is_not_used_and_named() {
    let (file, library) = library_and_core(true);
    let core = open(file.path(), None).expect("a core");
    assert_eq!(byte(&core, 0x11000), None);
    assert_eq!(byte(&core, 0x12000), Some(7));
    let name = library.path().display().to_string();
    assert!(core.warnings()[0].contains(&name), "{:?}", core.warnings());
    let missing = core.missing_at(Address::new(0x11000)).expect("missing");
    assert_eq!(missing.path, library.path());
    assert_eq!(core.missing_at(Address::new(0x10000)), None);
}

#[test]
fn a_file_that_is_gone_is_found_below_another_root() {
    let (file, library) = library_and_core(false);
    let folder = tempfile::tempdir().expect("a folder");
    let name = library.path().file_name().expect("a name");
    std::fs::copy(library.path(), folder.path().join(name)).expect("copied");
    drop(library);
    let core = open(file.path(), None).expect("a core");
    assert_eq!(byte(&core, 0x11000), None);
    let core = open(file.path(), Some(folder.path())).expect("a core");
    assert_eq!(byte(&core, 0x11000), Some(2));
}

#[test]
fn other_files_are_told_from_cores() {
    let own = open(Path::new("/proc/self/exe"), None).map(drop);
    assert!(matches!(own, Err(CoreError::NotCore { .. })), "{own:?}");
    let nothing = open(Path::new("/dev/zero"), None).map(drop);
    assert!(matches!(nothing, Err(CoreError::Unreadable { .. })));
    let empty = core_of(&[], &[]);
    let empty = open(empty.path(), None).map(drop);
    assert!(matches!(empty, Err(CoreError::Damaged { .. })));
}

#[test]
fn a_core_that_claims_more_than_it_has_is_read_as_far_as_it_goes() {
    let (file, _library) = library_and_core(false);
    file.as_file().set_len(0x3800).expect("cut");
    let core = open(file.path(), None).expect("a core");
    assert_eq!(byte(&core, 0x207ff), Some(8));
    assert_eq!(byte(&core, 0x20800), None);
    assert!(
        core.warnings()[0].contains("cut off"),
        "{:?}",
        core.warnings()
    );
}

fn put(file: &NamedTempFile, at: usize, bytes: &[u8]) {
    let mut file = file.as_file();
    file.seek(SeekFrom::Start(at as u64)).expect("a file");
    file.write_all(bytes).expect("written");
}

/// Looks at everything there is, as a reader would.
fn look_around(path: &Path) {
    let Ok(core) = open(path, None) else {
        return;
    };
    let maps = core.maps().expect("of a core");
    let mut buffer = vec![0; 8192];
    for mapping in maps.iter().take(64) {
        let _ = core.read_some_at(mapping.range.start, &mut buffer);
        let _ = core.read_some_at(mapping.range.end.before(8), &mut buffer);
    }
    let _ = core.executable();
    if let Ok(mut plan) = CopyPlan::of_core(&core, 1 << 20) {
        let _ = plan.fill(&core);
    }
}

#[test]
fn no_flipped_bit_makes_a_panic_or_a_large_allocation() {
    let (file, _library) = library_and_core(false);
    let whole = std::fs::read(file.path()).expect("a core");
    // Every bit of the headers and of the notes: more than a thousand.
    let headers = 0..HEADER + 4 * PROGRAM_HEADER;
    for at in headers.chain(0x4000..whole.len()) {
        for bit in 0..8 {
            let flipped = [whole[at] ^ (1 << bit)];
            put(&file, at, &flipped);
            look_around(file.path());
        }
        put(&file, at, &whole[at..=at]);
    }
}

proptest! {
    #[test]
    fn random_headers_never_panic(
        headers in proptest::collection::vec(
            (0u32..8, any::<u32>(), 0u64..0x8000, any::<u64>(), any::<u64>(), any::<u64>()),
            0..32,
        ),
        lines in proptest::collection::vec((any::<u64>(), any::<u64>(), any::<u64>()), 0..16),
        count in any::<Option<u64>>(),
    ) {
        let mut headers: Vec<Header> = headers
            .into_iter()
            .map(|(kind, flags, offset, address, stored, size)| Header {
                kind, flags, offset, address, stored, size,
            })
            .collect();
        let mut notes = file_note(&lines, "/usr/lib/any.so");
        if let Some(count) = count {
            notes[20..28].copy_from_slice(&count.to_le_bytes());
        }
        headers.push(Header {
            kind: 4, flags: 4, offset: 0x1000, address: 0, stored: notes.len() as u64, size: 0,
        });
        let file = core_of(&headers, &notes);
        look_around(file.path());
    }
}
