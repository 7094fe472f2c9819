//! Memory borrowed from the target: mapped for us, written by us, given back.
//!
//! Three parts: one page of code, the data, and one page with a [`Header`] that says whose it is.
//! It lies in a range of addresses far from where the kernel or an allocator puts
//! anything, so that it never grows together with a mapping of the target, and a later run finds
//! what a killed one left without searching the heap. Nothing is ever writable and executable at
//! once. Where the target may have no memory made executable that was writable, the page of code is one of ours that it
//! attaches (`target/segment.rs`).

use crate::address::{Address, AddressRange};
use crate::control::control::Control;
use crate::control::error::ControlError;
use crate::control::libc::Libc;
use crate::control::syscall_x86_64::Syscall;
use crate::target::maps::{Mapping, Maps};
use crate::target::memory::{ReadError, ReadMemory, ReadMemoryExt, word_in};
use crate::target::segment::Segment;
use nix::errno::Errno;

/// Size of a page.
pub const PAGE: u64 = 4096;
const PROT_READ_EXECUTE: u64 = 5;

/// Where the parts of a scratch mapping are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scratch {
    start: Address,
    length: u64,
}

impl Scratch {
    /// Has the target map one page of code, `data` bytes rounded up to pages, and the header
    /// page; all of it writable, none of it executable.
    ///
    /// # Errors
    /// [`ControlError::SyscallFailed`], and the gates of
    /// [`Control::check_registers_may_be_set`].
    pub fn borrow(control: &Control<'_>, libc: &Libc, data: usize) -> Result<Self, ControlError> {
        let length = (data as u64).next_multiple_of(PAGE) + 2 * PAGE;
        let start = find_free(control.maps(), length).ok_or(ControlError::NoPlace)?;
        control.check_filters(
            libc,
            &[
                Syscall::map_memory(start, length),
                Syscall::protect(start, PAGE, PROT_READ_EXECUTE),
                Syscall::unmap(start, PAGE),
                Syscall::unmap(start, length),
            ],
        )?;
        let mapped = Address::new(control.call(libc, Syscall::map_memory(start, length))?);
        if mapped != start {
            // A kernel before 4.17 takes the address for a wish.
            control.call(libc, Syscall::unmap(mapped, length))?;
            return Err(ControlError::NoPlace);
        }
        Ok(Scratch { start, length })
    }

    /// A scratch mapping at a known place.
    #[cfg(test)]
    pub fn at(start: Address, length: u64) -> Self {
        Scratch { start, length }
    }

    /// The page of code.
    pub fn code(&self) -> Address {
        self.start
    }

    /// Whether an address lies in the page of code.
    pub fn code_contains(&self, address: Address) -> bool {
        AddressRange::new(self.start, self.data()).contains(address)
    }

    /// The data behind the code.
    pub fn data(&self) -> Address {
        self.start.offset(PAGE)
    }

    /// The page with the header, the last one.
    pub fn header(&self) -> Address {
        self.start.offset(self.length - PAGE)
    }

    /// Writes header, data and code, then makes the code executable.
    ///
    /// # Errors
    /// [`ControlError::SyscallFailed`] of a target that may not have new executable memory, or as
    /// [`Control::write`].
    pub fn fill(
        &self,
        control: &Control<'_>,
        libc: &Libc,
        code: &[u8],
        data: &[u8],
        owner: Owner,
    ) -> Result<(), ControlError> {
        let header = Header {
            owner,
            start: self.start,
            length: self.length,
        };
        control.write(self.header(), &header.to_bytes())?;
        control.write(self.data(), data)?;
        control.write(self.code(), code)?;
        let protect = Syscall::protect(self.code(), PAGE, PROT_READ_EXECUTE);
        match control.call(libc, protect).map(drop) {
            Err(error) if is_forbidden(&error) => {
                // Where ours cannot be made, what is told is why there had to be one.
                let made = Segment::for_process(control.process(), code);
                let segment = made.map_err(|_| error)?;
                let attach = Syscall::attach(segment.id(), self.code());
                control.call(libc, attach).map(drop)
            }
            done => done,
        }
    }

    /// Gives everything back. No thread may have a return address in the code.
    ///
    /// # Errors
    /// [`ControlError::SyscallFailed`], and the gates of
    /// [`Control::check_registers_may_be_set`].
    pub fn give_back(self, control: &Control<'_>, libc: &Libc) -> Result<(), ControlError> {
        control
            .call(libc, Syscall::unmap(self.start, self.length))
            .map(drop)
    }

    /// Gives back all but the code, which the target unmapped or will unmap itself.
    ///
    /// # Errors
    /// [`ControlError::SyscallFailed`], and the gates of
    /// [`Control::check_registers_may_be_set`].
    pub fn give_back_data(self, control: &Control<'_>, libc: &Libc) -> Result<(), ControlError> {
        control
            .call(libc, Syscall::unmap(self.data(), self.length - PAGE))
            .map(drop)
    }
}

/// Which run of the tool a scratch mapping belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// Pid of the tool.
    pub pid: i32,
    /// Its start time in clock ticks, which with the pid is its identity.
    pub start_ticks: u64,
    /// A number the floor above gives its mechanism.
    pub mechanism: u32,
}

/// What the header page of a scratch mapping says. Its meaning never changes after it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Whose it is.
    pub owner: Owner,
    start: Address,
    length: u64,
}

impl Header {
    const MAGIC: &'static [u8; 16] = b"pyunload scratch";
    const FORMAT: u32 = 1;
    const SIZE: usize = 64;

    fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Self::MAGIC.to_vec();
        bytes.extend_from_slice(&Self::FORMAT.to_le_bytes());
        bytes.extend_from_slice(&self.owner.mechanism.to_le_bytes());
        bytes.extend_from_slice(&self.start.value().to_le_bytes());
        bytes.extend_from_slice(&self.length.to_le_bytes());
        bytes.extend_from_slice(&(self.owner.pid as u64).to_le_bytes());
        bytes.extend_from_slice(&self.owner.start_ticks.to_le_bytes());
        let sum = checksum(&bytes);
        bytes.extend_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// The header in these bytes, which must be found at the page `at`; `None` when it is none.
    fn parse(bytes: &[u8], at: Address) -> Option<Self> {
        let sum: u64 = word_in(bytes, Self::SIZE - 8)?;
        let valid = bytes.starts_with(Self::MAGIC)
            && checksum(&bytes[..Self::SIZE - 8]) == sum
            && word_in::<u32>(bytes, 16)? == Self::FORMAT;
        let header = Header {
            owner: Owner {
                mechanism: word_in(bytes, 20)?,
                pid: word_in(bytes, 40)?,
                start_ticks: word_in(bytes, 48)?,
            },
            start: word_in(bytes, 24)?,
            length: word_in(bytes, 32)?,
        };
        let fits = header.length >= 3 * PAGE
            && header.length.is_multiple_of(PAGE)
            && ours().contains_span(header.start, header.length)
            && header.scratch().header() == at;
        (valid && fits).then_some(header)
    }

    fn read(memory: &(impl ReadMemory + ?Sized), at: Address) -> Option<Self> {
        Header::parse(&memory.read_bytes_at(at, Self::SIZE).ok()?, at)
    }

    /// The mapping it stands in.
    pub fn scratch(&self) -> Scratch {
        Scratch {
            start: self.start,
            length: self.length,
        }
    }
}

/// What a run that was killed left in the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leftover {
    /// A mapping with its header.
    Marked(Header),
    /// A mapping killed before anything was written to it: all zero.
    Bare(Scratch),
}

impl Leftover {
    /// Everything of ours in a target.
    ///
    /// # Errors
    /// As [`ReadMemory::read_some_at`].
    pub fn find_all(
        memory: &(impl ReadMemory + ?Sized),
        maps: &Maps,
    ) -> Result<Vec<Leftover>, ReadError> {
        let mut found: Vec<Leftover> = Vec::new();
        for mapping in maps.iter().filter(|mapping| is_ours(mapping)) {
            let pages = mapping.range.len() / PAGE;
            let at = |page| mapping.range.start.offset(page * PAGE);
            for header in (0..pages).filter_map(|page| Header::read(memory, at(page))) {
                found.push(Leftover::Marked(header));
            }
        }
        for mapping in maps.iter().filter(|mapping| is_ours(mapping)) {
            let marked = found.iter().any(|leftover| leftover.covers(mapping));
            if !marked && mapping.write && is_zero(memory, mapping.range)? {
                found.push(Leftover::Bare(Scratch {
                    start: mapping.range.start,
                    length: mapping.range.len(),
                }));
            }
        }
        Ok(found)
    }

    /// The mapping.
    pub fn scratch(&self) -> Scratch {
        match self {
            Leftover::Marked(header) => header.scratch(),
            Leftover::Bare(scratch) => *scratch,
        }
    }

    fn covers(&self, mapping: &Mapping) -> bool {
        let Scratch { start, length } = self.scratch();
        let all = AddressRange::new(start, start.offset(length));
        all.contains(mapping.range.start)
    }
}

/// Addresses that only this tool asks for: far below where the kernel maps libraries and stacks,
/// far above where it maps executables and their heaps.
fn ours() -> AddressRange {
    const START: u64 = 0x6f70_7975_0000;
    const LENGTH: u64 = 64 << 20;
    AddressRange::new(Address::new(START), Address::new(START + LENGTH))
}

/// Whether an address lies where only this tool maps anything.
pub fn is_scratch(at: Address) -> bool {
    ours().contains(at)
}

fn is_ours(mapping: &Mapping) -> bool {
    let anonymous = mapping.file.is_none() && mapping.special.is_none();
    anonymous && mapping.read && ours().contains_span(mapping.range.start, mapping.range.len())
}

/// The first room in our range, with an unmapped page before and behind it.
fn find_free(maps: &Maps, length: u64) -> Option<Address> {
    let mut start = ours().start.offset(PAGE);
    for mapping in maps.iter() {
        let needed = AddressRange::new(start.before(PAGE), start.offset(length + PAGE));
        if mapping.range.end <= needed.start {
            continue;
        }
        if mapping.range.start >= needed.end {
            break;
        }
        start = mapping.range.end.offset(PAGE);
    }
    ours().contains_span(start, length + PAGE).then_some(start)
}

/// Whether memory is there and all zero; the target may have unmapped it since the maps were read.
fn is_zero(memory: &(impl ReadMemory + ?Sized), range: AddressRange) -> Result<bool, ReadError> {
    match memory.read_bytes_at(range.start, range.len() as usize) {
        Ok(bytes) => Ok(bytes.iter().all(|&byte| byte == 0)),
        Err(ReadError::Unmapped { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether the target may not have memory made executable; a filter of seccomp has been asked before.
fn is_forbidden(error: &ControlError) -> bool {
    matches!(error, ControlError::SyscallFailed { errno, .. } if *errno == Errno::EACCES)
}

/// FNV-1a.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, &byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            owner: Owner {
                pid: 7,
                start_ticks: 99,
                mechanism: 2,
            },
            start: ours().start,
            length: 4 * PAGE,
        }
    }

    #[test]
    fn a_header_reads_back_only_at_its_own_place() {
        let bytes = header().to_bytes();
        assert_eq!(bytes.len(), Header::SIZE);
        let at = ours().start.offset(3 * PAGE);
        assert_eq!(Header::parse(&bytes, at), Some(header()));
        assert_eq!(Header::parse(&bytes, at.offset(PAGE)), None);
    }

    #[test]
    fn a_header_with_one_flipped_bit_is_none() {
        let at = ours().start.offset(3 * PAGE);
        for index in 0..Header::SIZE {
            let mut bytes = header().to_bytes();
            bytes[index] ^= 4;
            assert_eq!(Header::parse(&bytes, at), None, "byte {index}");
        }
    }

    fn anonymous(start: Address, end: Address) -> Mapping {
        crate::target::fake::anonymous(start.value(), end.value())
    }

    #[test]
    fn room_is_found_behind_what_is_there_with_a_gap() {
        let first = find_free(&Maps::default(), 3 * PAGE).expect("an empty range");
        assert_eq!(first, ours().start.offset(PAGE));
        let taken = anonymous(first, first.offset(2 * PAGE));
        let second = find_free(&Maps::new(vec![taken]), 3 * PAGE);
        assert_eq!(second, Some(first.offset(3 * PAGE)));
        let all = anonymous(ours().start, ours().end);
        assert_eq!(find_free(&Maps::new(vec![all]), PAGE), None);
    }

    #[test]
    fn a_mapping_without_a_header_is_a_leftover_only_when_it_is_zero_and_ours() {
        let start = ours().start.offset(PAGE);
        let maps = Maps::new(vec![anonymous(start, start.offset(PAGE))]);
        let find = |bytes: &[u8]| {
            let memory = crate::target::fake::FakeMemory::new().with(start.value(), bytes);
            Leftover::find_all(&memory, &maps)
        };
        let bare = Leftover::Bare(Scratch::at(start, PAGE));
        assert_eq!(find(&[0; 4096]), Ok(vec![bare]));
        assert_eq!(find(&[1; 4096]), Ok(vec![]));
        let elsewhere = Maps::new(vec![anonymous(Address::new(0x1000), Address::new(0x2000))]);
        let memory = crate::target::fake::FakeMemory::new().with(0x1000, &[0; 4096]);
        assert_eq!(Leftover::find_all(&memory, &elsewhere), Ok(vec![]));
    }
}
