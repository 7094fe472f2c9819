//! Memory borrowed from the target: mapped for us, written by us, given back.
//!
//! Three parts: one page of code, the data, and one page with a [`Header`] that says whose it is.
//! The header page is made read-only: a program has hardly any anonymous read-only memory, so a
//! later run finds what a killed one left behind without searching the heap. Nothing is ever
//! writable and executable at once.

use crate::address::{Address, AddressRange};
use crate::control::control::Control;
use crate::control::error::ControlError;
use crate::control::libc::Libc;
use crate::control::syscall_x86_64::Syscall;
use crate::target::maps::{Mapping, Maps};
use crate::target::memory::{ReadMemory, ReadMemoryExt, word_in};

/// Size of a page.
pub const PAGE: u64 = 4096;
const PROT_READ: u64 = 1;
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
    /// As [`Control::call`].
    pub fn borrow(control: &Control<'_>, libc: &Libc, data: usize) -> Result<Self, ControlError> {
        let length = (data as u64).next_multiple_of(PAGE) + 2 * PAGE;
        let start = Address::new(control.call(libc, Syscall::map_memory(length))?);
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

    /// Writes code, data and header, then makes the code executable and the header read-only.
    ///
    /// # Errors
    /// As [`Control::call`] and [`Control::write`]; a target that may not have new executable
    /// memory answers here.
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
        control.call(libc, Syscall::protect(self.header(), PAGE, PROT_READ))?;
        control.write(self.data(), data)?;
        control.write(self.code(), code)?;
        control.call(libc, Syscall::protect(self.code(), PAGE, PROT_READ_EXECUTE))?;
        Ok(())
    }

    /// Gives everything back. No thread may have a return address in the code.
    ///
    /// # Errors
    /// As [`Control::call`].
    pub fn give_back(self, control: &Control<'_>, libc: &Libc) -> Result<(), ControlError> {
        control
            .call(libc, Syscall::unmap(self.start, self.length))
            .map(drop)
    }

    /// Gives back all but the code, which the target unmapped or will unmap itself.
    ///
    /// # Errors
    /// As [`Control::call`].
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
            && header.length % PAGE == 0
            && header.scratch().header() == at;
        (valid && fits).then_some(header)
    }

    /// The mapping it stands in.
    pub fn scratch(&self) -> Scratch {
        Scratch {
            start: self.start,
            length: self.length,
        }
    }

    /// Every header in a target. Looked for in its anonymous read-only memory, where they end up,
    /// and in its smaller writable mappings, where a run that was killed while it made the
    /// mapping may have left one.
    pub fn find_all(memory: &(impl ReadMemory + ?Sized), maps: &Maps) -> Vec<Header> {
        let pages: Vec<Address> = pages_of(maps, |mapping| !mapping.write, u64::MAX)
            .chain(pages_of(maps, |mapping| mapping.write, 1024))
            .collect();
        let Ok(blocks) = memory.read_blocks(&pages, Self::SIZE) else {
            return Vec::new();
        };
        pages
            .iter()
            .zip(blocks)
            .filter_map(|(&at, bytes)| Header::parse(&bytes?, at))
            .collect()
    }
}

/// The pages of anonymous mappings that no program text is in, of those with up to `limit` pages.
fn pages_of(
    maps: &Maps,
    wanted: impl Fn(&Mapping) -> bool,
    limit: u64,
) -> impl Iterator<Item = Address> {
    /// Of each kind no more pages than this are looked at.
    const MAX_PAGES: usize = 8192;
    maps.iter()
        .filter(move |mapping| {
            let anonymous = mapping.file.is_none() && mapping.special.is_none();
            anonymous && mapping.read && !mapping.execute && wanted(mapping)
        })
        .map(|mapping| (mapping.range.start, mapping.range.len() / PAGE))
        .filter(move |&(_, pages)| pages <= limit)
        .flat_map(|(start, pages)| (0..pages).map(move |page| start.offset(page * PAGE)))
        .take(MAX_PAGES)
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
            start: Address::new(0x7000_0000),
            length: 4 * PAGE,
        }
    }

    #[test]
    fn a_header_reads_back_only_at_its_own_place() {
        let bytes = header().to_bytes();
        assert_eq!(bytes.len(), Header::SIZE);
        let at = Address::new(0x7000_3000);
        assert_eq!(Header::parse(&bytes, at), Some(header()));
        assert_eq!(Header::parse(&bytes, Address::new(0x7000_4000)), None);
    }

    #[test]
    fn a_header_with_one_flipped_bit_is_none() {
        let at = Address::new(0x7000_3000);
        for index in 0..Header::SIZE {
            let mut bytes = header().to_bytes();
            bytes[index] ^= 4;
            assert_eq!(Header::parse(&bytes, at), None, "byte {index}");
        }
    }
}
