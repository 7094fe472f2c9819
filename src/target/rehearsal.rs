//! Short stops: what is to be read is found out by reading it once while the target runs.
//!
//! A [`Rehearsal`] notes where a reader looks. From its notes comes a [`Recording`], with the room
//! for everything made before the stop; under the stop it is filled in a few calls, and the reader
//! then works on the recording while the target runs on. Where it looks at something that was not
//! noted, because the target changed in between, it gets nothing, and [`Recording::missed`] says
//! where: then one more stop, for those too, is due.

use crate::address::Address;
use crate::target::memory::{Piece, ReadError, ReadMemory};
use crate::target::page_table::PAGE;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Where a reader looked: in each page, named by its number, the bytes from the first up to the
/// second place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notes(BTreeMap<u64, (u64, u64)>);

/// Memory that notes where it is read.
#[derive(Debug)]
pub struct Rehearsal<M> {
    below: M,
    notes: RefCell<Notes>,
}

/// Memory as it was at one moment, where it was noted.
#[derive(Debug)]
pub struct Recording {
    /// Sorted; each inside of one page.
    spans: Vec<Span>,
    missed: RefCell<Notes>,
}

#[derive(Debug)]
struct Span {
    start: u64,
    bytes: Vec<u8>,
    mapped: bool,
}

impl Notes {
    fn note(&mut self, at: Address, length: usize) {
        let mut from = at.value();
        let end = from.saturating_add(length as u64);
        while from < end {
            let page = from / PAGE;
            let to = end.min((page + 1).saturating_mul(PAGE));
            let (first, last) = self.0.entry(page).or_insert((from, to));
            *first = (*first).min(from);
            *last = (*last).max(to);
            from = to;
        }
    }

    /// Whether nothing was noted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the notes of another reading.
    pub fn add(&mut self, other: &Notes) {
        for &(first, last) in other.0.values() {
            self.note(Address::new(first), (last - first) as usize);
        }
    }

    /// A recording of everything noted, with room for it and nothing in it yet.
    pub fn recording(&self) -> Recording {
        // Not zero: room that was never written would only be made when it is filled.
        let span = |&(first, last): &(u64, u64)| Span {
            start: first,
            bytes: vec![0xff; (last - first) as usize],
            mapped: false,
        };
        Recording {
            spans: self.0.values().map(span).collect(),
            missed: RefCell::default(),
        }
    }
}

impl<M: ReadMemory> Rehearsal<M> {
    /// A rehearsal on memory that may be changing.
    pub fn new(below: M) -> Self {
        Rehearsal {
            below,
            notes: RefCell::default(),
        }
    }

    /// Where it was read.
    pub fn notes(self) -> Notes {
        self.notes.into_inner()
    }
}

impl<M: ReadMemory> ReadMemory for Rehearsal<M> {
    fn read_some_at(&self, at: Address, buffer: &mut [u8]) -> Result<usize, ReadError> {
        self.notes.borrow_mut().note(at, buffer.len());
        self.below.read_some_at(at, buffer)
    }

    fn read_batch(&self, pieces: &mut [Piece<'_>]) -> Result<(), ReadError> {
        let mut notes = self.notes.borrow_mut();
        for piece in pieces.iter() {
            notes.note(piece.at, piece.bytes.len());
        }
        self.below.read_batch(pieces)
    }
}

impl Recording {
    /// Has it filled from memory that stands still, by whoever reads the pieces.
    ///
    /// # Errors
    /// Those of the reader.
    pub fn fill<E>(
        &mut self,
        read: impl FnOnce(&mut [Piece<'_>]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut pieces: Vec<Piece<'_>> = self
            .spans
            .iter_mut()
            .map(|span| Piece::new(Address::new(span.start), &mut span.bytes))
            .collect();
        read(&mut pieces)?;
        let mapped: Vec<bool> = pieces.iter().map(|piece| piece.complete).collect();
        for (span, mapped) in self.spans.iter_mut().zip(mapped) {
            span.mapped = mapped;
        }
        Ok(())
    }

    /// Where it was read and holds nothing, so far.
    pub fn missed(&self) -> Notes {
        self.missed.borrow().clone()
    }

    /// The recorded bytes from `at` on, up to the end of a span.
    fn find(&self, at: u64) -> Option<&[u8]> {
        let behind = self.spans.partition_point(|span| span.start <= at);
        let span = self.spans[..behind].last()?;
        let bytes = span.bytes.get((at - span.start) as usize..)?;
        match (bytes.is_empty(), span.mapped) {
            (true, _) => None,
            // Known to be unmapped: that is an answer.
            (false, false) => Some(&[]),
            (false, true) => Some(bytes),
        }
    }
}

impl ReadMemory for Recording {
    fn read_some_at(&self, at: Address, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let mut got = 0;
        while got < buffer.len() {
            let here = at.offset(got as u64);
            match self.find(here.value()) {
                Some([]) => break,
                Some(bytes) => {
                    let count = bytes.len().min(buffer.len() - got);
                    buffer[got..got + count].copy_from_slice(&bytes[..count]);
                    got += count;
                }
                None => {
                    let rest = buffer.len() - got;
                    self.missed.borrow_mut().note(here, rest);
                    break;
                }
            }
        }
        Ok(got)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::fake::FakeMemory;
    use crate::target::memory::ReadMemoryExt;

    fn rehearsed(memory: &FakeMemory, reads: &[(u64, usize)]) -> Notes {
        let rehearsal = Rehearsal::new(memory);
        for &(at, length) in reads {
            let _ = rehearsal.read_some_at(Address::new(at), &mut vec![0; length]);
        }
        rehearsal.notes()
    }

    #[test]
    fn a_recording_keeps_what_was_noted_as_it_was_then() {
        let mut memory = FakeMemory::new().with(0x1ff0, &[7; 0x20]);
        let mut recording = rehearsed(&memory, &[(0x1ff8, 16)]).recording();
        assert_eq!(recording.fill(|pieces| memory.read_batch(pieces)), Ok(()));
        memory.put(0x1ff8, &[9; 16]);
        let bytes = recording.read_bytes_at(Address::new(0x1ff8), 16);
        assert_eq!(bytes, Ok(vec![7; 16]));
        assert!(recording.missed().is_empty());
    }

    #[test]
    fn what_was_not_noted_is_missed_and_can_be_added() {
        let memory = FakeMemory::new().with(0x1000, &[7; 64]);
        let mut notes = rehearsed(&memory, &[(0x1000, 8)]);
        let mut recording = notes.recording();
        assert_eq!(recording.fill(|pieces| memory.read_batch(pieces)), Ok(()));
        assert!(recording.read_bytes_at(Address::new(0x1000), 32).is_err());
        notes.add(&recording.missed());
        let mut recording = notes.recording();
        assert_eq!(recording.fill(|pieces| memory.read_batch(pieces)), Ok(()));
        let bytes = recording.read_bytes_at(Address::new(0x1000), 32);
        assert_eq!(bytes, Ok(vec![7; 32]));
        assert!(recording.missed().is_empty());
    }

    #[test]
    fn memory_that_is_not_mapped_is_not_missed() {
        let memory = FakeMemory::new();
        let mut recording = rehearsed(&memory, &[(0x5000, 8)]).recording();
        assert_eq!(recording.fill(|pieces| memory.read_batch(pieces)), Ok(()));
        assert!(recording.read_bytes_at(Address::new(0x5000), 8).is_err());
        assert!(recording.missed().is_empty());
    }

    #[test]
    fn the_last_bytes_of_the_address_space_can_be_noted() {
        let memory = FakeMemory::new();
        let notes = rehearsed(&memory, &[(u64::MAX - 3, 16)]);
        assert!(!notes.is_empty());
    }
}
