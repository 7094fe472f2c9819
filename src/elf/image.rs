//! An ELF image as the target has it in memory: what runs, also when its file is gone or replaced.
//!
//! Headers, notes and the dynamic symbols are loaded with the program, so they are read from
//! memory, a few hundred bytes at a time. Section names and `.symtab` are not loaded: for them the
//! file is opened (see [`file`](super::file)), after its headers proved to be those in memory.

use crate::address::{Address, AddressRange, Bias, FileAddress};
pub use crate::elf::dynamic::Symbol;
use crate::elf::dynamic::{CTX, DynamicSymbols};
use crate::elf::file::ElfFile;
use crate::elf::note::notes_in;
use crate::target::maps::{MappedFile, Mapping, Maps};
use crate::target::memory::{ReadError, ReadMemory, ReadMemoryExt};
use crate::target::target::Target;
use goblin::container::{Container, Endian};
use goblin::elf::header::{EM_AARCH64, EM_X86_64, SIZEOF_IDENT};
use goblin::elf::program_header::{
    PF_R, PF_W, PF_X, PT_DYNAMIC, PT_GNU_EH_FRAME, PT_INTERP, PT_LOAD, PT_NOTE,
};
use goblin::elf::{Elf, ProgramHeader};
use std::sync::OnceLock;

/// Program headers beyond this count are not those of a program.
const MAX_SEGMENTS: usize = 128;
/// A file is not loaded more often than this.
const MAX_IMAGES: usize = 16;
/// A note segment larger than this is cut.
const MAX_NOTES: u64 = 1 << 20;
/// Why an image could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// The file has no mapping of its first page.
    #[error("{path} is mapped without its headers")]
    NoHeaders {
        /// The file.
        path: String,
    },
    /// The file is mapped to be read, not as a program.
    #[error("{path} is mapped at {at}, but not loaded")]
    NotLoaded {
        /// The file.
        path: String,
        /// Where its first page is.
        at: Address,
    },
    /// What is mapped there is not a 64-bit ELF image of this machine's kind.
    #[error("no 64-bit little-endian ELF image at {at}: {detail}")]
    NotElf {
        /// Where the headers should be.
        at: Address,
        /// What is wrong with them.
        detail: String,
    },
    /// Memory could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// A loaded part of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// The addresses the program uses; ends with `.bss`, not at the end of a page.
    pub range: AddressRange,
    /// Readable.
    pub read: bool,
    /// Writable.
    pub write: bool,
    /// Executable.
    pub execute: bool,
}

/// An image in the memory of a target.
#[derive(Debug)]
pub struct Image {
    /// The file it was mapped from.
    pub file: MappedFile,
    /// How far the loader moved it.
    pub bias: Bias,
    /// Its loaded parts, by address.
    pub segments: Vec<Segment>,
    /// Its machine, as `e_machine` says.
    pub machine: u16,
    /// Whether it names a loader, as programs do and libraries do not.
    pub is_program: bool,
    /// The index of its unwind tables (`.eh_frame_hdr`).
    pub unwind_index: Option<AddressRange>,
    dynamic: Option<DynamicSymbols>,
    notes: Vec<AddressRange>,
    head: Vec<u8>,
    on_disk: OnceLock<Option<ElfFile>>,
    mapping: Mapping,
}

impl Image {
    /// Reads the headers of the image of `file`; of the first one, where it was loaded twice.
    ///
    /// # Errors
    /// [`ImageError::NoHeaders`], [`ImageError::NotElf`] when it is not a program of this machine,
    /// [`ImageError::NotLoaded`] when it was only mapped as data.
    pub fn read(
        memory: &(impl ReadMemory + ?Sized),
        maps: &Maps,
        file: &MappedFile,
    ) -> Result<Self, ImageError> {
        let mut failed = ImageError::NoHeaders {
            path: file.path.display().to_string(),
        };
        for mapping in first_pages(maps, file) {
            match Self::read_mapping(memory, maps, file, mapping) {
                Ok(image) => return Ok(image),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    /// Every image that was loaded from `file`; more than one where the loader was asked for a
    /// second namespace (`dlmopen`).
    pub fn read_all(
        memory: &(impl ReadMemory + ?Sized),
        maps: &Maps,
        file: &MappedFile,
    ) -> Vec<Self> {
        first_pages(maps, file)
            .take(MAX_IMAGES)
            .filter_map(|mapping| Self::read_mapping(memory, maps, file, mapping).ok())
            .collect()
    }

    fn read_mapping(
        memory: &(impl ReadMemory + ?Sized),
        maps: &Maps,
        file: &MappedFile,
        mapping: &Mapping,
    ) -> Result<Self, ImageError> {
        let base = mapping.range.start;
        let mut head = vec![0; 4096];
        let got = memory.read_some_at(base, &mut head)?;
        head.truncate(got);
        let (machine, headers) = parse_headers(base, &head)?;
        let bias = load_bias(base, &headers)?;
        let segments: Vec<Segment> = headers
            .iter()
            .filter_map(|header| segment(bias, header))
            .collect();
        if !is_loaded(maps, &segments) {
            return Err(ImageError::NotLoaded {
                path: file.path.display().to_string(),
                at: base,
            });
        }
        let dynamic = headers
            .iter()
            .find(|header| header.p_type == PT_DYNAMIC)
            .and_then(|header| DynamicSymbols::read(memory, bias, memory_range(bias, header)));
        Ok(Image {
            file: file.clone(),
            bias,
            segments,
            machine,
            is_program: headers.iter().any(|header| header.p_type == PT_INTERP),
            unwind_index: headers
                .iter()
                .find(|header| header.p_type == PT_GNU_EH_FRAME)
                .map(|header| memory_range(bias, header)),
            dynamic,
            notes: headers
                .iter()
                .filter(|header| header.p_type == PT_NOTE)
                .map(|header| memory_range(bias, header))
                .collect(),
            head,
            on_disk: OnceLock::new(),
            mapping: mapping.clone(),
        })
    }

    /// A symbol other programs may link to (`.dynsym`), through the hash table in memory.
    pub fn find_dynamic_symbol(
        &self,
        memory: &(impl ReadMemory + ?Sized),
        name: &str,
    ) -> Option<Symbol> {
        self.dynamic?.find(memory, name.as_bytes(), self.bias)
    }

    /// Any symbol: `.dynsym` first, then `.symtab` of the file.
    pub fn find_symbol(&self, target: &impl Target, name: &str) -> Option<Symbol> {
        let [symbol] = self.find_symbols(target, [name]);
        symbol
    }

    /// Any symbols, each from `.dynsym` in memory; for those that are not there, one pass over the
    /// `.symtab` of the file.
    pub fn find_symbols<const N: usize>(
        &self,
        target: &impl Target,
        names: [&str; N],
    ) -> [Option<Symbol>; N] {
        let mut found = names.map(|name| self.find_dynamic_symbol(target, name));
        if found.iter().all(Option::is_some) {
            return found;
        }
        if let Some(file) = self.file_on_disk(target) {
            for (symbol, stated) in found.iter_mut().zip(file.find_symbols(names)) {
                *symbol = symbol.or_else(|| {
                    let (address, size) = stated?;
                    Some(Symbol {
                        address: address.moved(self.bias),
                        size,
                    })
                });
            }
        }
        found
    }

    /// A section of the file, by name, where it is in memory.
    pub fn find_section(&self, target: &impl Target, name: &str) -> Option<AddressRange> {
        let (start, size) = self.file_on_disk(target)?.find_section(name)?;
        let start = start.moved(self.bias);
        Some(AddressRange::new(start, start.checked_add(size)?))
    }

    /// The bytes of the GNU build id, from the notes in memory.
    pub fn build_id(&self, memory: &(impl ReadMemory + ?Sized)) -> Option<Vec<u8>> {
        self.notes.iter().find_map(|range| {
            let size = range.len().min(MAX_NOTES) as usize;
            find_build_id(&memory.read_bytes_at(range.start, size).ok()?)
        })
    }

    /// The file the image was loaded from; `None` when it is gone, or is another file by now.
    fn file_on_disk(&self, target: &impl Target) -> Option<&ElfFile> {
        self.on_disk
            .get_or_init(|| {
                target
                    .files_behind(&self.file, &self.mapping)
                    .filter(|opened| opened.certain || self.head_has_build_id())
                    .find_map(|opened| ElfFile::open_same(opened.file, &self.head))
            })
            .as_ref()
    }

    /// Whether the first page identifies the build, so that a file which begins with the same page
    /// is the same file. Without that only the kernel's word counts.
    fn head_has_build_id(&self) -> bool {
        self.notes.iter().any(|note| {
            note.start
                .distance_from(self.mapping.range.start)
                .and_then(|start| self.head.get(usize::try_from(start).ok()?..))
                .is_some_and(|notes| find_build_id(notes).is_some())
        })
    }
}

/// The mappings of the first page of a file: where an image of it may begin.
fn first_pages<'m>(maps: &'m Maps, file: &'m MappedFile) -> impl Iterator<Item = &'m Mapping> {
    maps.of_file(file)
        .filter(|mapping| mapping.file_offset == 0 && mapping.read)
}

/// Whether there is memory where every segment begins, and code where code should be. A file that
/// is only mapped to be read, by a debugger or to be hashed, fails this, and so does a second
/// mapping of a first page that belongs to a segment in the middle of the image.
fn is_loaded(maps: &Maps, segments: &[Segment]) -> bool {
    let holds = |segment: &Segment| {
        maps.find(segment.range.start)
            .is_some_and(|mapping| mapping.execute == segment.execute || !segment.execute)
    };
    segments.iter().any(|segment| segment.execute)
        && segments
            .iter()
            .filter(|segment| !segment.range.is_empty())
            .all(holds)
}

pub(super) fn parse_headers(
    base: Address,
    head: &[u8],
) -> Result<(u16, Vec<ProgramHeader>), ImageError> {
    let not_elf = |detail: &str| ImageError::NotElf {
        at: base,
        detail: detail.to_owned(),
    };
    if head.len() < SIZEOF_IDENT || &head[..4] != goblin::elf::header::ELFMAG {
        return Err(not_elf("no ELF magic"));
    }
    let header = Elf::parse_header(head).map_err(|error| not_elf(&error.to_string()))?;
    if !matches!(header.container(), Ok(Container::Big))
        || !matches!(header.endianness(), Ok(Endian::Little))
    {
        return Err(not_elf("not 64-bit little-endian"));
    }
    if !matches!(header.e_machine, EM_X86_64 | EM_AARCH64) {
        return Err(not_elf("an unknown machine"));
    }
    let count = usize::from(header.e_phnum);
    if count > MAX_SEGMENTS {
        return Err(not_elf("too many program headers"));
    }
    let headers = ProgramHeader::parse(head, header.e_phoff as usize, count, CTX)
        .map_err(|error| not_elf(&error.to_string()))?;
    Ok((header.e_machine, headers))
}

/// The first loaded segment begins where the file's first page is mapped.
fn load_bias(base: Address, headers: &[ProgramHeader]) -> Result<Bias, ImageError> {
    let first = headers
        .iter()
        .find(|header| header.p_type == PT_LOAD)
        .ok_or_else(|| ImageError::NotElf {
            at: base,
            detail: "nothing to load".to_owned(),
        })?;
    let start_of_file = first.p_vaddr.wrapping_sub(first.p_offset);
    Ok(Bias(base.value().wrapping_sub(start_of_file)))
}

fn memory_range(bias: Bias, header: &ProgramHeader) -> AddressRange {
    let start = FileAddress(header.p_vaddr).moved(bias);
    AddressRange::new(start, start.offset(header.p_memsz))
}

fn segment(bias: Bias, header: &ProgramHeader) -> Option<Segment> {
    (header.p_type == PT_LOAD).then(|| Segment {
        range: memory_range(bias, header),
        read: header.p_flags & PF_R != 0,
        write: header.p_flags & PF_W != 0,
        execute: header.p_flags & PF_X != 0,
    })
}

/// The GNU build id among notes.
pub(super) fn find_build_id(notes: &[u8]) -> Option<Vec<u8>> {
    const NT_GNU_BUILD_ID: u32 = 3;
    notes_in(notes)
        .find(|note| note.kind == NT_GNU_BUILD_ID && note.name == b"GNU")
        .map(|note| note.data.to_vec())
}

#[cfg(test)]
#[path = "image_tests.rs"]
mod tests;
