//! An input that stands for the memory of a CPython: which layout, where to begin, what the structure
//! of the interpreter says, and the memory in which the objects are.

use crate::memory::Memory;
use pyunload::address::Address;
use pyunload::cpython::layout::{Layout, Place};
use pyunload::cpython::python::{Interpreter, Python, Statics};
use pyunload::cpython::tables::{
    V2_7, V3_6, V3_7, V3_8, V3_9, V3_10, V3_11, V3_12, V3_13, V3_13_15_FREE_THREADED, V3_14,
    V3_14_FREE_THREADED, V3_15, V3_15_FREE_THREADED,
};
use pyunload::cpython::version::{Build, Version};
use pyunload::target::memory::word_in;

/// Where the objects are.
pub const BASE: u64 = 0x10_0000;
/// Where the interpreter is, and the runtime.
pub const INTERPRETER: u64 = 0x4000_0000;
pub const RUNTIME: u64 = 0x5000_0000;
/// Bytes of an input before the objects: numbers, then words for the interpreter.
pub const HEAD: usize = 16 + 16 * PATCHES;
/// How many words of the interpreter, or of the runtime, an input gives.
pub const PATCHES: usize = 16;
/// The collector has three rings of objects.
const GENERATIONS: u64 = 3;

/// Every layout, by the first byte of an input.
pub fn layouts() -> [Layout; 14] {
    [
        V2_7,
        V3_6,
        V3_7,
        V3_8,
        V3_9,
        V3_10,
        V3_11,
        V3_12,
        V3_13,
        V3_14,
        V3_15,
        V3_13_15_FREE_THREADED,
        V3_14_FREE_THREADED,
        V3_15_FREE_THREADED,
    ]
}

/// Whether a layout is that of a build without the GIL.
fn is_free_threaded(index: usize) -> bool {
    index >= 11
}

/// One input, taken apart.
#[derive(Debug)]
pub struct Objects {
    pub memory: Memory,
    pub python: Python,
    /// Where to begin.
    pub entry: Address,
    /// Where the objects end.
    pub end: Address,
}

impl Objects {
    /// The layout and the memory; `None` for an input that is too short.
    ///
    /// The head: number of the layout, then (from byte 2, 16 bits each, in words from [`BASE`]) the object to begin
    /// with, `sys.modules`, the namespace of `sys`, the first and the last link of the collector's list; from byte 16
    /// on pairs of words: an offset in the interpreter (or, with the top bit, in the runtime) and what stands there.
    pub fn of(input: &[u8]) -> Option<Self> {
        let objects = input.get(HEAD..)?;
        let index = usize::from(input[0]) % layouts().len();
        let [entry, modules, sysdict, first, last] = [2, 4, 6, 8, 10].map(|at| {
            let words: u16 = word_in(input, at).unwrap_or(0);
            Address::new(BASE + 8 * u64::from(words))
        });
        let python = python(index, modules, sysdict);
        let mut interpreter = Structure::new(INTERPRETER, python.layout.heap.interpreter.size);
        let mut runtime = Structure::new(
            RUNTIME,
            python.layout.runtime.map_or(0, |runtime| runtime.size),
        );
        interpreter.link(&python.layout, first, last);
        runtime.link(&python.layout, first, last);
        for at in (16..HEAD).step_by(16) {
            let [place, word] = [at, at + 8].map(|at| word_in::<u64>(input, at).unwrap_or(0));
            match place >> 63 {
                _ if place == 0 => {}
                0 => interpreter.put(place, word),
                _ => runtime.put(place & !(1 << 63), word),
            }
        }
        let memory = Memory::new(vec![
            (BASE, objects.to_vec()),
            (INTERPRETER, interpreter.bytes),
            (RUNTIME, runtime.bytes),
        ]);
        let end = Address::new(BASE + objects.len() as u64);
        Some(Objects {
            memory,
            python,
            entry,
            end,
        })
    }
}

fn python(index: usize, modules: Address, sysdict: Address) -> Python {
    let layout = layouts()[index].clone();
    let (major, minor) = layout.python;
    Python {
        version: Version {
            major,
            minor,
            micro: 3,
            level: 15,
            serial: 0,
        },
        build: Build {
            debug: false,
            trace_refs: false,
            free_threaded: is_free_threaded(index),
            shared_libpython: false,
        },
        runtime: layout.runtime.map(|_| Address::new(RUNTIME)),
        layout,
        statics: Statics {
            generations: Some(Address::new(INTERPRETER + STATIC_LISTS)),
        },
        hash_secret: None,
        finalizing: false,
        interpreters: vec![Interpreter {
            id: 0,
            address: Address::new(INTERPRETER),
            modules,
            sysdict,
        }],
    }
}

/// Where the lists of versions without a runtime are put, behind everything else.
const STATIC_LISTS: u64 = 0x2000;

/// A structure of CPython that is all zeros but for what was put there.
struct Structure {
    start: u64,
    bytes: Vec<u8>,
}

impl Structure {
    fn new(start: u64, size: u64) -> Self {
        Structure {
            start,
            bytes: vec![0; size.clamp(0x4000, 1 << 20) as usize],
        }
    }

    /// Puts a word where there is room for one.
    fn put(&mut self, offset: u64, word: u64) {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        if let Some(place) = offset
            .checked_add(8)
            .and_then(|end| self.bytes.get_mut(offset..end))
        {
            place.copy_from_slice(&word.to_le_bytes());
        }
    }

    /// The rings of the collector: one from `first` to `last`, the others empty.
    fn link(&mut self, layout: &Layout, first: Address, last: Address) {
        let links = &layout.gc_head;
        for number in 0..GENERATIONS {
            let own = first_list(layout) + number * layout.collector.generation_size;
            let (next, previous) = match number {
                0 => (first.value(), last.value()),
                _ => (own, own),
            };
            for (member, word) in [(links.next, next), (links.prev, previous)] {
                self.put((own + member.offset()).wrapping_sub(self.start), word);
            }
        }
    }
}

/// Where the first of the collector's lists is.
pub fn first_list(layout: &Layout) -> u64 {
    let generations = layout.collector.generations.offset();
    match layout.collector.place {
        Place::Interpreter(offset) => INTERPRETER + u64::from(offset) + generations,
        Place::Runtime(offset) => RUNTIME + u64::from(offset) + generations,
        Place::Static => INTERPRETER + STATIC_LISTS,
    }
}
