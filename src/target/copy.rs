//! A copy of the target's own writable memory, taken in one go while it stands still.
//!
//! The stop contains nothing but the copying: what to copy is found out before
//! ([`CopyPlan::of`]), the room for it is made before, and everything that looks at the copy runs
//! when the target is on its way again. Copied are the pages that exist of anonymous private memory
//! (the heap, arenas, `mmap`), and the data of loaded programs and libraries. Read-only memory does
//! not change and is read from the running target; anything else is not there.

use crate::address::{Address, AddressRange};
use crate::target::maps::Maps;
use crate::target::memory::{Piece, ReadError, ReadMemory};
use crate::target::process::{Process, ProcessError};
use procfs::process::{MemoryPageFlags, PageInfo};

/// Size of a page.
const PAGE: u64 = 4096;

/// Address space that is looked through for pages that exist, in bytes; more is refused.
const LOOKED_THROUGH: u64 = 256 << 30;

/// Entries of `/proc/PID/pagemap` read at once.
const ENTRIES_AT_ONCE: u64 = 1 << 16;

/// Largest piece of one read, in bytes: large enough to be fast, small enough for the caches.
const PIECE: u64 = 4 << 20;

/// Why a copy is not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CopyError {
    /// There is more memory than may be copied.
    #[error("the process has {bytes} bytes of its own, more than the {limit} to copy in one stop")]
    TooLarge {
        /// Bytes that would have to be copied.
        bytes: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// The mappings could not be read.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// Memory could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// What will be copied, with the room for it.
#[derive(Debug)]
pub struct CopyPlan {
    spans: Vec<Span>,
    constant: Vec<AddressRange>,
}

/// Pages without a gap.
#[derive(Debug)]
struct Span {
    start: Address,
    bytes: Vec<u8>,
}

impl Span {
    fn range(&self) -> AddressRange {
        AddressRange::new(self.start, self.start.offset(self.bytes.len() as u64))
    }
}

/// Memory as it was at one moment, over the read-only memory of a target.
#[derive(Debug)]
pub struct Copy<M> {
    spans: Vec<Span>,
    constant: Vec<AddressRange>,
    below: M,
}

impl CopyPlan {
    /// Finds what to copy of `process`, at most `limit` bytes, and makes the room.
    ///
    /// # Errors
    /// [`CopyError::TooLarge`], with what it would have been.
    pub fn of(process: &Process, limit: u64) -> Result<Self, CopyError> {
        let maps = process.maps()?;
        let (mut ranges, anonymous) = writable_ranges(&maps);
        ranges.extend(present_ranges(process.pid(), &anonymous)?);
        ranges.sort_by_key(|range| range.start);
        Self::from_ranges(&ranges, constant_ranges(&maps), limit)
    }

    fn from_ranges(
        ranges: &[AddressRange],
        constant: Vec<AddressRange>,
        limit: u64,
    ) -> Result<Self, CopyError> {
        let bytes = ranges.iter().map(AddressRange::len).sum();
        if bytes > limit {
            return Err(CopyError::TooLarge { bytes, limit });
        }
        // Filled with something else than zero, so that the pages of ours exist before the stop.
        let spans = ranges.iter().map(|range| Span {
            start: range.start,
            bytes: vec![0xdb; range.len() as usize],
        });
        Ok(CopyPlan {
            spans: spans.collect(),
            constant,
        })
    }

    /// Bytes that will be copied.
    pub fn bytes(&self) -> u64 {
        self.spans.iter().map(|span| span.bytes.len() as u64).sum()
    }

    /// Copies, with as few system calls as the source allows. To be called under a stop.
    ///
    /// # Errors
    /// [`ReadError`] when the source as a whole is out of reach; pages that went away meanwhile
    /// are missing in the copy.
    pub fn fill(&mut self, stopped: &(impl ReadMemory + ?Sized)) -> Result<(), ReadError> {
        let mut pieces: Vec<Piece<'_>> = Vec::new();
        for span in &mut self.spans {
            let mut at = span.start;
            for bytes in span.bytes.chunks_mut(PIECE as usize) {
                let length = bytes.len() as u64;
                pieces.push(Piece::new(at, bytes));
                at = at.offset(length);
            }
        }
        stopped.read_batch(&mut pieces)?;
        let missing: Vec<Address> = pieces
            .iter()
            .filter(|piece| !piece.complete)
            .map(|piece| piece.at)
            .collect();
        self.spans.retain(|span| {
            let range = span.range();
            !missing.iter().any(|&at| range.contains(at))
        });
        Ok(())
    }

    /// The copy; `below` is where read-only memory is read from.
    pub fn over<M: ReadMemory>(self, below: M) -> Copy<M> {
        Copy {
            spans: self.spans,
            constant: self.constant,
            below,
        }
    }
}

impl<M: ReadMemory> Copy<M> {
    /// What of the copy begins at `at`, up to `length` bytes.
    fn copied(&self, at: Address, length: usize) -> Option<&[u8]> {
        let behind = self.spans.partition_point(|span| span.start <= at);
        let span = self.spans[..behind].last()?;
        let offset = at.distance_from(span.start)? as usize;
        let rest = span.bytes.get(offset..).filter(|rest| !rest.is_empty())?;
        Some(&rest[..rest.len().min(length)])
    }

    fn is_constant(&self, at: Address, length: usize) -> bool {
        let behind = self.constant.partition_point(|range| range.start <= at);
        self.constant[..behind]
            .last()
            .is_some_and(|range| range.contains_span(at, length as u64))
    }
}

impl<M: ReadMemory> ReadMemory for Copy<M> {
    fn read_some_at(&self, at: Address, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let mut got = 0;
        while got < buffer.len() {
            let here = at.offset(got as u64);
            let rest = &mut buffer[got..];
            if let Some(bytes) = self.copied(here, rest.len()) {
                rest[..bytes.len()].copy_from_slice(bytes);
                got += bytes.len();
            } else if self.is_constant(here, 1) {
                let length = self.constant_length(here, rest.len());
                let read = self.below.read_some_at(here, &mut rest[..length])?;
                got += read;
                if read < length {
                    break;
                }
            } else {
                break;
            }
        }
        Ok(got)
    }
}

impl<M: ReadMemory> Copy<M> {
    /// How many of `length` bytes from `at` on are in the same read-only range.
    fn constant_length(&self, at: Address, length: usize) -> usize {
        let behind = self.constant.partition_point(|range| range.start <= at);
        let end = self.constant[..behind].last().map_or(at, |range| range.end);
        length.min(end.distance_from(at).unwrap_or(0) as usize)
    }
}

/// Memory of the process alone that can hold objects: the data segments of mapped programs, which
/// are wanted whole (a page of them that does not exist yet still has what the file says), and
/// anonymous memory, of which only the pages that exist.
fn writable_ranges(maps: &Maps) -> (Vec<AddressRange>, Vec<AddressRange>) {
    let writable = maps.iter().filter(|mapping| mapping.read && mapping.write);
    let (mut data, mut anonymous) = (Vec::new(), Vec::new());
    for mapping in writable {
        match &mapping.file {
            // Other files that are mapped for writing hold shared data, `memfd` among them.
            Some(file) if maps.of_file(file).any(|part| part.execute) => data.push(mapping.range),
            Some(_) => {}
            None if matches!(mapping.special, None | Some("[heap]")) => {
                anonymous.push(mapping.range);
            }
            None => {}
        }
    }
    (data, anonymous)
}

/// The pages of `ranges` that exist in memory or in swap, as ranges.
fn present_ranges(pid: i32, ranges: &[AddressRange]) -> Result<Vec<AddressRange>, CopyError> {
    let bytes: u64 = ranges.iter().map(AddressRange::len).sum();
    if bytes > LOOKED_THROUGH {
        let limit = LOOKED_THROUGH;
        return Err(CopyError::TooLarge { bytes, limit });
    }
    let unreadable = |error: procfs::ProcError| ProcessError::Unreadable {
        pid,
        detail: error.to_string(),
    };
    let process = procfs::process::Process::new(pid).map_err(unreadable)?;
    let mut pagemap = process.pagemap().map_err(unreadable)?;
    let mut present: Vec<AddressRange> = Vec::new();
    for range in ranges {
        let (mut page, end) = (range.start.value() / PAGE, range.end.value() / PAGE);
        while page < end {
            let stop = end.min(page + ENTRIES_AT_ONCE);
            let entries = pagemap
                .get_range_info(page as usize..stop as usize)
                .map_err(unreadable)?;
            for entry in entries {
                if exists(&entry) {
                    append_page(&mut present, Address::new(page * PAGE));
                }
                page += 1;
            }
        }
    }
    Ok(present)
}

fn exists(entry: &PageInfo) -> bool {
    match entry {
        PageInfo::MemoryPage(flags) => flags.contains(MemoryPageFlags::PRESENT),
        PageInfo::SwapPage(_) => true,
    }
}

fn append_page(ranges: &mut Vec<AddressRange>, page: Address) {
    match ranges.last_mut() {
        Some(last) if last.end == page => last.end = page.offset(PAGE),
        _ => ranges.push(AddressRange::new(page, page.offset(PAGE))),
    }
}

/// Mapped files that cannot be written through this mapping: code and constants.
fn constant_ranges(maps: &Maps) -> Vec<AddressRange> {
    maps.iter()
        .filter(|mapping| mapping.read && !mapping.write && mapping.file.is_some())
        .map(|mapping| mapping.range)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::fake::FakeMemory;
    use crate::target::memory::ReadMemoryExt;

    fn range(start: u64, end: u64) -> AddressRange {
        AddressRange::new(Address::new(start), Address::new(end))
    }

    fn copy_of(memory: &FakeMemory, limit: u64) -> Result<Copy<FakeMemory>, CopyError> {
        let ranges = [range(0x1000, 0x1010), range(0x1010, 0x1020)];
        let constant = vec![range(0x1020, 0x1024), range(0x5000, 0x5010)];
        let mut plan = CopyPlan::from_ranges(&ranges, constant, limit)?;
        plan.fill(memory)?;
        Ok(plan.over(memory.clone()))
    }

    #[test]
    fn a_copy_keeps_what_was_there_and_reads_on_over_its_seams() {
        let mut memory = FakeMemory::new()
            .with(0x1000, &[1; 0x24])
            .with(0x5000, &[5; 16]);
        let copy = copy_of(&memory, 64).expect("small enough");
        memory.put(0x1000, &[9; 16]);
        assert_eq!(
            copy.read_bytes_at(Address::new(0x1008), 0x1c),
            Ok(vec![1; 0x1c])
        );
        assert_eq!(copy.read_at::<u8>(Address::new(0x500f)), Ok(5));
    }

    #[test]
    fn memory_that_was_neither_copied_nor_constant_is_not_there() {
        let memory = FakeMemory::new().with(0x1000, &[1; 0x100]);
        let copy = copy_of(&memory, 64).expect("small enough");
        assert!(copy.read_at::<u8>(Address::new(0x1024)).is_err());
        assert!(copy.read_at::<u8>(Address::new(0x0fff)).is_err());
    }

    #[test]
    fn a_span_that_went_away_is_missing_in_the_copy() {
        let memory = FakeMemory::new().with(0x1010, &[1; 16]);
        let copy = copy_of(&memory, 64).expect("small enough");
        assert!(copy.read_at::<u8>(Address::new(0x1000)).is_err());
        assert_eq!(copy.read_at::<u8>(Address::new(0x1010)), Ok(1));
    }

    #[test]
    fn more_than_the_limit_is_not_copied() {
        let memory = FakeMemory::new();
        assert_eq!(
            copy_of(&memory, 31).err(),
            Some(CopyError::TooLarge {
                bytes: 32,
                limit: 31
            })
        );
    }
}
