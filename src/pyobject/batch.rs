//! Many small pieces of memory with few system calls and one allocation.
//!
//! Objects of one kind lie close together, so pieces that are near each other are read as one; what
//! lies between them is read along and ignored. Both ends are mapped and the gap is shorter than a
//! page, so a merged piece fails only where one of its own parts would have failed.

use crate::address::Address;
use crate::target::memory::{Piece, ReadError, ReadMemory};
use std::ops::Range;

/// Pieces closer than this are read as one, in bytes: copying so much costs less than one more piece.
const GAP: u64 = 768;
/// The longest merged piece, in bytes.
const LONGEST: u64 = 1 << 16;

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
    let (merged, parts) = merge(spans);
    let total = merged.iter().map(|&(_, size)| size).sum();
    let mut bytes = vec![0u8; total];
    let complete = read_all(memory, &merged, &mut bytes)?;
    let starts = starts_of(&merged);
    let mut places = Vec::with_capacity(spans.len());
    for (&(at, size), part) in spans.iter().zip(&parts) {
        if size == 0 {
            places.push(0..0);
            continue;
        }
        let offset = starts[part.piece] + part.offset;
        let got = if complete[part.piece] {
            size
        } else {
            memory.read_some_at(at, &mut bytes[offset..offset + size])?
        };
        places.push(offset..offset + got);
    }
    Ok(Blocks { bytes, places })
}

/// Where a span lies in the merged pieces.
#[derive(Clone, Copy, Default)]
struct Part {
    piece: usize,
    offset: usize,
}

fn merge(spans: &[(Address, usize)]) -> (Vec<(Address, usize)>, Vec<Part>) {
    let is_wanted = |index: &usize| spans[*index].1 > 0;
    let mut order: Vec<usize> = (0..spans.len()).filter(is_wanted).collect();
    order.sort_unstable_by_key(|&index| spans[index]);
    let mut merged: Vec<(Address, usize)> = Vec::new();
    let mut parts = vec![Part::default(); spans.len()];
    for index in order {
        let (at, size) = spans[index];
        let reach = merged
            .last()
            .and_then(|&(start, length)| extended(start, length, at, size));
        match (reach, merged.last_mut()) {
            (Some(reach), Some(last)) => last.1 = reach,
            _ => merged.push((at, size)),
        }
        let piece = merged.len() - 1;
        let offset = at.value().wrapping_sub(merged[piece].0.value()) as usize;
        parts[index] = Part { piece, offset };
    }
    (merged, parts)
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

fn starts_of(merged: &[(Address, usize)]) -> Vec<usize> {
    let mut next = 0;
    merged
        .iter()
        .map(|&(_, size)| {
            let start = next;
            next += size;
            start
        })
        .collect()
}

fn read_all(
    memory: &(impl ReadMemory + ?Sized),
    merged: &[(Address, usize)],
    bytes: &mut [u8],
) -> Result<Vec<bool>, ReadError> {
    let mut rest = bytes;
    let mut pieces = Vec::with_capacity(merged.len());
    for &(at, size) in merged {
        let (piece, behind) = rest.split_at_mut(size);
        pieces.push(Piece::new(at, piece));
        rest = behind;
    }
    memory.read_batch(&mut pieces)?;
    Ok(pieces.iter().map(|piece| piece.complete).collect())
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
}
