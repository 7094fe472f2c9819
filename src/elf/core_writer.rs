//! Writing a core file, in the form in which the kernel writes one (`fs/binfmt_elf.c`).
//!
//! First come the headers, then the notes, then the kept memory of each mapping; pages that never
//! existed are holes in the file. The file is made anew, readable only by its owner, and is taken
//! away again unless it was finished. The header that makes it a core is written last, so that what
//! a killed run leaves is not taken for one.

use crate::address::AddressRange;
use crate::elf::core_notes::{NT_AUXV, NT_FILE, NT_PRFPREG, NT_PRPSINFO, NT_PRSTATUS};
use crate::target::core_file::CoreThread;
use crate::target::dump::{Facts, Segment};
use crate::target::memory::{ReadError, ReadMemory};
use goblin::elf::header::{EM_X86_64, ET_CORE};
use goblin::elf::program_header::{PF_R, PF_W, PF_X, PT_LOAD, PT_NOTE};
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

const HEADER: u64 = 64;
const PROGRAM_HEADER: u64 = 56;
const PAGE: u64 = 4096;
/// From here on the count of program headers would not fit (`PN_XNUM`).
const MOST_HEADERS: usize = 0xffff;
/// Bytes moved at once: large enough to be fast, small enough for the caches.
const PIECE: usize = 4 << 20;

/// Why a core was not written. No file is left behind.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A file of this name is there already.
    #[error("{path} is there already")]
    Exists {
        /// The file.
        path: String,
    },
    /// The file cannot be made or written.
    #[error("{path} cannot be written: {detail}")]
    Unwritable {
        /// The file.
        path: String,
        /// What the kernel said.
        detail: String,
    },
    /// There are more mappings than a core has room for.
    #[error("the process has {count} mappings, more than a core file can describe")]
    TooManyMappings {
        /// How many.
        count: usize,
    },
    /// The memory to be written could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Length of the file, holes included.
    pub bytes: u64,
    /// Pages of memory in it.
    pub pages: u64,
}

/// A file that is to become a core, and is removed when it does not.
#[derive(Debug)]
pub struct NewFile {
    file: File,
    path: PathBuf,
    finished: bool,
}

impl NewFile {
    /// Makes the file; an existing one is never touched.
    ///
    /// # Errors
    /// [`WriteError::Exists`], [`WriteError::Unwritable`].
    pub fn create(path: &Path) -> Result<Self, WriteError> {
        let opened = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path);
        match opened {
            Ok(file) => Ok(NewFile {
                file,
                path: path.to_owned(),
                finished: false,
            }),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                Err(WriteError::Exists {
                    path: path.display().to_string(),
                })
            }
            Err(error) => Err(unwritable(path, &error)),
        }
    }

    fn put(&mut self, at: u64, bytes: &[u8]) -> Result<(), WriteError> {
        let placed = self.file.seek(SeekFrom::Start(at));
        placed
            .and_then(|_| self.file.write_all(bytes))
            .map_err(|error| unwritable(&self.path, &error))
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.finished {
            // It is ours, and of no use; nothing more can be done about it.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> WriteError {
    WriteError::Unwritable {
        path: path.display().to_string(),
        detail: error.to_string(),
    }
}

/// A core file being written.
#[derive(Debug)]
pub struct CoreWriter {
    out: NewFile,
    /// Each kept range, sorted, and where in the file it goes.
    places: Vec<(AddressRange, u64)>,
    headers: Vec<u8>,
    length: u64,
    pages: u64,
}

impl CoreWriter {
    /// Begins a core with these threads and mappings, and writes its notes.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn begin(
        mut out: NewFile,
        facts: &Facts,
        threads: &[CoreThread],
        segments: &[Segment],
    ) -> Result<Self, WriteError> {
        let count = segments.len() + 1;
        if count >= MOST_HEADERS {
            return Err(WriteError::TooManyMappings { count });
        }
        let notes = notes(facts, threads, segments);
        let notes_at = HEADER + PROGRAM_HEADER * count as u64;
        let mut headers = file_header(count as u16);
        headers.extend(program_header(
            PT_NOTE,
            PF_R,
            notes_at,
            0,
            notes.len() as u64,
            0,
        ));
        let mut at = (notes_at + notes.len() as u64).next_multiple_of(PAGE);
        let mut places = Vec::new();
        for Segment { mapping, stored } in segments {
            let flag = |set: bool, flag: u32| if set { flag } else { 0 };
            let flags =
                flag(mapping.read, PF_R) | flag(mapping.write, PF_W) | flag(mapping.execute, PF_X);
            let range = mapping.range;
            let start = range.start.value();
            headers.extend(program_header(
                PT_LOAD,
                flags,
                at,
                start,
                *stored,
                range.len(),
            ));
            places.push((
                AddressRange::new(range.start, range.start.offset(*stored)),
                at,
            ));
            at += stored;
        }
        places.sort_by_key(|(range, _)| range.start);
        out.put(notes_at, &notes)?;
        Ok(CoreWriter {
            out,
            places,
            headers,
            length: at,
            pages: 0,
        })
    }

    /// Writes what `memory` has of these pages. What is not there stays a hole.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn write(
        &mut self,
        memory: &(impl ReadMemory + ?Sized),
        pages: &[AddressRange],
    ) -> Result<(), WriteError> {
        let mut buffer = vec![0; PIECE];
        for range in pages {
            let first = self
                .places
                .partition_point(|(kept, _)| kept.end <= range.start);
            for index in first..self.places.len() {
                let (kept, place) = self.places[index];
                let start = kept.start.max(range.start);
                let end = kept.end.min(range.end);
                if kept.start >= range.end {
                    break;
                }
                if start < end {
                    let place = place + start.distance_from(kept.start).unwrap_or(0);
                    self.copy(memory, AddressRange::new(start, end), place, &mut buffer)?;
                }
            }
        }
        Ok(())
    }

    /// Copies one range to its place; a page that cannot be read is passed over.
    fn copy(
        &mut self,
        memory: &(impl ReadMemory + ?Sized),
        range: AddressRange,
        place: u64,
        buffer: &mut [u8],
    ) -> Result<(), WriteError> {
        let mut done = 0;
        while done < range.len() {
            let wanted = (range.len() - done).min(buffer.len() as u64) as usize;
            let got = memory.read_some_at(range.start.offset(done), &mut buffer[..wanted])?;
            self.out.put(place + done, &buffer[..got])?;
            let got = got as u64;
            self.pages += got.div_ceil(PAGE);
            done += if got < wanted as u64 {
                got / PAGE * PAGE + PAGE
            } else {
                got
            };
        }
        Ok(())
    }

    /// Ends the core: only now it is one.
    ///
    /// # Errors
    /// [`WriteError::Unwritable`].
    pub fn finish(mut self) -> Result<Written, WriteError> {
        let sized = self.out.file.set_len(self.length);
        sized.map_err(|error| unwritable(&self.out.path, &error))?;
        let headers = std::mem::take(&mut self.headers);
        self.out.put(0, &headers)?;
        self.out.finished = true;
        Ok(Written {
            bytes: self.length,
            pages: self.pages,
        })
    }
}

/// `Elf64_Ehdr`.
fn file_header(count: u16) -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    bytes.extend(ET_CORE.to_le_bytes());
    bytes.extend(EM_X86_64.to_le_bytes());
    bytes.extend(1u32.to_le_bytes());
    // Entry, program headers, section headers; flags.
    bytes.extend([0, HEADER, 0].iter().flat_map(|word| word.to_le_bytes()));
    bytes.extend(0u32.to_le_bytes());
    let sizes = [HEADER as u16, PROGRAM_HEADER as u16, count, 0, 0, 0];
    bytes.extend(sizes.iter().flat_map(|word| word.to_le_bytes()));
    bytes
}

/// `Elf64_Phdr`.
fn program_header(
    kind: u32,
    flags: u32,
    offset: u64,
    address: u64,
    stored: u64,
    size: u64,
) -> Vec<u8> {
    let mut bytes = [kind.to_le_bytes(), flags.to_le_bytes()].concat();
    let align = if kind == PT_LOAD { PAGE } else { 4 };
    let words = [offset, address, 0, stored, size, align];
    bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    bytes
}

/// In the order of the kernel: the main thread, the process, then the other threads.
fn notes(facts: &Facts, threads: &[CoreThread], segments: &[Segment]) -> Vec<u8> {
    let mut notes = Vec::new();
    let thread = |notes: &mut Vec<u8>, thread: &CoreThread, process: bool| {
        notes.extend(note(NT_PRSTATUS, &status(facts, thread)));
        if process {
            notes.extend(note(NT_PRPSINFO, &process_info(facts)));
            notes.extend(note(NT_AUXV, &facts.auxiliary));
            notes.extend(note(NT_FILE, &files(segments)));
        }
        if !thread.floating.is_empty() {
            notes.extend(note(NT_PRFPREG, &thread.floating));
        }
    };
    for (index, one) in threads.iter().enumerate() {
        thread(&mut notes, one, index == 0);
    }
    notes
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

/// `struct elf_prstatus` (`include/linux/elfcore.h`).
fn status(facts: &Facts, thread: &CoreThread) -> Vec<u8> {
    let mut bytes = vec![0; 336];
    let ids = [thread.tid, facts.parent, facts.group, facts.session];
    for (index, id) in ids.iter().enumerate() {
        bytes[32 + 4 * index..36 + 4 * index].copy_from_slice(&id.to_le_bytes());
    }
    let length = thread.registers.len().min(27 * 8);
    bytes[112..112 + length].copy_from_slice(&thread.registers[..length]);
    bytes[328] = u8::from(!thread.floating.is_empty());
    bytes
}

/// `struct elf_prpsinfo`.
fn process_info(facts: &Facts) -> Vec<u8> {
    let mut bytes = vec![0; 136];
    let mut put = |at: usize, value: [u8; 4]| bytes[at..at + 4].copy_from_slice(&value);
    put(16, facts.owner.0.to_le_bytes());
    put(20, facts.owner.1.to_le_bytes());
    let ids = [facts.pid, facts.parent, facts.group, facts.session];
    for (index, id) in ids.iter().enumerate() {
        put(24 + 4 * index, id.to_le_bytes());
    }
    // Both texts keep a NUL at their end.
    let mut text = |at: usize, room: usize, text: &str| {
        let length = text.len().min(room - 1);
        bytes[at..at + length].copy_from_slice(&text.as_bytes()[..length]);
    };
    text(40, 16, &facts.name);
    text(56, 80, &facts.command);
    bytes[1] = b'R';
    bytes
}

/// `NT_FILE`: count and page size, then start, end and page offset of each mapping, then the paths.
fn files(segments: &[Segment]) -> Vec<u8> {
    let with_file = || {
        let mappings = segments.iter().map(|segment| &segment.mapping);
        mappings.filter_map(|mapping| Some((mapping, mapping.file.as_ref()?)))
    };
    let mut bytes = Vec::new();
    let mut put = |word: u64| bytes.extend(word.to_le_bytes());
    put(with_file().count() as u64);
    put(PAGE);
    for (mapping, _) in with_file() {
        put(mapping.range.start.value());
        put(mapping.range.end.value());
        put(mapping.file_offset / PAGE);
    }
    for (_, file) in with_file() {
        bytes.extend(file.path.as_os_str().as_bytes());
        if file.deleted {
            bytes.extend(b" (deleted)");
        }
        bytes.push(0);
    }
    bytes
}
