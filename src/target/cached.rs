//! Memory read a page at a time and kept for a short while: for readers of many small things that lie
//! close together and hardly change, as code does.

use crate::address::Address;
use crate::target::memory::{ReadError, ReadMemory};
use std::cell::RefCell;
use std::collections::HashMap;

/// Bytes of a page.
const PAGE: u64 = 4096;
/// The most pages that are kept; then all are forgotten.
const MOST: usize = 4096;

/// Memory, and the pages of it that were read.
#[derive(Debug)]
pub struct Cached<'m, M: ?Sized> {
    memory: &'m M,
    pages: RefCell<HashMap<u64, Vec<u8>>>,
}

impl<'m, M: ReadMemory + ?Sized> Cached<'m, M> {
    /// Nothing read yet.
    pub fn new(memory: &'m M) -> Self {
        Cached {
            memory,
            pages: RefCell::default(),
        }
    }

    /// Copies from one page as far as it is mapped.
    fn read_in_page(&self, at: Address, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let number = at.value() / PAGE;
        let mut pages = self.pages.borrow_mut();
        if !pages.contains_key(&number) {
            if pages.len() >= MOST {
                pages.clear();
            }
            let mut page = vec![0; PAGE as usize];
            let start = Address::new(number * PAGE);
            let got = self.memory.read_some_at(start, &mut page)?;
            page.truncate(got);
            pages.insert(number, page);
        }
        let page = pages.get(&number).map(Vec::as_slice).unwrap_or_default();
        let from = page.get((at.value() % PAGE) as usize..).unwrap_or_default();
        let count = from.len().min(buffer.len());
        buffer[..count].copy_from_slice(&from[..count]);
        Ok(count)
    }
}

impl<M: ReadMemory + ?Sized> ReadMemory for Cached<'_, M> {
    fn read_some_at(&self, at: Address, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let mut got = 0;
        while got < buffer.len() {
            let Some(here) = at.checked_add(got as u64) else {
                break;
            };
            let to_end = (PAGE - here.value() % PAGE) as usize;
            let end = buffer.len().min(got + to_end);
            let count = self.read_in_page(here, &mut buffer[got..end])?;
            got += count;
            if got < end {
                break;
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

    #[test]
    fn pages_read_across_their_borders_and_end_where_memory_ends() {
        let bytes: Vec<u8> = (0..6000u32).map(|byte| byte as u8).collect();
        let memory = FakeMemory::new().with(0x1_0000, &bytes);
        let cached = Cached::new(&memory);
        let at = Address::new(0x1_0000 + 4000);
        assert_eq!(
            cached.read_bytes_at(at, 200),
            Ok(bytes[4000..4200].to_vec())
        );
        let mut buffer = [0; 100];
        let near_end = Address::new(0x1_0000 + 5950);
        assert_eq!(cached.read_some_at(near_end, &mut buffer), Ok(50));
        assert_eq!(cached.read_some_at(Address::new(8), &mut buffer), Ok(0));
    }
}
