//! Memory of our own, asked for in time.
//!
//! The kernel gives a fresh page when it is first touched, each time with an exception that costs as
//! much as reading a page of a target. Asked for together they cost less, and the allocator of a
//! second thread does not have to ask for them in small steps.

use crate::target::raw::{advise_huge_pages, advise_pages};
use std::hint::black_box;

/// Memory that one thread takes from its allocator, another has the kernel make, and the first gives
/// back, to be used from then on.
#[derive(Debug)]
pub struct Room(Vec<u8>);

impl Room {
    /// `size` bytes, none of them touched yet.
    pub fn new(size: usize) -> Self {
        Room(Vec::with_capacity(size))
    }

    /// Has the kernel make them. In parts: while it makes one, it maps no other memory for any thread
    /// of ours.
    pub fn fill(&mut self) {
        const PART: usize = 64 << 10;
        for part in self.0.spare_capacity_mut().chunks_mut(PART) {
            advise_pages(part);
        }
    }
}

/// Lets the allocator have `size` bytes ready for this thread. They are taken from it and given back;
/// it keeps what it was given back (glibc does, see `keep_freed_memory`).
pub fn make_ready(size: usize) {
    let mut room = Room::new(size);
    room.fill();
    drop(black_box(room));
}

/// Has the kernel back a large array by huge pages, as far as it is not touched yet. The allocator
/// gives arrays of this size mappings of their own; one that grows keeps the advice.
pub fn in_huge_pages<T>(items: &mut Vec<T>) {
    const LARGE: usize = 33 << 20;
    if items.capacity() * size_of::<T>() >= LARGE {
        advise_huge_pages(items.as_mut_slice());
        advise_huge_pages(items.spare_capacity_mut());
    }
}

/// Has room for `count` items, if the system has: address space only, until they are there.
pub fn reserve<T>(items: &mut Vec<T>, count: usize) {
    if items.try_reserve_exact(count).is_ok() {
        in_huge_pages(items);
    }
}
