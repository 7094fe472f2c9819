//! Reading memory that is not ours: the one trait every reader stands on.
//!
//! There is no method to write, and no way from here to a pid. Whatever is read is hostile: a read
//! either fills the whole buffer or says how far memory reached.

use crate::address::Address;

/// Why bytes could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Nothing is mapped there, or not enough.
    #[error("unmapped memory at {at} (wanted {wanted} bytes, got {got})")]
    Unmapped {
        /// Where the read began.
        at: Address,
        /// Bytes asked for.
        wanted: usize,
        /// Bytes that could be read.
        got: usize,
    },
    /// The kernel forbids this user to read the process.
    #[error("reading the memory of process {pid} is not permitted")]
    Denied {
        /// The process.
        pid: i32,
    },
    /// The process has ended.
    #[error("process {pid} has ended")]
    Gone {
        /// The process.
        pid: i32,
    },
    /// The target may not stand still any longer.
    #[error("the stop was over before memory at {at} was read")]
    Overdue {
        /// Where the read began.
        at: Address,
    },
    /// Any other answer of the kernel.
    #[error("reading memory at {at} failed: errno {errno}")]
    Failed {
        /// Where the read began.
        at: Address,
        /// The errno value.
        errno: i32,
    },
}

/// One piece of a batched read.
#[derive(Debug)]
pub struct Piece<'b> {
    /// Where to read.
    pub at: Address,
    /// What to fill.
    pub bytes: &'b mut [u8],
    /// Set by the read: whether `bytes` was filled completely.
    pub complete: bool,
}

impl<'b> Piece<'b> {
    /// A piece not read yet.
    pub fn new(at: Address, bytes: &'b mut [u8]) -> Self {
        Piece {
            at,
            bytes,
            complete: false,
        }
    }
}

/// Memory that can be looked at: a live process, a paused one, a core file, a byte array.
pub trait ReadMemory {
    /// Reads from `at` on, as far as memory is mapped; returns how many bytes, 0 for none.
    ///
    /// # Errors
    /// [`ReadError::Denied`], [`ReadError::Gone`], [`ReadError::Overdue`], [`ReadError::Failed`]: the whole source is
    /// out of reach, not just this address.
    fn read_some_at(&self, at: Address, buffer: &mut [u8]) -> Result<usize, ReadError>;

    /// Reads many pieces, with as few system calls as the source allows. A piece that is not
    /// mapped stays `complete == false` and does not spoil the others.
    ///
    /// # Errors
    /// As [`ReadMemory::read_some_at`].
    fn read_batch(&self, pieces: &mut [Piece<'_>]) -> Result<(), ReadError> {
        for piece in pieces {
            let got = self.read_some_at(piece.at, piece.bytes)?;
            piece.complete = got == piece.bytes.len();
        }
        Ok(())
    }

    /// Reads spans (where, and how many bytes) one behind the other into `buffer`, which is as large
    /// as all of them; says of each whether it was filled completely.
    ///
    /// # Errors
    /// As [`ReadMemory::read_some_at`].
    fn read_joined(
        &self,
        spans: &[(Address, usize)],
        buffer: &mut [u8],
    ) -> Result<Vec<bool>, ReadError> {
        let mut pieces = pieces_of(spans, buffer);
        self.read_batch(&mut pieces)?;
        Ok(pieces.iter().map(|piece| piece.complete).collect())
    }
}

/// The spans as pieces, one behind the other in `buffer`.
pub(super) fn pieces_of<'b>(spans: &[(Address, usize)], buffer: &'b mut [u8]) -> Vec<Piece<'b>> {
    let mut rest = buffer;
    let mut pieces = Vec::with_capacity(spans.len());
    for &(at, size) in spans {
        let (piece, behind) = rest.split_at_mut(size);
        pieces.push(Piece::new(at, piece));
        rest = behind;
    }
    pieces
}

/// A value with a fixed little-endian form in memory.
pub trait Word: Copy {
    /// Size in bytes, at most 8.
    const SIZE: usize;
    /// The value from its low `SIZE` bytes.
    fn from_word(word: u64) -> Self;
}

macro_rules! words {
    ($($type:ty),*) => {$(
        impl Word for $type {
            const SIZE: usize = size_of::<$type>();
            fn from_word(word: u64) -> Self { word as $type }
        }
    )*};
}
words!(u8, u16, u32, u64, i8, i16, i32, i64);

impl Word for Address {
    const SIZE: usize = 8;
    fn from_word(word: u64) -> Self {
        Address::new(word)
    }
}

/// Reads the value of type `T` at `offset` of `bytes`; `None` when it does not lie inside.
pub fn word_in<T: Word>(bytes: &[u8], offset: usize) -> Option<T> {
    let slice = bytes.get(offset..offset.checked_add(T::SIZE)?)?;
    let mut word = [0u8; 8];
    word[..T::SIZE].copy_from_slice(slice);
    Some(T::from_word(u64::from_le_bytes(word)))
}

/// What every [`ReadMemory`] can do besides.
pub trait ReadMemoryExt: ReadMemory {
    /// Fills `buffer` completely.
    ///
    /// # Errors
    /// [`ReadError::Unmapped`] when memory ends before; else as [`ReadMemory::read_some_at`].
    fn read_exact_at(&self, at: Address, buffer: &mut [u8]) -> Result<(), ReadError> {
        let got = self.read_some_at(at, buffer)?;
        if got == buffer.len() {
            Ok(())
        } else {
            Err(ReadError::Unmapped {
                at,
                wanted: buffer.len(),
                got,
            })
        }
    }

    /// Reads `size` bytes. The caller bounds `size`.
    ///
    /// # Errors
    /// As [`ReadMemoryExt::read_exact_at`].
    fn read_bytes_at(&self, at: Address, size: usize) -> Result<Vec<u8>, ReadError> {
        let mut bytes = vec![0; size];
        self.read_exact_at(at, &mut bytes)?;
        Ok(bytes)
    }

    /// Reads one value.
    ///
    /// # Errors
    /// As [`ReadMemoryExt::read_exact_at`].
    fn read_at<T: Word>(&self, at: Address) -> Result<T, ReadError> {
        let mut word = [0u8; 8];
        self.read_exact_at(at, &mut word[..T::SIZE])?;
        Ok(T::from_word(u64::from_le_bytes(word)))
    }

    /// Reads the bytes of a C string, without its NUL, at most `limit` of them.
    ///
    /// # Errors
    /// [`ReadError::Unmapped`] when memory ends before the NUL and before `limit`.
    fn read_c_string_at(&self, at: Address, limit: usize) -> Result<Vec<u8>, ReadError> {
        let mut bytes = vec![0; limit];
        let got = self.read_some_at(at, &mut bytes)?;
        match bytes[..got].iter().position(|&byte| byte == 0) {
            Some(end) => bytes.truncate(end),
            None if got == limit => {}
            None => {
                return Err(ReadError::Unmapped {
                    at,
                    wanted: got + 1,
                    got,
                });
            }
        }
        Ok(bytes)
    }

    /// Reads one block of `size` bytes at each of `addresses` in batches; `None` where memory is
    /// not mapped.
    ///
    /// # Errors
    /// As [`ReadMemory::read_some_at`].
    fn read_blocks(
        &self,
        addresses: &[Address],
        size: usize,
    ) -> Result<Vec<Option<Vec<u8>>>, ReadError> {
        let wanted: Vec<_> = addresses.iter().map(|&at| (at, size)).collect();
        self.read_spans(&wanted)
    }

    /// As [`ReadMemoryExt::read_blocks`], with a size of its own for each address.
    ///
    /// # Errors
    /// As [`ReadMemory::read_some_at`].
    fn read_spans(&self, spans: &[(Address, usize)]) -> Result<Vec<Option<Vec<u8>>>, ReadError> {
        let mut blocks: Vec<Vec<u8>> = spans.iter().map(|&(_, size)| vec![0; size]).collect();
        let mut pieces: Vec<Piece<'_>> = spans
            .iter()
            .zip(&mut blocks)
            .map(|(&(at, _), bytes)| Piece::new(at, bytes))
            .collect();
        self.read_batch(&mut pieces)?;
        let complete: Vec<bool> = pieces.iter().map(|piece| piece.complete).collect();
        Ok(blocks
            .into_iter()
            .zip(complete)
            .map(|(block, complete)| complete.then_some(block))
            .collect())
    }
}

impl<M: ReadMemory + ?Sized> ReadMemoryExt for M {}

impl<M: ReadMemory + ?Sized> ReadMemory for &M {
    fn read_some_at(&self, at: Address, buffer: &mut [u8]) -> Result<usize, ReadError> {
        (**self).read_some_at(at, buffer)
    }

    fn read_batch(&self, pieces: &mut [Piece<'_>]) -> Result<(), ReadError> {
        (**self).read_batch(pieces)
    }

    fn read_joined(
        &self,
        spans: &[(Address, usize)],
        buffer: &mut [u8],
    ) -> Result<Vec<bool>, ReadError> {
        (**self).read_joined(spans, buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::fake::FakeMemory;

    #[test]
    fn a_read_over_the_end_says_how_far_memory_reached() {
        let memory = FakeMemory::new().with(0x1000, &[1, 2, 3, 4]);
        assert_eq!(
            memory.read_at::<u64>(Address::new(0x1000)),
            Err(ReadError::Unmapped {
                at: Address::new(0x1000),
                wanted: 8,
                got: 4
            })
        );
        assert_eq!(memory.read_at::<u16>(Address::new(0x1001)), Ok(0x0302));
    }

    #[test]
    fn a_c_string_without_an_end_is_an_error_unless_the_limit_cuts_it() {
        let memory = FakeMemory::new().with(0x1000, b"abc");
        assert!(memory.read_c_string_at(Address::new(0x1000), 16).is_err());
        assert_eq!(
            memory.read_c_string_at(Address::new(0x1000), 2),
            Ok(b"ab".to_vec())
        );
    }

    #[test]
    fn an_unmapped_block_does_not_spoil_its_neighbours() {
        let memory = FakeMemory::new().with(0x1000, &[7; 8]);
        let blocks = memory.read_blocks(&[Address::new(0x9000), Address::new(0x1000)], 8);
        assert_eq!(blocks, Ok(vec![None, Some(vec![7; 8])]));
    }
}
