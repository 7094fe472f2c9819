//! Finding an interpreter without any symbol: by the shape of its pointers.
//!
//! Somewhere in the image's writable memory a word points to the interpreter `q`. It is one when
//! `*(q + threads_head)` is a thread state whose `interp` points back to `q`, and the type of
//! `*(q + modules)` is called `dict`.

use crate::address::{Address, AddressRange};
use crate::cpython::layout::Layout;
use crate::elf::image::Image;
use crate::target::maps::Maps;
use crate::target::memory::{ReadMemory, ReadMemoryExt, word_in};

/// No image has more writable memory of its own than this; the rest is not scanned.
const MOST_BYTES: u64 = 64 << 20;

/// An interpreter, and the place of the word that led to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// Where the pointer to the interpreter is.
    pub place: Address,
    /// The `PyInterpreterState`.
    pub interpreter: Address,
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

/// Every word in `ranges` that points to an interpreter, if the layout is `layout`.
pub fn find_interpreters(
    memory: &(impl ReadMemory + ?Sized),
    maps: &Maps,
    ranges: &[AddressRange],
    layout: &Layout,
) -> Vec<Hit> {
    let mut hits = pointers_in(memory, maps, ranges);
    let threads = follow(memory, &hits, |hit| {
        layout.interpreter.threads_head.of(hit.interpreter)
    });
    let mut of_thread = Vec::new();
    retain_with(&mut hits, threads, |_, thread| {
        let plausible = thread.may_be_object();
        if plausible {
            of_thread.push(thread);
        }
        plausible
    });
    let places: Vec<Address> = of_thread
        .iter()
        .map(|&thread| layout.thread.interpreter.of(thread))
        .collect();
    let back = read_words(memory, &places);
    retain_with(&mut hits, back, |hit, back| back == hit.interpreter);
    hits.retain(|hit| modules_are_a_dict(memory, layout, hit.interpreter));
    hits
}

fn pointers_in(
    memory: &(impl ReadMemory + ?Sized),
    maps: &Maps,
    ranges: &[AddressRange],
) -> Vec<Hit> {
    let mut hits = Vec::new();
    for range in ranges {
        let mut bytes = vec![0; range.len() as usize];
        let Ok(got) = memory.read_some_at(range.start, &mut bytes) else {
            continue;
        };
        for offset in (0..got.saturating_sub(7)).step_by(8) {
            let interpreter = word_in(&bytes, offset).unwrap_or(Address::NULL);
            let readable = || {
                maps.find(interpreter)
                    .is_some_and(|mapping| mapping.read && mapping.write)
            };
            if interpreter.may_be_object() && readable() {
                hits.push(Hit {
                    place: range.start.offset(offset as u64),
                    interpreter,
                });
            }
        }
    }
    hits
}

fn follow(
    memory: &(impl ReadMemory + ?Sized),
    hits: &[Hit],
    place: impl Fn(&Hit) -> Address,
) -> Vec<Address> {
    read_words(memory, &hits.iter().map(place).collect::<Vec<_>>())
}

/// The words at `places`; null where nothing is mapped.
fn read_words(memory: &(impl ReadMemory + ?Sized), places: &[Address]) -> Vec<Address> {
    let blocks = memory.read_blocks(places, 8).unwrap_or_default();
    let mut words: Vec<Address> = blocks
        .into_iter()
        .map(|block| {
            block
                .and_then(|bytes| word_in(&bytes, 0))
                .unwrap_or(Address::NULL)
        })
        .collect();
    words.resize(places.len(), Address::NULL);
    words
}

fn retain_with(
    hits: &mut Vec<Hit>,
    words: Vec<Address>,
    mut keep: impl FnMut(&Hit, Address) -> bool,
) {
    let mut words = words.into_iter();
    hits.retain(|hit| words.next().is_some_and(|word| keep(hit, word)));
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
        memory.read_c_string_at(name, 8).ok()
    };
    name().as_deref() == Some(b"dict")
}
