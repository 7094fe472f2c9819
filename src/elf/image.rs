//! An ELF image as the target has it in memory: what runs, also when its file is gone or replaced.
//!
//! Headers, notes and the dynamic symbols are loaded with the program, so they are read from
//! memory, a few hundred bytes at a time. Section names and `.symtab` are not loaded: for them the
//! file is opened (see [`file`](super::file)), after its headers proved to be those in memory.

use crate::address::{Address, AddressRange, Bias, FileAddress};
use crate::elf::file::ElfFile;
use crate::target::maps::{MappedFile, Mapping, Maps};
use crate::target::memory::{ReadError, ReadMemory, ReadMemoryExt, word_in};
use crate::target::process::Process;
use goblin::container::{Container, Ctx, Endian};
use goblin::elf::dynamic::{DT_GNU_HASH, DT_STRTAB, DT_SYMTAB, Dynamic};
use goblin::elf::header::{EM_AARCH64, EM_X86_64, SIZEOF_IDENT};
use goblin::elf::program_header::{PF_R, PF_W, PF_X, PT_DYNAMIC, PT_LOAD, PT_NOTE};
use goblin::elf::{Elf, ProgramHeader};
use std::cell::OnceCell;

/// Program headers beyond this count are not those of a program.
const MAX_SEGMENTS: usize = 128;
/// A dynamic table or note segment larger than this is not read.
const MAX_TABLE: u64 = 1 << 20;
/// Longest chain followed in a hash table.
const MAX_CHAIN: usize = 1 << 16;

const CTX: Ctx = Ctx {
    container: Container::Big,
    le: Endian::Little,
};

/// Why an image could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// The file has no mapping of its first page.
    #[error("{path} is mapped without its headers")]
    NoHeaders {
        /// The file.
        path: String,
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

/// A symbol, where it is in the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Symbol {
    /// Where it is.
    pub address: Address,
    /// Its size in bytes, 0 when the table does not say.
    pub size: u64,
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
    dynamic: Option<DynamicSymbols>,
    notes: Vec<AddressRange>,
    head: Vec<u8>,
    on_disk: OnceCell<Option<ElfFile>>,
    mapping: Mapping,
}

/// Where the dynamic symbols of an image are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct DynamicSymbols {
    symbols: Address,
    strings: Address,
    gnu_hash: Address,
}

impl Image {
    /// Reads the headers of the image of `file`.
    ///
    /// # Errors
    /// [`ImageError::NoHeaders`], [`ImageError::NotElf`] when it is not a program of this machine.
    pub fn read(
        memory: &(impl ReadMemory + ?Sized),
        maps: &Maps,
        file: &MappedFile,
    ) -> Result<Self, ImageError> {
        let mapping = maps
            .of_file(file)
            .find(|mapping| mapping.file_offset == 0)
            .ok_or_else(|| ImageError::NoHeaders {
                path: file.path.display().to_string(),
            })?;
        let base = mapping.range.start;
        let mut head = vec![0; 4096];
        let got = memory.read_some_at(base, &mut head)?;
        head.truncate(got);
        let (machine, headers) = parse_headers(base, &head)?;
        let bias = load_bias(base, &headers)?;
        let dynamic = headers
            .iter()
            .find(|header| header.p_type == PT_DYNAMIC)
            .and_then(|header| read_dynamic(memory, bias, header));
        Ok(Image {
            file: file.clone(),
            bias,
            segments: headers
                .iter()
                .filter_map(|header| segment(bias, header))
                .collect(),
            machine,
            dynamic,
            notes: headers
                .iter()
                .filter(|header| header.p_type == PT_NOTE)
                .map(|header| memory_range(bias, header))
                .collect(),
            head,
            on_disk: OnceCell::new(),
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
    pub fn find_symbol(&self, process: &Process, name: &str) -> Option<Symbol> {
        self.find_dynamic_symbol(process, name).or_else(|| {
            let found = self.file_on_disk(process)?.find_symbol(name)?;
            Some(Symbol {
                address: found.0.moved(self.bias),
                size: found.1,
            })
        })
    }

    /// A section of the file, by name, where it is in memory.
    pub fn find_section(&self, process: &Process, name: &str) -> Option<AddressRange> {
        let (start, size) = self.file_on_disk(process)?.find_section(name)?;
        let start = start.moved(self.bias);
        Some(AddressRange::new(start, start.checked_add(size)?))
    }

    /// The bytes of the GNU build id, from the notes in memory.
    pub fn build_id(&self, memory: &(impl ReadMemory + ?Sized)) -> Option<Vec<u8>> {
        self.notes.iter().find_map(|range| {
            let size = range.len().min(MAX_TABLE) as usize;
            find_build_id(&memory.read_bytes_at(range.start, size).ok()?)
        })
    }

    /// The file the image was loaded from; `None` when it is gone, or is another file by now.
    fn file_on_disk(&self, process: &Process) -> Option<&ElfFile> {
        self.on_disk
            .get_or_init(|| {
                let opened = process.open_mapped(&self.file, &self.mapping)?;
                ElfFile::open_same(opened, &self.head)
            })
            .as_ref()
    }
}

impl DynamicSymbols {
    /// Looks a name up in the GNU hash table, as the dynamic loader does.
    fn find(&self, memory: &(impl ReadMemory + ?Sized), name: &[u8], bias: Bias) -> Option<Symbol> {
        let head = memory.read_bytes_at(self.gnu_hash, 16).ok()?;
        let [buckets, first, bloom_words] = [0, 4, 8].map(|at| word_in::<u32>(&head, at));
        let (buckets, first, bloom_words) = (buckets?, first?, bloom_words?);
        let bucket_table = self.gnu_hash.offset(16 + 8 * u64::from(bloom_words));
        let chains = bucket_table.offset(4 * u64::from(buckets));
        let hash = gnu_hash(name);
        let bucket = bucket_table.offset(4 * u64::from(hash.checked_rem(buckets)?));
        let start: u32 = memory.read_at(bucket).ok()?;
        for index in (start..).take(MAX_CHAIN) {
            let entry: u32 = memory
                .read_at(chains.offset(4 * u64::from(index.checked_sub(first)?)))
                .ok()?;
            if entry | 1 == hash | 1
                && let Some(symbol) = self.symbol(memory, index, name, bias)
            {
                return Some(symbol);
            }
            if entry & 1 == 1 {
                return None;
            }
        }
        None
    }

    /// The symbol at `index`, if it has this name and is defined here.
    fn symbol(
        &self,
        memory: &(impl ReadMemory + ?Sized),
        index: u32,
        name: &[u8],
        bias: Bias,
    ) -> Option<Symbol> {
        let bytes = memory
            .read_bytes_at(self.symbols.offset(24 * u64::from(index)), 24)
            .ok()?;
        let symbol = goblin::elf::sym::Symtab::parse(&bytes, 0, 1, CTX)
            .ok()?
            .get(0)?;
        let at = self.strings.offset(symbol.st_name as u64);
        let text = memory.read_c_string_at(at, name.len() + 1).ok()?;
        (text == name && symbol.st_shndx != 0).then(|| Symbol {
            address: FileAddress(symbol.st_value).moved(bias),
            size: symbol.st_size,
        })
    }
}

fn gnu_hash(name: &[u8]) -> u32 {
    name.iter().fold(5381, |hash: u32, &byte| {
        hash.wrapping_mul(33).wrapping_add(u32::from(byte))
    })
}

fn parse_headers(base: Address, head: &[u8]) -> Result<(u16, Vec<ProgramHeader>), ImageError> {
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

fn read_dynamic(
    memory: &(impl ReadMemory + ?Sized),
    bias: Bias,
    header: &ProgramHeader,
) -> Option<DynamicSymbols> {
    if header.p_memsz > MAX_TABLE {
        return None;
    }
    let start = FileAddress(header.p_vaddr).moved(bias);
    let bytes = memory.read_bytes_at(start, header.p_memsz as usize).ok()?;
    let whole = ProgramHeader {
        p_type: PT_DYNAMIC,
        p_offset: 0,
        p_filesz: bytes.len() as u64,
        ..ProgramHeader::default()
    };
    let table = Dynamic::parse(&bytes, &[whole], CTX).ok()??;
    let pointer = |tag: u64| {
        let entry = table.dyns.iter().find(|entry| entry.d_tag == tag)?;
        Some(loaded_pointer(bias, entry.d_val))
    };
    Some(DynamicSymbols {
        symbols: pointer(DT_SYMTAB)?,
        strings: pointer(DT_STRTAB)?,
        gnu_hash: pointer(DT_GNU_HASH)?,
    })
}

/// glibc adds the bias to the pointers of a loaded dynamic table, musl leaves them as they are.
fn loaded_pointer(bias: Bias, value: u64) -> Address {
    if value >= bias.0 && bias.0 <= u64::MAX / 2 {
        Address::new(value)
    } else {
        FileAddress(value).moved(bias)
    }
}

fn find_build_id(notes: &[u8]) -> Option<Vec<u8>> {
    const NT_GNU_BUILD_ID: u32 = 3;
    let mut at = 0usize;
    loop {
        let name_size = word_in::<u32>(notes, at)? as usize;
        let size = word_in::<u32>(notes, at + 4)? as usize;
        let kind: u32 = word_in(notes, at + 8)?;
        let name_at = at + 12;
        let data_at = name_at.checked_add(name_size.checked_next_multiple_of(4)?)?;
        let end = data_at.checked_add(size)?;
        let name = notes.get(name_at..name_at.checked_add(name_size)?)?;
        if kind == NT_GNU_BUILD_ID && name == b"GNU\0" {
            return Some(notes.get(data_at..end)?.to_vec());
        }
        at = end.checked_next_multiple_of(4)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
    fn the_hash_is_that_of_the_dynamic_loader() {
        assert_eq!(gnu_hash(b"printf"), 0x156b_2bb8);
        assert_eq!(gnu_hash(b""), 0x1505);
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
}
