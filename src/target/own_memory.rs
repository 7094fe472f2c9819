//! Memory of our own, asked for in time.
//!
//! The kernel gives a fresh page when it is first touched, each time with an exception that costs as
//! much as reading a page of a target. Asked for together they cost less, and the allocator of a
//! second thread does not have to ask for them in small steps.

use crate::target::raw::{advise_huge_pages, advise_pages};
use std::hint::black_box;

/// Lets the allocator have `size` bytes ready for this thread. They are taken from it and given back;
/// it keeps what it was given back (glibc does, see `keep_freed_memory`).
pub fn make_ready(size: usize) {
    let mut bytes = Vec::<u8>::with_capacity(size);
    advise_pages(bytes.spare_capacity_mut());
    drop(black_box(bytes));
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
