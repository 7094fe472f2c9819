//! Many small pieces of memory with few system calls, and through one small buffer.
//!
//! Objects of one kind lie close together, so pieces that are near each other are read as one; what
//! lies between them is read along and ignored. Both ends are mapped and the gap is shorter than a
//! page, so a merged piece fails only where one of its own parts would have failed.
//!
//! What is read passes through a buffer that is used again and again: the kernel gives every fresh
//! page of ours filled with zeroes, and that costs more than reading the same page of the target.

use crate::address::Address;
use crate::target::memory::{ReadError, ReadMemory};
use std::cell::RefCell;
use std::ops::Range;

/// Pieces closer than this are read as one, in bytes: copying so much costs less than one more piece.
const GAP: u64 = 3072;
/// The longest merged piece, in bytes.
const LONGEST: u64 = 1 << 14;
/// Size of the buffer, in bytes. One piece that is longer gets a buffer of its own.
const BUFFER: usize = 1 << 16;
/// The most pieces of one system call (`UIO_MAXIOV`).
const PIECES: usize = 1024;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Bytes of the target that are at hand already.
#[derive(Debug, Clone, Copy)]
pub struct Window<'b> {
    /// Where the first of them lies.
    pub from: Address,
    /// The bytes.
    pub bytes: &'b [u8],
}

impl<'b> Window<'b> {
    /// `size` bytes at `at`; `None` when they are not all in here.
    pub fn get(&self, at: Address, size: usize) -> Option<&'b [u8]> {
        let start = usize::try_from(at.distance_from(self.from)?).ok()?;
        self.bytes.get(start..start.checked_add(size)?)
    }

    /// All bytes from `at` on.
    pub fn behind(&self, at: Address) -> &'b [u8] {
        let start = at.distance_from(self.from).map(usize::try_from);
        let start = start.and_then(Result::ok);
        start
            .and_then(|start| self.bytes.get(start..))
            .unwrap_or_default()
    }
}

/// The bytes of many pieces, in the order they were asked for.
#[derive(Debug, Default)]
pub struct Blocks {
    bytes: Vec<u8>,
    places: Vec<Range<usize>>,
}

impl Blocks {
    /// The bytes of piece `index`: all that were asked for, or as far as memory reached.
    pub fn get(&self, index: usize) -> &[u8] {
        self.places
            .get(index)
            .and_then(|place| self.bytes.get(place.clone()))
            .unwrap_or_default()
    }

    /// How many pieces there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether nothing was asked for.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The bytes of every piece.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|index| self.get(index))
    }
}

/// Reads `size` bytes at each address. See [`read_spans`].
///
/// # Errors
/// As [`ReadMemory::read_some_at`].
pub fn read_blocks(
    memory: &(impl ReadMemory + ?Sized),
    addresses: &[Address],
    size: usize,
) -> Result<Blocks, ReadError> {
    let spans: Vec<_> = addresses.iter().map(|&at| (at, size)).collect();
    read_spans(memory, &spans)
}

/// Reads all spans, merged where they are close; a span that memory does not fill is cut short.
/// The caller bounds the sum of the sizes.
///
/// # Errors
/// As [`ReadMemory::read_some_at`]: the source as a whole is out of reach.
pub fn read_spans(
    memory: &(impl ReadMemory + ?Sized),
    spans: &[(Address, usize)],
) -> Result<Blocks, ReadError> {
    let mut blocks = Blocks {
        bytes: Vec::with_capacity(spans.iter().map(|&(_, size)| size).sum()),
        places: vec![0..0; spans.len()],
    };
    visit_spans(memory, spans, |index, bytes| {
        let start = blocks.bytes.len();
        blocks.bytes.extend_from_slice(bytes);
        blocks.places[index] = start..blocks.bytes.len();
    })?;
    Ok(blocks)
}

/// As [`read_spans`], but nothing is kept: `visit` gets the index and the bytes of each span, once
/// each, in the order of their addresses.
///
/// # Errors
/// As [`ReadMemory::read_some_at`]: the source as a whole is out of reach.
pub fn visit_spans(
    memory: &(impl ReadMemory + ?Sized),
    spans: &[(Address, usize)],
    mut visit: impl FnMut(usize, &[u8]),
) -> Result<(), ReadError> {
    let starts = spans.iter().map(|&(at, _)| at);
    let mut order: Vec<(Address, u32)> = starts.zip(0u32..).collect();
    order.sort_unstable_by_key(|&(at, _)| at);
    let mut scratch = SCRATCH.take();
    let mut rest = order.as_slice();
    let mut call = Call::default();
    while !rest.is_empty() {
        call.take(spans, rest);
        let (now, later) = rest.split_at(call.parts.len());
        if scratch.len() < call.size {
            scratch.resize(call.size.max(BUFFER), 0);
        }
        let complete = call.read(memory, &mut scratch)?;
        for (&(at, index), part) in now.iter().zip(&call.parts) {
            let size = spans[index as usize].1;
            let bytes = &mut scratch[part.start..part.start + size];
            let got = if complete[part.piece] {
                size
            } else {
                memory.read_some_at(at, bytes)?
            };
            visit(index as usize, &bytes[..got]);
        }
        rest = later;
    }
    if scratch.len() == BUFFER {
        SCRATCH.replace(scratch);
    }
    Ok(())
}

/// What one system call reads, and where in the buffer.
#[derive(Default)]
struct Call {
    merged: Vec<(Address, usize)>,
    /// Of each span, in the order of their addresses.
    parts: Vec<Part>,
    /// Bytes of the buffer that are used.
    size: usize,
}

/// Where a span lies.
struct Part {
    /// The merged piece that it is in.
    piece: usize,
    /// Its first byte in the buffer.
    start: usize,
}

impl Call {
    /// As many of the spans as fit in, in this order, at least one; those of the call before are done.
    fn take(&mut self, spans: &[(Address, usize)], order: &[(Address, u32)]) {
        self.merged.clear();
        self.parts.clear();
        self.size = 0;
        self.parts.reserve(order.len().min(PIECES));
        for &(at, index) in order {
            if !self.add(at, spans[index as usize].1) {
                break;
            }
        }
    }

    /// Takes one more span in; `false` when there is no room.
    fn add(&mut self, at: Address, size: usize) -> bool {
        let reach = self
            .merged
            .last()
            .and_then(|&(start, length)| extended(start, length, at, size));
        let growth = match (reach, self.merged.last()) {
            (Some(reach), Some(&(_, length))) => reach - length,
            _ => size,
        };
        let fits = self.size + growth <= BUFFER && self.merged.len() < PIECES;
        if !fits && !self.parts.is_empty() {
            return false;
        }
        match (reach, self.merged.last_mut()) {
            (Some(reach), Some(last)) => last.1 = reach,
            _ => self.merged.push((at, size)),
        }
        self.size += growth;
        let piece = self.merged.len() - 1;
        let (first, length) = self.merged[piece];
        let offset = at.value().wrapping_sub(first.value()) as usize;
        let start = self.size - length + offset;
        self.parts.push(Part { piece, start });
        true
    }

    /// Reads the merged pieces, one behind the other; returns which of them are complete.
    fn read(
        &self,
        memory: &(impl ReadMemory + ?Sized),
        scratch: &mut [u8],
    ) -> Result<Vec<bool>, ReadError> {
        memory.read_joined(&self.merged, &mut scratch[..self.size])
    }
}

/// The length of the piece at `start` when it also takes in `size` bytes at `at`; `None` when they
/// are too far apart.
fn extended(start: Address, length: usize, at: Address, size: usize) -> Option<usize> {
    let end = start.checked_add(length as u64)?;
    let new_end = at.checked_add(size as u64)?.max(end);
    let gap = at.distance_from(end).unwrap_or(0);
    let reach = new_end.distance_from(start)?;
    (gap <= GAP && reach <= LONGEST).then_some(reach as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::fake::FakeMemory;

    #[test]
    fn pieces_come_back_in_the_order_asked_for_and_cut_where_memory_ends() {
        let bytes: Vec<u8> = (0..=255).collect();
        let memory = FakeMemory::new().with(0x1000, &bytes);
        let at = |offset: u64| Address::new(0x1000 + offset);
        let spans = [(at(200), 8), (at(0), 4), (at(252), 8), (at(0x9000), 8)];
        let blocks = read_spans(&memory, &spans).expect("readable");
        assert_eq!(blocks.get(0), [200, 201, 202, 203, 204, 205, 206, 207]);
        assert_eq!(blocks.get(1), [0, 1, 2, 3]);
        assert_eq!(blocks.get(2), [252, 253, 254, 255]);
        assert!(blocks.get(3).is_empty());
    }

    #[test]
    fn spans_that_overlap_share_their_bytes() {
        let bytes: Vec<u8> = (0..64).collect();
        let memory = FakeMemory::new().with(0x1000, &bytes);
        let spans = [(Address::new(0x1004), 8), (Address::new(0x1000), 32)];
        let blocks = read_spans(&memory, &spans).expect("readable");
        assert_eq!(blocks.get(0), &bytes[4..12]);
        assert_eq!(blocks.get(1), &bytes[..32]);
    }

    #[test]
    fn a_span_at_the_end_of_the_address_space_is_only_short() {
        let memory = FakeMemory::new();
        let spans = [(Address::new(u64::MAX - 3), 64), (Address::new(8), 8)];
        let blocks = read_spans(&memory, &spans).expect("readable");
        assert!(blocks.iter().all(<[u8]>::is_empty));
    }

    #[test]
    fn more_than_one_buffer_full_is_read_in_turns() {
        let bytes: Vec<u8> = (0..8 * BUFFER).map(|byte| (byte >> 8) as u8).collect();
        let memory = FakeMemory::new().with(0x1000, &bytes);
        let spans: Vec<_> = (0..8 * BUFFER as u64 / 8192)
            .rev()
            .map(|index| (Address::new(0x1000 + index * 8192), 8000))
            .chain([(Address::new(0x1000), 2 * BUFFER)])
            .collect();
        let blocks = read_spans(&memory, &spans).expect("readable");
        for (&(at, size), block) in spans.iter().zip(blocks.iter()) {
            let start = at.value() as usize - 0x1000;
            assert!(block == &bytes[start..start + size], "{at}");
        }
    }
}
