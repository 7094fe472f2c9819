//! Memory of a process that stands still, for as long as it may.

use crate::address::Address;
use crate::target::memory::{Piece, ReadError, ReadMemory};
use crate::target::process::Process;
use std::time::Instant;

/// Memory that can be read until the deadline: a stop ends in time even when a reader does not.
#[derive(Debug, Clone, Copy)]
pub struct UntilDeadline<'p> {
    pub(super) process: &'p Process,
    pub(super) deadline: Instant,
}

impl ReadMemory for UntilDeadline<'_> {
    fn read_some_at(&self, at: Address, buffer: &mut [u8]) -> Result<usize, ReadError> {
        self.refuse_when_overdue(at)?;
        self.process.read_some_at(at, buffer)
    }

    /// In parts, so that a long read notices when the time is over.
    fn read_batch(&self, pieces: &mut [Piece<'_>]) -> Result<(), ReadError> {
        let mut rest = pieces;
        loop {
            self.refuse_when_overdue(rest.first().map_or(Address::NULL, |piece| piece.at))?;
            let (part, later) = rest.split_at_mut(pieces_at_once(rest));
            self.process.read_batch(part)?;
            if later.is_empty() {
                return Ok(());
            }
            rest = later;
        }
    }
}

impl UntilDeadline<'_> {
    fn refuse_when_overdue(&self, at: Address) -> Result<(), ReadError> {
        if Instant::now() < self.deadline {
            return Ok(());
        }
        Err(ReadError::Overdue { at })
    }
}

/// How many of these pieces are read between two looks at the clock: one at least.
fn pieces_at_once(pieces: &[Piece<'_>]) -> usize {
    const BYTES: usize = 16 << 20;
    let mut bytes = 0;
    let fit = pieces.iter().take_while(|piece| {
        bytes += piece.bytes.len();
        bytes <= BYTES
    });
    fit.count().max(1).min(pieces.len())
}
