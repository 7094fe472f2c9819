//! A core file: the memory of a process at one moment, kept in a file.
//!
//! Who finds the parts of the file is one floor up (`elf/core_file.rs`); here they are held and
//! read. What the file does not hold of a mapped program or library (whoever writes a core leaves
//! out what is on disk anyway) is read from that program or library, if it is here and the same.
//! What is neither here nor there is unmapped: nothing is made up.

use crate::address::{Address, AddressRange};
use crate::target::backing::{Backing, Backings};
use crate::target::files::Opened;
use crate::target::maps::{MappedFile, Mapping, Maps};
use crate::target::memory::{ReadError, ReadMemory};
use crate::target::page_table::PAGE;
use crate::target::process::{Execution, ProcessError};
use crate::target::target::Target;
use nix::unistd::{Whence, lseek};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Key of the program's first instruction in the auxiliary vector (`AT_ENTRY` of `elf.h`).
const AT_ENTRY: u64 = 9;

/// One mapping, and the bytes of it that the file holds, from its start on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The mapping.
    pub mapping: Mapping,
    /// Where in the core file its bytes begin.
    pub offset: u64,
    /// How many there are, in bytes; 0 for a mapping that was left out.
    pub stored: u64,
}

/// Where `rsp` is in `user_regs_struct`, in bytes.
const STACK_POINTER: usize = 19 * 8;

/// One thread, as the core has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoreThread {
    /// Its kernel thread id.
    pub tid: i32,
    /// Its general registers, in the order of `user_regs_struct`.
    pub registers: Vec<u8>,
    /// Its floating point registers, `user_fpregs_struct`; empty where they were not kept.
    pub floating: Vec<u8>,
}

impl CoreThread {
    /// Where its stack ends.
    pub fn stack_pointer(&self) -> Option<Address> {
        let bytes = self.registers.get(STACK_POINTER..)?.first_chunk()?;
        Some(Address::new(u64::from_le_bytes(*bytes)))
    }
}

/// What the notes of a core say of the process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// Its pid.
    pub pid: i32,
    /// Its command line, as far as a core keeps it (80 bytes).
    pub command: String,
    /// Its threads; the first one is the one that is looked at first.
    pub threads: Vec<CoreThread>,
    /// The auxiliary vector: key and value.
    pub auxiliary: Vec<(u64, u64)>,
}

/// A core file, ready to be looked at.
#[derive(Debug)]
pub struct Core {
    path: PathBuf,
    file: File,
    parts: Vec<Part>,
    backings: Backings,
    told: Told,
    warnings: Vec<String>,
}

impl Core {
    /// Puts a core together. `parts` are sorted and do not overlap.
    pub fn new(
        path: PathBuf,
        file: File,
        parts: Vec<Part>,
        backings: Backings,
        told: Told,
        warnings: Vec<String>,
    ) -> Self {
        Core {
            path,
            file,
            parts,
            backings,
            told,
            warnings,
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What its notes say.
    pub fn told(&self) -> &Told {
        &self.told
    }

    /// The program or library that holds what the core does not, and why it cannot be read; `None`
    /// when nothing is missing at this address.
    pub fn missing_at(&self, at: Address) -> Option<&Backing> {
        let part = self.part_at(at)?;
        let inside = at.distance_from(part.mapping.range.start)?;
        let file = part.mapping.file.as_ref()?;
        let backing = self.backings.of(&file.path)?;
        (inside >= part.stored && !backing.is_readable()).then_some(backing)
    }

    /// The whole pages that the file holds of the mappings that are `wanted`, without the holes
    /// that stand for pages which never existed.
    pub fn written_ranges(&self, wanted: impl Fn(&AddressRange) -> bool) -> Vec<AddressRange> {
        let mut ranges = Vec::new();
        // Only a damaged core has parts that are no whole pages.
        let is_whole = |part: &&Part| part.mapping.range.start.is_aligned(PAGE) && part.stored > 0;
        let parts = self.parts.iter().filter(is_whole);
        for part in parts.filter(|part| wanted(&part.mapping.range)) {
            let start = part.mapping.range.start;
            let mut inside = 0;
            while let Some((from, to)) = self.data_within(part, inside) {
                let (from, to) = (
                    from / PAGE * PAGE,
                    to.next_multiple_of(PAGE).min(part.stored),
                );
                ranges.push(AddressRange::new(
                    start.offset(from),
                    start.offset(to / PAGE * PAGE),
                ));
                inside = to;
            }
        }
        ranges.retain(|range| !range.is_empty());
        ranges
    }

    /// Where the next bytes of a part are that are no hole in the file, from `inside` on.
    fn data_within(&self, part: &Part, inside: u64) -> Option<(u64, u64)> {
        if inside >= part.stored {
            return None;
        }
        let seek = |from: u64, whence| {
            let offset = i64::try_from(part.offset.checked_add(from)?).ok()?;
            let found = lseek(&self.file, offset, whence).ok()?;
            u64::try_from(found).ok()?.checked_sub(part.offset)
        };
        let Some(from) = seek(inside, Whence::SeekData) else {
            // Behind the last data, or a file system that does not tell holes from data.
            let behind = seek(inside, Whence::SeekHole).is_some();
            return (!behind).then_some((inside, part.stored));
        };
        let to = seek(from, Whence::SeekHole).unwrap_or(part.stored);
        (from < part.stored).then(|| (from, to.clamp(from + 1, part.stored)))
    }

    fn part_at(&self, at: Address) -> Option<&Part> {
        let behind = self
            .parts
            .partition_point(|part| part.mapping.range.start <= at);
        self.parts[..behind]
            .last()
            .filter(|part| part.mapping.range.contains(at))
    }

    /// Reads within one mapping, as far as the bytes go that lie together.
    fn read_part(&self, part: &Part, at: Address, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let range: AddressRange = part.mapping.range;
        let inside = at.distance_from(range.start).unwrap_or(0);
        let length = (range.len() - inside).min(buffer.len() as u64);
        if inside < part.stored {
            let length = length.min(part.stored - inside) as usize;
            return read_file(&self.file, part.offset + inside, &mut buffer[..length], at);
        }
        let Some(file) = &part.mapping.file else {
            return Ok(0);
        };
        let Some(content) = self.backings.open(&file.path) else {
            return Ok(0);
        };
        let offset = part.mapping.file_offset.saturating_add(inside);
        read_file(&content, offset, &mut buffer[..length as usize], at)
    }
}

/// Reads from a file until it ends.
fn read_file(file: &File, offset: u64, buffer: &mut [u8], at: Address) -> Result<usize, ReadError> {
    let mut got = 0;
    while got < buffer.len() {
        let Some(here) = offset.checked_add(got as u64) else {
            break;
        };
        match file.read_at(&mut buffer[got..], here) {
            Ok(0) => break,
            Ok(count) => got += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            // An offset that no file can have is behind its end.
            Err(error) if error.kind() == std::io::ErrorKind::InvalidInput => break,
            Err(error) => {
                let errno = error.raw_os_error().unwrap_or(0);
                return Err(ReadError::Failed { at, errno });
            }
        }
    }
    Ok(got)
}

impl ReadMemory for Core {
    fn read_some_at(&self, at: Address, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let mut got = 0;
        while got < buffer.len() {
            let Some(here) = at.checked_add(got as u64) else {
                break;
            };
            let Some(part) = self.part_at(here) else {
                break;
            };
            match self.read_part(part, here, &mut buffer[got..])? {
                0 => break,
                count => got += count,
            }
        }
        Ok(got)
    }
}

impl Target for Core {
    fn pid(&self) -> i32 {
        self.told.pid
    }

    fn core(&self) -> Option<&Path> {
        Some(&self.path)
    }

    fn warnings(&self) -> &[String] {
        &self.warnings
    }

    fn maps(&self) -> Result<Maps, ProcessError> {
        let mappings = self.parts.iter().map(|part| part.mapping.clone());
        Ok(Maps::new(mappings.collect()))
    }

    fn stack_pointers(&self) -> Vec<Address> {
        let threads = self.told.threads.iter();
        threads.filter_map(CoreThread::stack_pointer).collect()
    }

    fn execution(&self) -> Result<Option<Execution>, ProcessError> {
        Ok(None)
    }

    fn executable(&self) -> Option<(PathBuf, bool)> {
        let known = &self.told.auxiliary;
        let (_, entry) = known.iter().find(|(key, _)| *key == AT_ENTRY)?;
        let file = self.part_at(Address::new(*entry))?.mapping.file.as_ref()?;
        Some((file.path.clone(), file.deleted))
    }

    fn files_behind<'f>(
        &'f self,
        file: &'f MappedFile,
        _mapping: &Mapping,
    ) -> Box<dyn Iterator<Item = Opened> + 'f> {
        let opened = self.backings.of(&file.path).and_then(|backing| {
            let content = self.backings.open(&file.path)?;
            Some(Opened {
                file: content.try_clone().ok()?,
                certain: backing.is_certain(),
            })
        });
        Box::new(opened.into_iter())
    }
}
