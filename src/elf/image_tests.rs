use super::*;
use crate::target::fake::FakeMemory;
use crate::target::process::Process;
use proptest::prelude::*;

#[test]
fn our_own_libc_exports_malloc() {
    let process = Process::open(std::process::id() as i32).expect("we exist");
    let maps = process.maps().expect("our own maps");
    let images: Vec<Image> = maps
        .files()
        .into_iter()
        .filter_map(|file| Image::read(&process, &maps, file).ok())
        .collect();
    let found = images
        .iter()
        .find_map(|image| image.find_dynamic_symbol(&process, "malloc"));
    assert!(found.is_some_and(|symbol| maps.find(symbol.address).is_some_and(|m| m.execute)));
    assert!(
        images
            .iter()
            .all(|image| image.find_dynamic_symbol(&process, "no such").is_none())
    );
}

#[test]
fn a_build_id_is_found_behind_other_notes() {
    let mut notes = Vec::new();
    for (kind, data) in [(1u32, &[0u8; 5][..]), (3, &[7; 4])] {
        notes.extend(4u32.to_le_bytes());
        notes.extend((data.len() as u32).to_le_bytes());
        notes.extend(kind.to_le_bytes());
        notes.extend(b"GNU\0");
        notes.extend(data);
        notes.resize(notes.len().next_multiple_of(4), 0);
    }
    assert_eq!(find_build_id(&notes), Some(vec![7; 4]));
}

proptest! {
    #[test]
    fn random_headers_never_panic(head in proptest::collection::vec(any::<u8>(), 0..4096)) {
        let mut head = head;
        let _ = parse_headers(Address::new(0), &head);
        let magic = [0x7f, b'E', b'L', b'F', 2, 1, 1, 0];
        let length = head.len().min(8);
        head[..length].copy_from_slice(&magic[..length]);
        if let Ok((_, headers)) = parse_headers(Address::new(0), &head) {
            let _ = load_bias(Address::new(0), &headers);
        }
        let _ = find_build_id(&head);
    }
}

proptest! {
    /// Headers as an attacker would write them: anything behind a magic number that is right.
    #[test]
    fn a_hostile_image_is_read_in_bounded_memory(
        fields in proptest::collection::vec(any::<u64>(), 512),
        count in any::<u16>(),
    ) {
        let mut head: Vec<u8> = fields.iter().flat_map(|field| field.to_le_bytes()).collect();
        head[..20].copy_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0");
        head[0x20..0x28].copy_from_slice(&64u64.to_le_bytes());
        head[0x36..0x38].copy_from_slice(&56u16.to_le_bytes());
        head[0x38..0x3a].copy_from_slice(&count.to_le_bytes());
        // The first headers are of kinds that are looked into.
        for (index, kind) in [PT_LOAD, PT_DYNAMIC, PT_NOTE, PT_LOAD].into_iter().enumerate() {
            let at = 64 + 56 * index;
            head[at..at + 4].copy_from_slice(&kind.to_le_bytes());
        }
        let memory = FakeMemory::new().with(0x40_0000, &head);
        let file = MappedFile {
            inode: 1,
            path: "/hostile".into(),
            device: (1, 1),
            deleted: false,
        };
        let mapping = Mapping {
            range: AddressRange::new(Address::new(0x40_0000), Address::new(0x41_0000)),
            read: true,
            write: true,
            execute: true,
            file_offset: 0,
            file: Some(file.clone()),
            special: None,
        };
        let maps = Maps::new(vec![mapping]);
        for image in Image::read_all(&memory, &maps, &file) {
            let _ = image.find_dynamic_symbol(&memory, "_PyRuntime");
            let _ = image.build_id(&memory);
            let _ = image.head_has_build_id();
        }
        let _ = Image::read(&memory, &maps, &file);
    }
}
