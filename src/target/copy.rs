//! A copy of the target's own writable memory, taken in one go while it stands still.
//!
//! The stop contains nothing but the copying, and a look at where the stacks end: what to copy is found out before
//! ([`CopyPlan::of`]), the room for it is made before, and everything that looks at the copy runs
//! when the target is on its way again. Copied are the pages that exist of anonymous private memory
//! (the heap, arenas, `mmap`), and the data of loaded programs and libraries. Read-only memory does
//! not change and is read from the running target; anything else is not there.

use crate::address::{Address, AddressRange};
use crate::target::core_file::Core;
use crate::target::maps::{Mapping, Maps};
use crate::target::memory::{Piece, ReadError, ReadMemory};
use crate::target::page_table::PAGE;
use crate::target::pagemap::present_ranges;
use crate::target::process::{Process, ProcessError};
use crate::target::shared_read::SharedRead;
use crate::target::target::Target;
use crate::target::view::ViewMemory;
use pages::Pages;
use std::thread::{available_parallelism, scope};
use std::time::{Duration, Instant};

mod pages;

/// Address space that is looked through for pages that exist, in bytes; more is refused.
const LOOKED_THROUGH: u64 = 256 << 30;

/// How much of a copy is rehearsed, in bytes.
const REHEARSED: u64 = 32 << 20;

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
    pages: Pages,
    constant: Vec<AddressRange>,
    stacks: Vec<Address>,
}

/// Memory as it was at one moment, over the read-only memory of a target.
#[derive(Debug)]
pub struct Copy<M> {
    pages: Pages,
    constant: Vec<AddressRange>,
    stacks: Vec<Address>,
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
        ranges.extend(present_pages(process.pid(), &anonymous)?);
        ranges.sort_by_key(|range| range.start);
        Self::from_ranges(ranges, constant_ranges(&maps), limit)
    }

    /// Makes room for these pages, which are sorted and do not overlap.
    ///
    /// # Errors
    /// [`CopyError::TooLarge`], with what it would have been.
    pub fn of_pages(pages: Vec<AddressRange>, limit: u64) -> Result<Self, CopyError> {
        Self::from_ranges(pages, Vec::new(), limit)
    }

    /// The same of a core file, so that parts of it can be borrowed.
    ///
    /// # Errors
    /// As [`CopyPlan::of`].
    pub fn of_core(core: &Core, limit: u64) -> Result<Self, CopyError> {
        let maps = Target::maps(core)?;
        let (data, anonymous) = writable_ranges(&maps);
        let own = |range: &AddressRange| data.contains(range) || anonymous.contains(range);
        let ranges = core.written_ranges(own);
        Self::from_ranges(ranges, constant_ranges(&maps), limit)
    }

    fn from_ranges(
        ranges: Vec<AddressRange>,
        constant: Vec<AddressRange>,
        limit: u64,
    ) -> Result<Self, CopyError> {
        let bytes = ranges.iter().map(AddressRange::len).sum();
        if bytes > limit {
            return Err(CopyError::TooLarge { bytes, limit });
        }
        Ok(CopyPlan {
            pages: Pages::with_room(ranges),
            constant,
            stacks: Vec::new(),
        })
    }

    /// Bytes that will be copied.
    pub fn bytes(&self) -> u64 {
        self.pages.len()
    }

    /// How long filling takes, from a part of it that is copied while the process runs.
    ///
    /// # Errors
    /// As [`CopyPlan::fill`].
    pub fn rehearse(&mut self, running: &(impl ReadMemory + Sync)) -> Result<Duration, ReadError> {
        let bytes = self.bytes();
        let mut pieces = self.pages.pieces();
        let mut part = 0;
        let few = pieces.iter().take_while(|piece| {
            let is_wanted = part < REHEARSED;
            part += piece.bytes.len() as u64;
            is_wanted
        });
        let few = few.count();
        let copied: u64 = pieces[..few]
            .iter()
            .map(|piece| piece.bytes.len() as u64)
            .sum();
        let started = Instant::now();
        read_all(running, &mut pieces[..few], threads_for(bytes))?;
        let share = bytes as f64 / copied.max(1) as f64;
        Ok(started.elapsed().mul_f64(share))
    }

    /// Copies, with as few system calls as the source allows, and by several threads what is much. To
    /// be called under a stop.
    ///
    /// # Errors
    /// [`ReadError`] when the source as a whole is out of reach; pages that went away meanwhile
    /// are missing in the copy.
    pub fn fill(&mut self, stopped: &(impl ReadMemory + Sync + ?Sized)) -> Result<(), ReadError> {
        let threads = threads_for(self.bytes());
        let mut pieces = self.pages.pieces();
        read_all(stopped, &mut pieces, threads)?;
        let mut missing = Vec::new();
        for piece in pieces.iter_mut().filter(|piece| !piece.complete) {
            missing.extend(read_pages(stopped, piece)?);
        }
        for page in missing {
            self.pages.remove(page);
        }
        Ok(())
    }

    /// The same, with where the stacks of the threads end at the moment of the copy.
    pub fn with_stacks(self, stacks: Vec<Address>) -> Self {
        CopyPlan { stacks, ..self }
    }

    /// The copy; `below` is where read-only memory is read from.
    pub fn over<M: ReadMemory>(self, below: M) -> Copy<M> {
        Copy {
            pages: self.pages,
            constant: self.constant,
            stacks: self.stacks,
            below,
        }
    }
}

/// How many threads copy so many bytes. To begin one costs as much as to copy some hundred kilobytes.
fn threads_for(bytes: u64) -> usize {
    const MUCH: u64 = 16 << 20;
    const MOST: usize = 4;
    if bytes < MUCH {
        return 1;
    }
    available_parallelism().map_or(1, |count| count.get().min(MOST))
}

/// Reads all pieces. The threads take no signals when the calling one takes none.
fn read_all(
    memory: &(impl ReadMemory + Sync + ?Sized),
    pieces: &mut [Piece<'_>],
    threads: usize,
) -> Result<(), ReadError> {
    const AT_ONCE: usize = 16;
    if threads == 1 {
        return memory.read_batch(pieces);
    }
    let shared = &SharedRead::new(pieces, AT_ONCE);
    scope(|scope| {
        for _ in 1..threads {
            scope.spawn(move || shared.help(memory));
        }
        shared.read(memory)
    })
}

/// Reads a piece that is not mapped as a whole page by page; returns those that are gone.
fn read_pages(
    stopped: &(impl ReadMemory + ?Sized),
    piece: &mut Piece<'_>,
) -> Result<Vec<Address>, ReadError> {
    let mut missing = Vec::new();
    let mut at = piece.at;
    for page in piece.bytes.chunks_mut(PAGE as usize) {
        if stopped.read_some_at(at, page)? < page.len() {
            missing.push(at);
        }
        at = at.offset(PAGE);
    }
    Ok(missing)
}

impl<M> Copy<M> {
    /// Where the stacks of the threads ended at that moment, as far as that is known.
    pub fn stacks(&self) -> &[Address] {
        &self.stacks
    }

    /// The copied memory, as ranges without a gap.
    pub fn ranges(&self) -> &[AddressRange] {
        self.pages.ranges()
    }

    /// How many of `length` bytes from `at` on are in one read-only range.
    fn constant_length(&self, at: Address, length: usize) -> usize {
        let behind = self.constant.partition_point(|range| range.start <= at);
        let range = self.constant[..behind]
            .last()
            .filter(|range| range.contains(at));
        let rest = range.and_then(|range| range.end.distance_from(at));
        length.min(rest.unwrap_or(0) as usize)
    }
}

impl<M: ReadMemory + Sync> ViewMemory for Copy<M> {
    fn view(&self, at: Address, length: usize) -> Option<&[u8]> {
        let bytes = self.pages.get_some(at, length);
        (bytes.len() == length).then_some(bytes)
    }

    fn viewed(&self) -> Vec<AddressRange> {
        self.pages.ranges().to_vec()
    }
}

impl<M: ReadMemory> ReadMemory for Copy<M> {
    fn read_some_at(&self, at: Address, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let mut got = 0;
        while got < buffer.len() {
            let here = at.offset(got as u64);
            let rest = &mut buffer[got..];
            let copied = self.pages.get_some(here, rest.len());
            if !copied.is_empty() {
                rest[..copied.len()].copy_from_slice(copied);
                got += copied.len();
                continue;
            }
            let constant = self.constant_length(here, rest.len());
            if constant == 0 {
                break;
            }
            let read = self.below.read_some_at(here, &mut rest[..constant])?;
            got += read;
            if read < constant {
                break;
            }
        }
        Ok(got)
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
            None if is_own(mapping) => anonymous.push(mapping.range),
            None => {}
        }
    }
    (data, anonymous)
}

/// Whether anonymous memory is the process's own: not that of the kernel, such as `[vvar]`.
fn is_own(mapping: &Mapping) -> bool {
    matches!(mapping.special, None | Some("[heap]" | "[stack]"))
}

/// The pages that exist of ranges that are not larger than can be looked through.
///
/// # Errors
/// [`CopyError::TooLarge`], or as [`present_ranges`].
pub(super) fn present_pages(
    pid: i32,
    ranges: &[AddressRange],
) -> Result<Vec<AddressRange>, CopyError> {
    let bytes: u64 = ranges.iter().map(AddressRange::len).sum();
    if bytes > LOOKED_THROUGH {
        let limit = LOOKED_THROUGH;
        return Err(CopyError::TooLarge { bytes, limit });
    }
    Ok(present_ranges(pid, ranges)?)
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

    /// Copies two neighbouring pages and a distant one; what lies at 0x9000 is constant.
    fn copy_of(memory: &FakeMemory, limit: u64) -> Result<Copy<FakeMemory>, CopyError> {
        let ranges = [
            range(0x1000, 0x2000),
            range(0x2000, 0x3000),
            range(0x7000_0000_5000, 0x7000_0000_6000),
        ];
        let constant = vec![range(0x3000, 0x3004), range(0x9000, 0x9010)];
        let mut plan = CopyPlan::from_ranges(ranges.to_vec(), constant, limit)?;
        plan.fill(memory)?;
        Ok(plan.over(memory.clone()))
    }

    #[test]
    fn a_copy_keeps_what_was_there_and_reads_on_over_its_seams() {
        let mut memory = FakeMemory::new()
            .with(0x1000, &[1; 0x2004])
            .with(0x7000_0000_5000, &[7; 0x1000])
            .with(0x9000, &[5; 16]);
        let copy = copy_of(&memory, 0x3000).expect("small enough");
        memory.put(0x1000, &[9; 16]);
        assert_eq!(
            copy.read_bytes_at(Address::new(0x1ff8), 0x100c),
            Ok(vec![1; 0x100c])
        );
        assert_eq!(copy.view(Address::new(0x1ffc), 8), Some(&[1; 8][..]));
        assert_eq!(copy.view(Address::new(0x2ffc), 8), None);
        assert_eq!(copy.read_at::<u8>(Address::new(0x900f)), Ok(5));
        assert_eq!(
            copy.word(Address::new(0x7000_0000_5ff8)),
            Some(0x0707_0707_0707_0707u64)
        );
    }

    #[test]
    fn memory_that_was_neither_copied_nor_constant_is_not_there() {
        let memory = FakeMemory::new().with(0x1000, &[1; 0x3000]);
        let copy = copy_of(&memory, 0x3000).expect("small enough");
        assert!(copy.read_at::<u8>(Address::new(0x3004)).is_err());
        assert!(copy.read_at::<u8>(Address::new(0x0fff)).is_err());
        assert!(copy.read_at::<u8>(Address::new(u64::MAX)).is_err());
    }

    #[test]
    fn a_page_that_went_away_is_missing_in_the_copy() {
        let memory = FakeMemory::new().with(0x2000, &[1; 0x1000]);
        let copy = copy_of(&memory, 0x3000).expect("small enough");
        assert!(copy.read_at::<u8>(Address::new(0x1000)).is_err());
        assert_eq!(copy.read_at::<u8>(Address::new(0x2000)), Ok(1));
    }

    #[test]
    fn more_than_the_limit_is_not_copied() {
        let memory = FakeMemory::new();
        assert_eq!(
            copy_of(&memory, 0x2fff).err(),
            Some(CopyError::TooLarge {
                bytes: 0x3000,
                limit: 0x2fff
            })
        );
    }
}
