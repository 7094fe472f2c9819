//! Blocks of memory outside of objects: whether one begins at an address, and how long it is.
//!
//! A C extension keeps references in blocks of its own. A word that leads to the start of a block
//! and to no object is followed, to a small depth; what is found there is never more than possible.

use super::edge::{Edge, EdgeName, Tier};
use super::look::Look;
use super::tracer::Tracer;
use crate::address::{Address, AddressSet};
use crate::target::view::ViewMemory;

/// Longest block that is looked at, in bytes.
const LONGEST: u64 = 1 << 20;
/// How many blocks behind blocks are followed.
const DEPTH: u32 = 2;
/// Blocks followed for one object.
const BLOCKS: u32 = 256;
/// Bytes of a `struct bootstate` at least: a state, a function, arguments, keywords.
const BOOTSTATE: u64 = 32;
/// And at most, with what its allocator adds.
const LONGEST_BOOTSTATE: u64 = 80;
/// Offset of the first block in a pool of `Objects/obmalloc.c`.
const POOL_HEADER: u64 = 48;

impl<M: ViewMemory> Look<'_, M> {
    /// Bytes of the block that begins at `at`, as its allocator states them.
    fn block_at(&self, at: Address) -> Option<u64> {
        let block = self.debug_block(at).or_else(|| self.pooled_block(at));
        block.or_else(|| self.chunk(at))
    }

    /// A block of a debug build: before it stand its size, most significant byte first, the letter of its
    /// allocator and seven forbidden bytes (`_PyMem_DebugRawAlloc`).
    fn debug_block(&self, at: Address) -> Option<u64> {
        let mark: u64 = self.word(at.before(8))?;
        let is_letter = matches!(mark as u8, b'r' | b'm' | b'o');
        let is_forbidden = matches!(mark >> 8, 0xfd_fdfd_fdfd_fdfd | 0xfb_fbfb_fbfb_fbfb);
        let size = self.word::<u64>(at.before(16))?.swap_bytes();
        (is_letter && is_forbidden && size <= LONGEST).then_some(size)
    }

    /// A block of `obmalloc.c`: the header of its pool states the size twice, as a class (`szidx`)
    /// and as the place of the last block (`maxnextoffset`). Pools have 4 KiB, from 3.10 on 16;
    /// sizes are multiples of 8 or, in later releases, of 16.
    fn pooled_block(&self, at: Address) -> Option<u64> {
        let pool_size = if self.layout.python >= (3, 10) {
            1 << 14
        } else {
            1 << 12
        };
        let pool = Address::new(at.value() & !(pool_size - 1));
        let classes = u64::from(self.word::<u32>(pool.offset(36))?) + 1;
        let last = u64::from(self.word::<u32>(pool.offset(44))?);
        let size = pool_size.checked_sub(last)?;
        let inside = at.distance_from(pool.offset(POOL_HEADER))?;
        let is_pool = size <= 512 && (size == classes * 8 || size == classes * 16);
        (is_pool && inside.is_multiple_of(size)).then_some(size)
    }

    /// A chunk of glibc's `malloc`: its size before it, and behind it that of the next, which says
    /// that this one is in use.
    fn chunk(&self, at: Address) -> Option<u64> {
        if !at.is_aligned(16) {
            return None;
        }
        let word: u64 = self.word(at.before(8))?;
        let size = word & !7;
        if !(32..=LONGEST).contains(&size) || !size.is_multiple_of(16) || word & 2 != 0 {
            return None;
        }
        let next: u64 = self.word(at.offset(size - 8))?;
        let is_next = next & 1 == 1 && (32..1 << 40).contains(&(next & !7));
        is_next.then_some(size - 8)
    }
}

impl<M: ViewMemory> Tracer<'_, M> {
    /// References in the blocks that the words of `object` at `offsets` lead to.
    pub(super) fn visit_blocks(&mut self, words: &[(u32, Address)], visit: &mut impl FnMut(Edge)) {
        let mut left = BLOCKS;
        for &(pointer, at) in words {
            self.visit_block(pointer, at, DEPTH, &mut left, visit);
        }
    }

    /// Objects in the block at `at` when it is what a thread of Python was started with: its function, its arguments
    /// and its state (`struct bootstate` in `Modules/_threadmodule.c`, 2.7 to 3.15). Only the C stack of that thread
    /// leads to it. `states` are the states of all threads.
    pub fn visit_bootstate(
        &mut self,
        at: Address,
        states: &AddressSet,
        visit: &mut impl FnMut(Address),
    ) {
        let size = self.look.block_at(at).unwrap_or_default();
        if !(BOOTSTATE..=LONGEST_BOOTSTATE).contains(&size) || self.is_in_object(at) {
            return;
        }
        let words: Vec<Address> = self.look.words(at, size / 8).iter().collect();
        if words.iter().any(|word| states.contains(word)) {
            let objects = words.into_iter().filter(|&to| self.is_object(to));
            objects.for_each(visit);
        }
    }

    fn visit_block(
        &mut self,
        pointer: u32,
        at: Address,
        depth: u32,
        left: &mut u32,
        visit: &mut impl FnMut(Edge),
    ) {
        if depth == 0 || *left == 0 || !at.may_be_object() || self.is_in_object(at) {
            return;
        }
        let Some(size) = self.look.block_at(at) else {
            return;
        };
        *left -= 1;
        for (index, to) in self.look.words(at, size / 8).iter().enumerate() {
            if self.is_object(to) {
                visit(Edge {
                    to,
                    name: EdgeName::Block {
                        pointer,
                        offset: index as u32 * 8,
                    },
                    tier: Tier::Possible,
                });
            } else {
                self.visit_block(pointer, to, depth - 1, left, visit);
            }
        }
    }

    /// Whether the block at `at` is an object, or one that the collector tracks.
    fn is_in_object(&mut self, at: Address) -> bool {
        self.is_object(at) || self.is_tracked(at)
    }

    /// Whether the head of an object that the collector tracks is at `at`: its neighbour points back.
    fn is_tracked(&mut self, at: Address) -> bool {
        let head = self.look.layout.gc_head;
        let next: Option<u64> = self.look.word(head.next.of(at));
        let untagged = |word: u64| Address::new(word & !3);
        let back = next.and_then(|next| self.look.word(head.prev.of(untagged(next))));
        back.map(untagged) == Some(at) && self.is_object(at.offset(head.size))
    }
}
