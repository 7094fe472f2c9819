//! Memory that stands still and lies in our own: parts of it are borrowed instead of read.

use crate::address::{Address, AddressRange};
use crate::target::memory::{ReadMemory, Word, word_in};

/// A copy of a target, or a core file: what is there does not change, and no system call is needed
/// to look at it.
pub trait ViewMemory: ReadMemory + Sync {
    /// The `length` bytes from `at` on; `None` unless all of them are there in one piece. What is
    /// not in the copy itself, such as constants of a library, may still be read.
    fn view(&self, at: Address, length: usize) -> Option<&[u8]>;

    /// Where [`ViewMemory::view`] finds something: sorted, without a gap in any of them.
    fn viewed(&self) -> Vec<AddressRange>;

    /// The value at `at`.
    fn word<T: Word>(&self, at: Address) -> Option<T>
    where
        Self: Sized,
    {
        word_in(self.view(at, T::SIZE)?, 0)
    }
}

impl<M: ViewMemory> ViewMemory for &M {
    fn view(&self, at: Address, length: usize) -> Option<&[u8]> {
        (**self).view(at, length)
    }

    fn viewed(&self) -> Vec<AddressRange> {
        (**self).viewed()
    }
}
