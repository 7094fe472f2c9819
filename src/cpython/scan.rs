//! Finding an interpreter without any symbol: by the shape of its pointers.
//!
//! Somewhere in the image's writable memory a word points to the interpreter `q`. It is one when
//! `*(q + threads_head)` is a thread state whose `interp` points back to `q`, and the type of
//! `*(q + modules)` is called `dict`. The memory is read once, and tried with every layout.

use crate::address::{Address, AddressRange};
use crate::cpython::layout::Layout;
use crate::elf::image::Image;
use crate::target::maps::Maps;
use crate::target::memory::{ReadMemory, ReadMemoryExt, word_in};
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

/// No image with a CPython has more writable memory of its own than this, nor more different
/// pointers in it (a bare interpreter has 2 MiB and 20,000); the rest is not scanned.
const MOST_BYTES: u64 = 16 << 20;
const MOST_TARGETS: usize = 1 << 17;

/// An interpreter, and the place of the word that led to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// Where the pointer to the interpreter is.
    pub place: Address,
    /// The `PyInterpreterState`.
    pub interpreter: Address,
}

/// The writable memory of an image, and the pointers in it that lead to writable memory.
#[derive(Debug)]
pub struct Scan<'m, M: ?Sized> {
    memory: &'m M,
    blocks: Vec<(Address, Vec<u8>)>,
    pointers: Vec<Hit>,
    targets: Vec<Address>,
    /// The targets whose thread state points back, by the two offsets that lead there and back.
    circles: RefCell<HashMap<(u64, u64), Vec<Address>>>,
}

/// The writable parts of an image, `.bss` included, as far as they are mapped.
pub fn writable_ranges(maps: &Maps, image: &Image) -> Vec<AddressRange> {
    let mut left = MOST_BYTES;
    let mut ranges = Vec::new();
    for segment in image.segments.iter().filter(|segment| segment.write) {
        for mapping in maps.iter().filter(|mapping| mapping.read && mapping.write) {
            let start = mapping.range.start.max(segment.range.start);
            let end = mapping.range.end.min(segment.range.end);
            let range = AddressRange::new(start, end);
            if !range.is_empty() && range.len() <= left {
                left -= range.len();
                ranges.push(range);
            }
        }
    }
    ranges
}

impl<'m, M: ReadMemory + ?Sized> Scan<'m, M> {
    /// Reads `ranges`, at most 16 MiB of them, and keeps every word that points to memory which is
    /// writable according to `maps`.
    pub fn read(memory: &'m M, maps: &Maps, ranges: &[AddressRange]) -> Self {
        let mut left = MOST_BYTES;
        let mut blocks = Vec::new();
        for range in ranges.iter().filter(|range| range.len() <= MOST_BYTES) {
            let Some(rest) = left.checked_sub(range.len()) else {
                continue;
            };
            left = rest;
            let mut bytes = vec![0; range.len() as usize];
            let got = memory.read_some_at(range.start, &mut bytes).unwrap_or(0);
            bytes.truncate(got);
            blocks.push((range.start, bytes));
        }
        let writable = Writable::of(maps);
        let pointers: Vec<Hit> = blocks
            .iter()
            .flat_map(|(start, bytes)| pointers_in(*start, bytes, &writable))
            .collect();
        let targets: BTreeSet<Address> = pointers.iter().map(|hit| hit.interpreter).collect();
        Scan {
            memory,
            blocks,
            pointers,
            targets: targets.into_iter().take(MOST_TARGETS).collect(),
            circles: RefCell::default(),
        }
    }

    /// Every word that points to an interpreter, if the layout is `layout`.
    pub fn find_interpreters(&self, layout: &Layout) -> Vec<Hit> {
        let found: BTreeSet<Address> = self
            .circles(layout)
            .into_iter()
            .filter(|&interpreter| modules_are_a_dict(self.memory, layout, interpreter))
            .collect();
        self.pointers
            .iter()
            .filter(|hit| found.contains(&hit.interpreter))
            .copied()
            .collect()
    }

    /// The targets from which a thread state is reached that points back. Many layouts share the
    /// two offsets this takes, so that the answers are remembered.
    fn circles(&self, layout: &Layout) -> Vec<Address> {
        let there = layout.interpreter.threads_head;
        let back = layout.thread.interpreter;
        let key = (there.offset(), back.offset());
        if let Some(known) = self.circles.borrow().get(&key) {
            return known.clone();
        }
        let places: Vec<Address> = self.targets.iter().map(|&at| there.of(at)).collect();
        let (candidates, places): (Vec<Address>, Vec<Address>) = self
            .targets
            .iter()
            .zip(self.read_words(&places))
            .filter(|(_, thread)| thread.may_be_object())
            .map(|(&interpreter, thread)| (interpreter, back.of(thread)))
            .unzip();
        let found: Vec<Address> = candidates
            .into_iter()
            .zip(self.read_words(&places))
            .filter(|(interpreter, back)| interpreter == back)
            .map(|(interpreter, _)| interpreter)
            .collect();
        self.circles.borrow_mut().insert(key, found.clone());
        found
    }

    /// The words at `places`; null where nothing is mapped. What was read already is not read again.
    fn read_words(&self, places: &[Address]) -> Vec<Address> {
        let known: Vec<Option<Address>> = places.iter().map(|&at| self.known_word(at)).collect();
        let unknown: Vec<Address> = places
            .iter()
            .zip(&known)
            .filter(|(_, known)| known.is_none())
            .map(|(&at, _)| at)
            .collect();
        let mut read = self
            .memory
            .read_blocks(&unknown, 8)
            .unwrap_or_default()
            .into_iter()
            .map(|block| block.and_then(|bytes| word_in(&bytes, 0)));
        known
            .into_iter()
            .map(|known| known.or_else(|| read.next().flatten()))
            .map(Option::unwrap_or_default)
            .collect()
    }

    fn known_word(&self, at: Address) -> Option<Address> {
        self.blocks
            .iter()
            .find_map(|(start, bytes)| word_in(bytes, at.distance_from(*start)?.try_into().ok()?))
    }
}

/// The writable mappings, joined where they touch: few enough to search for each word.
struct Writable(Vec<AddressRange>);

impl Writable {
    fn of(maps: &Maps) -> Self {
        let mut joined: Vec<AddressRange> = Vec::new();
        for mapping in maps.iter().filter(|mapping| mapping.read && mapping.write) {
            match joined.last_mut() {
                Some(last) if last.end == mapping.range.start => last.end = mapping.range.end,
                _ => joined.push(mapping.range),
            }
        }
        Writable(joined)
    }

    fn contains(&self, address: Address) -> bool {
        let behind = self.0.partition_point(|range| range.start <= address);
        self.0[..behind]
            .last()
            .is_some_and(|range| range.contains(address))
    }
}

fn pointers_in(start: Address, bytes: &[u8], writable: &Writable) -> impl Iterator<Item = Hit> {
    bytes
        .chunks_exact(8)
        .enumerate()
        .filter_map(move |(index, word)| {
            let interpreter: Address = word_in(word, 0)?;
            (interpreter.may_be_object() && writable.contains(interpreter)).then_some(Hit {
                place: start.offset(8 * index as u64),
                interpreter,
            })
        })
}

fn modules_are_a_dict(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    interpreter: Address,
) -> bool {
    let name = || {
        let modules = layout.interpreter.modules.read(memory, interpreter).ok()?;
        let class = layout.header.class.read(memory, modules).ok()?;
        let name = layout.class.name.read(memory, class).ok()?;
        memory.read_c_string_at(name, 5).ok()
    };
    name().as_deref() == Some(b"dict")
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
