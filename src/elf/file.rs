//! An ELF file on disk: what the loader does not bring into memory.
//!
//! Only the pieces asked for are read, not the file.

use crate::address::FileAddress;
use object::elf::{FileHeader64, SHT_SYMTAB};
use object::read::elf::{FileHeader, SectionHeader, Sym};
use object::{LittleEndian, ReadCache, ReadRef};
use std::fs::File;

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
        same.then_some(ElfFile { bytes })
    }

    /// A section by name: its file address and size in bytes.
    pub fn find_section(&self, name: &str) -> Option<(FileAddress, u64)> {
        let header = FileHeader64::<LittleEndian>::parse(&self.bytes).ok()?;
        let sections = header.sections(LittleEndian, &self.bytes).ok()?;
        let (_, section) = sections.section_by_name(LittleEndian, name.as_bytes())?;
        Some((
            FileAddress(section.sh_addr(LittleEndian)),
            section.sh_size(LittleEndian),
        ))
    }

    /// A symbol of `.symtab` by name: its file address and size in bytes.
    pub fn find_symbol(&self, name: &str) -> Option<(FileAddress, u64)> {
        let header = FileHeader64::<LittleEndian>::parse(&self.bytes).ok()?;
        let sections = header.sections(LittleEndian, &self.bytes).ok()?;
        let symbols = sections
            .symbols(LittleEndian, &self.bytes, SHT_SYMTAB)
            .ok()?;
        let wanted = name.as_bytes();
        symbols
            .iter()
            .find(|symbol| {
                !symbol.is_undefined(LittleEndian)
                    && symbol.name(LittleEndian, symbols.strings()) == Ok(wanted)
            })
            .map(|symbol| {
                (
                    FileAddress(symbol.st_value(LittleEndian)),
                    symbol.st_size(LittleEndian),
                )
            })
    }
}
