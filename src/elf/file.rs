//! An ELF file on disk: what the loader does not bring into memory.
//!
//! Only the pieces asked for are read, not the file. A file is no more trusted than memory: its
//! tables are bounded before they are read.

use super::image::find_build_id;
use crate::address::FileAddress;
use crate::target::memory::word_in;
use object::elf::{
    FileHeader64, SHT_DYNSYM, SHT_NOTE, SHT_SYMTAB, SectionHeader64, SectionType, Sym64,
};
use object::read::elf::{FileHeader, SectionHeader, SectionTable, Sym};
use object::{LittleEndian, ReadCache, ReadRef, SectionIndex};
use std::fs::File;

/// A table of symbols, or of their names, larger than this is not read. That of a CPython has one
/// or two megabytes.
const MOST_TABLE_BYTES: u64 = 64 << 20;
/// The section headers of a file, in bytes, are not more than this (1,024 times those of a CPython).
const MOST_HEADER_BYTES: u64 = 4 << 20;
/// `sizeof(Elf64_Sym)`.
const SYMBOL_SIZE: usize = size_of::<Sym64<LittleEndian>>();

/// A file whose headers are those of the image in memory.
pub struct ElfFile {
    bytes: ReadCache<File>,
}

impl std::fmt::Debug for ElfFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ElfFile")
    }
}

impl ElfFile {
    /// Takes the file if it begins with `head`, the first page of the image in memory. The page
    /// holds the headers and, in what linkers make, the build id: another file differs there.
    pub fn open_same(file: File, head: &[u8]) -> Option<Self> {
        let bytes = ReadCache::new(file);
        let length = (&bytes).len().ok()?.min(head.len() as u64);
        let same = (&bytes).read_bytes_at(0, length).ok()? == &head[..length as usize];
        (same && length > 0).then_some(ElfFile { bytes })
    }

    /// Takes any file.
    pub fn of(file: File) -> Self {
        ElfFile {
            bytes: ReadCache::new(file),
        }
    }

    /// The bytes of the GNU build id.
    pub fn build_id(&self) -> Option<Vec<u8>> {
        let sections = self.sections()?;
        let mut notes = sections
            .iter()
            .filter(|section| section.sh_type(LittleEndian) == SHT_NOTE);
        notes.find_map(|section| find_build_id(self.table_bytes(section)?))
    }

    /// A section by name: its file address and size in bytes.
    pub fn find_section(&self, name: &str) -> Option<(FileAddress, u64)> {
        let header = FileHeader64::<LittleEndian>::parse(&self.bytes).ok()?;
        let names = header.shstrndx(LittleEndian, &self.bytes).ok()?;
        let sections = self.sections()?;
        let names = sections.section(SectionIndex(names as usize)).ok()?;
        let names = self.table_bytes(names)?;
        let section = sections
            .iter()
            .find(|section| is_name(names, section.sh_name(LittleEndian) as usize, name))?;
        Some((
            FileAddress(section.sh_addr(LittleEndian)),
            section.sh_size(LittleEndian),
        ))
    }

    /// Symbols by name, all in one pass over `.symtab`, or `.dynsym` where it was stripped: file
    /// address and size in bytes of each, in the order of `names`.
    pub fn find_symbols<const N: usize>(
        &self,
        names: [&str; N],
    ) -> [Option<(FileAddress, u64)>; N] {
        [SHT_SYMTAB, SHT_DYNSYM]
            .into_iter()
            .find_map(|kind| self.find_in_table(kind, names))
            .unwrap_or([None; N])
    }

    /// As [`ElfFile::find_symbols`], in the table of one kind; `None` when there is no such table.
    fn find_in_table<const N: usize>(
        &self,
        kind: SectionType,
        names: [&str; N],
    ) -> Option<[Option<(FileAddress, u64)>; N]> {
        let sections = self.sections()?;
        let table = sections
            .iter()
            .find(|section| section.sh_type(LittleEndian) == kind)?;
        let strings = sections.section(table.link(LittleEndian)).ok()?;
        let symbols = self.table_bytes(table)?;
        let strings = self.table_bytes(strings)?;
        let mut found = [None; N];
        for bytes in symbols.chunks_exact(SYMBOL_SIZE) {
            let name_at = word_in::<u32>(bytes, 0).unwrap_or_default() as usize;
            let named = names
                .iter()
                .position(|name| is_name(strings, name_at, name));
            if let Some(index) = named
                && found[index].is_none()
                && let Ok((symbol, _)) = object::pod::from_bytes::<Sym64<LittleEndian>>(bytes)
                && !symbol.is_undefined(LittleEndian)
            {
                let address = FileAddress(symbol.st_value(LittleEndian));
                found[index] = Some((address, symbol.st_size(LittleEndian)));
            }
        }
        Some(found)
    }

    fn sections(&self) -> Option<SectionTable<'_, FileHeader64<LittleEndian>, &ReadCache<File>>> {
        let header = FileHeader64::<LittleEndian>::parse(&self.bytes).ok()?;
        let count = header.shnum(LittleEndian, &self.bytes).ok()? as u64;
        if count * size_of::<SectionHeader64<LittleEndian>>() as u64 > MOST_HEADER_BYTES {
            return None;
        }
        header.sections(LittleEndian, &self.bytes).ok()
    }

    fn table_bytes(&self, section: &SectionHeader64<LittleEndian>) -> Option<&[u8]> {
        if section.sh_size(LittleEndian) > MOST_TABLE_BYTES {
            return None;
        }
        section.data(LittleEndian, &self.bytes).ok()
    }
}

/// Whether the C string at `at` is `name`.
fn is_name(strings: &[u8], at: usize, name: &str) -> bool {
    strings
        .get(at..)
        .and_then(|rest| rest.strip_prefix(name.as_bytes()))
        .is_some_and(|rest| rest.first() == Some(&0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::{Seek, Write};
    use std::os::unix::fs::FileExt;

    fn file_of(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(bytes).expect("written");
        file.rewind().expect("a file");
        file
    }

    #[test]
    fn a_file_that_begins_otherwise_is_another_file() {
        assert!(ElfFile::open_same(file_of(b"\x7fELF new"), b"\x7fELF old").is_none());
        assert!(ElfFile::open_same(file_of(b"\x7fELF old, and more"), b"\x7fELF old").is_some());
        assert!(ElfFile::open_same(file_of(b""), b"\x7fELF old").is_none());
    }

    #[test]
    fn a_symbol_name_ends_where_the_string_ends() {
        assert!(is_name(b"\0head\0header\0", 1, "head"));
        assert!(!is_name(b"\0head\0header\0", 6, "head"));
        assert!(!is_name(b"\0head", 1, "head"));
        assert!(!is_name(b"\0head\0", 99, "head"));
    }

    proptest! {
        #[test]
        fn a_damaged_file_gives_nothing_and_never_panics(
            damage in proptest::collection::vec((0usize..4096, any::<u8>()), 0..64),
        ) {
            let mut bytes = vec![0; 1 << 16];
            let own = File::open("/proc/self/exe").expect("our own program");
            own.read_exact_at(&mut bytes, 0).expect("a program is longer");
            for (at, byte) in damage {
                bytes[at] = byte;
            }
            // The section headers of the whole file lie behind what was kept.
            let file = ElfFile { bytes: ReadCache::new(file_of(&bytes)) };
            let _ = file.find_section(".symtab");
            let _ = file.find_symbols(["main"]);
        }
    }
}
