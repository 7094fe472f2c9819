//! The memory of a small CPython: a class of each kind, an instance of each, two modules, and the list of
//! the collector they are in.

use pyunload::cpython::code_members::{CodeMembers, InstructionsForm, LocalsForm};
use pyunload::cpython::layout::{
    DictKeysForm, DictValuesForm, GcForm, IntForm, Layout, RefcountForm, TextForm,
};
use pyunload_fuzz::objects::{BASE, HEAD};
use std::collections::BTreeMap;

/// `Py_TPFLAGS_READY`, `Py_TPFLAGS_HAVE_GC`.
const READY: u64 = 1 << 12;
const COLLECTED: u64 = 1 << 14;
/// How many classes each image has of those that only own members.
const OTHERS: usize = 4;

/// Memory that grows from [`BASE`] on.
struct Arena<'l> {
    layout: &'l Layout,
    bytes: Vec<u8>,
    classes: BTreeMap<String, u64>,
    collected: Vec<u64>,
}

impl<'l> Arena<'l> {
    fn new(layout: &'l Layout) -> Self {
        let (bytes, classes, collected) = (Vec::new(), BTreeMap::new(), Vec::new());
        Arena {
            layout,
            bytes,
            classes,
            collected,
        }
    }

    /// Room of `size` bytes, at a multiple of 16.
    fn room(&mut self, size: u64) -> u64 {
        let at = self.bytes.len().next_multiple_of(16);
        self.bytes.resize(at + size as usize, 0);
        BASE + at as u64
    }

    fn put(&mut self, at: u64, bytes: &[u8]) {
        let at = (at - BASE) as usize;
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn put_word(&mut self, at: u64, word: u64) {
        self.put(at, &word.to_le_bytes());
    }

    fn c_string(&mut self, text: &str) -> u64 {
        let at = self.room(text.len() as u64 + 1);
        self.put(at, text.as_bytes());
        at
    }

    /// An object of `class` with two references to it; with links before it when it is collected.
    fn object(&mut self, class: u64, size: u64, is_collected: bool) -> u64 {
        let header = &self.layout.header;
        let links = &self.layout.gc_head;
        let before = match links.form {
            GcForm::Unlisted => 0,
            _ if !is_collected => 0,
            _ => links.size.next_multiple_of(16),
        };
        let at = self.room(before + size.max(header.size)) + before;
        match header.form {
            RefcountForm::Split { local, .. } => self.put(at + local.offset(), &[2, 0, 0, 0]),
            _ => self.put(at + header.refcount.offset(), &[2, 0, 0, 0]),
        }
        self.put_word(at + header.class.offset(), class);
        if before > 0 {
            self.collected.push(at - links.size);
        }
        at
    }

    /// A class; its instances have so many bytes.
    fn class(&mut self, name: &str, size: u64, flags: u64) -> u64 {
        let members = self.layout.class;
        let own = self.classes.get("type").copied().unwrap_or(0);
        let at = self.object(own, members.size, false);
        let text = self.c_string(name);
        self.put_word(
            at + self.layout.header.class.offset(),
            if own == 0 { at } else { own },
        );
        self.put_word(at + members.name.offset(), text);
        self.put_word(at + members.basicsize.offset(), size);
        self.put_word(at + members.flags.offset(), READY | flags);
        let base = self.classes.get("object").copied().unwrap_or(0);
        self.put_word(at + members.base.offset(), base);
        self.classes.insert(name.to_owned(), at);
        at
    }

    fn of(&self, class: &str) -> u64 {
        self.classes[class]
    }

    /// What a `str` of ASCII is: on 2.7 that is a `bytes`.
    fn text(&mut self, text: &str) -> u64 {
        let members = self.layout.text;
        let TextForm::Flexible {
            kind_shift,
            compact_bit,
            ascii_bit,
        } = members.form
        else {
            return self.byte_string(text.as_bytes());
        };
        let size = members.ascii_size + text.len() as u64 + 1;
        let at = self.object(self.of("str"), size, false);
        self.put_word(at + members.length.offset(), text.len() as u64);
        let state = 1u32 << kind_shift | 1 << compact_bit | 1 << ascii_bit;
        self.put(at + members.state.offset(), &state.to_le_bytes());
        self.put(at + members.ascii_size, text.as_bytes());
        at
    }

    fn byte_string(&mut self, bytes: &[u8]) -> u64 {
        let data = self.layout.bytes.data;
        let class = self.of(if self.layout.python.0 == 2 {
            "str"
        } else {
            "bytes"
        });
        let at = self.object(class, data + bytes.len() as u64 + 1, false);
        self.put_word(at + self.layout.header.length.offset(), bytes.len() as u64);
        self.put(at + data, bytes);
        at
    }

    fn int(&mut self, digit: u32) -> u64 {
        let members = self.layout.int;
        let at = self.object(self.of("int"), members.digits + 8, false);
        match members.form {
            IntForm::SignedLength => self.put_word(at + self.layout.header.length.offset(), 1),
            IntForm::Tag(tag) => self.put_word(at + tag.offset(), 1 << 3),
        }
        self.put(at + members.digits, &digit.to_le_bytes());
        at
    }

    fn tuple(&mut self, items: &[u64]) -> u64 {
        let start = self.layout.tuple.items;
        let at = self.object(self.of("tuple"), start + 8 * items.len() as u64, true);
        self.put_word(at + self.layout.header.length.offset(), items.len() as u64);
        for (index, &item) in items.iter().enumerate() {
            self.put_word(at + start + 8 * index as u64, item);
        }
        at
    }

    fn list(&mut self, items: &[u64]) -> u64 {
        let at = self.object(self.of("list"), self.layout.list.items.offset() + 16, true);
        let block = self.room(8 * items.len() as u64);
        self.put_word(at + self.layout.header.length.offset(), items.len() as u64);
        self.put_word(at + self.layout.list.items.offset(), block);
        self.put_word(
            at + self.layout.heap.list_allocated.offset(),
            items.len() as u64,
        );
        for (index, &item) in items.iter().enumerate() {
            self.put_word(block + 8 * index as u64, item);
        }
        at
    }

    /// A dict with these items; with `values` a split one.
    fn dict(&mut self, items: &[(u64, u64)], is_split: bool) -> u64 {
        let members = self.layout.dict;
        let at = self.object(self.of("dict"), members.size, true);
        self.put_word(at + members.used.offset(), items.len() as u64);
        let (Some(keys), Some(values)) = (members.keys, members.values) else {
            if let DictKeysForm::Table { table, mask } = members.keys_form {
                let block = self.entries_in_room(0, 8, items, true);
                self.put_word(at + table.offset(), block);
                self.put_word(at + mask.offset(), 7);
            }
            return at;
        };
        let only: Vec<(u64, u64)> = items.iter().map(|&(key, _)| (key, 0)).collect();
        let block = self.keys(if is_split { &only } else { items }, is_split);
        self.put_word(at + keys.offset(), block);
        if is_split {
            let block = self.values(items);
            self.put_word(at + values.offset(), block);
        }
        at
    }

    /// A block with `head` bytes, then entries: with a hash or without.
    fn entries_in_room(&mut self, head: u64, room: u64, items: &[(u64, u64)], hashed: bool) -> u64 {
        let size = if hashed { 24 } else { 16 };
        let at = self.room(head + room * size);
        for (index, &(key, value)) in items.iter().enumerate() {
            let entry = at + head + size * (index as u64 + 1) - 16;
            self.put_word(entry, key);
            self.put_word(entry + 8, value);
        }
        at
    }

    /// Keys with 8 slots.
    fn keys(&mut self, items: &[(u64, u64)], is_split: bool) -> u64 {
        let members = self.layout.dict;
        let head = members.keys_indices + 8;
        let hashed = matches!(members.keys_form, DictKeysForm::Sized { .. });
        let at = self.entries_in_room(head, 5, items, hashed);
        match members.keys_form {
            DictKeysForm::Sized { slots } => self.put_word(at + slots.offset(), 8),
            DictKeysForm::Logged {
                log2_slots,
                log2_index_bytes,
                kind,
            } => {
                self.put(at + log2_slots.offset(), &[3]);
                self.put(at + log2_index_bytes.offset(), &[3]);
                self.put(at + kind.offset(), &[if is_split { 2 } else { 1 }]);
            }
            DictKeysForm::Table { .. } => {}
        }
        self.put_word(at + members.keys_entries.offset(), items.len() as u64);
        self.put_word(at + members.keys_usable.offset(), 5 - items.len() as u64);
        self.put(at + members.keys_indices, &[0xff; 8]);
        for index in 0..items.len() as u8 {
            self.put(at + members.keys_indices + u64::from(index), &[index]);
        }
        at
    }

    /// Values in the order of the keys, with room for an order before and behind.
    fn values(&mut self, items: &[(u64, u64)]) -> u64 {
        let before = match self.layout.dict.values_form {
            DictValuesForm::First => 16,
            DictValuesForm::Behind(_) => 0,
        };
        let at = self.room(before + 80) + before;
        let first = match self.layout.dict.values_form {
            DictValuesForm::First => {
                self.put(at - 4, &[1, 0, items.len() as u8, 16]);
                at
            }
            DictValuesForm::Behind(head) => {
                self.put(at, &[5, items.len() as u8, 0, 1]);
                at + u64::from(head)
            }
        };
        for (index, &(_, value)) in items.iter().enumerate() {
            self.put_word(first + 8 * index as u64, value);
        }
        at
    }

    fn module(&mut self, dict: u64) -> u64 {
        let members = self.layout.module;
        let at = self.object(self.of("module"), members.size, true);
        self.put_word(at + members.dict.offset(), dict);
        at
    }

    /// A code object whose parts are all there.
    fn code(&mut self) -> u64 {
        let Some(members) = CodeMembers::of(self.layout.python) else {
            return 0;
        };
        let (text, bytes) = (self.text("code"), self.byte_string(b"d\0S\0"));
        let number = self.int(7);
        let (names, constants) = (self.tuple(&[text]), self.tuple(&[number, text]));
        let at = self.object(self.of("code"), 256, false);
        let later = self.layout.heap.later;
        let mut put = |offset: u32, word| self.put_word(at + later + u64::from(offset), word);
        put(members.constants, constants);
        for offset in [Some(members.file), Some(members.name), members.qualname]
            .into_iter()
            .flatten()
        {
            put(offset, text);
        }
        put(members.names, names);
        for offset in [Some(members.line_table), members.exception_table]
            .into_iter()
            .flatten()
        {
            put(offset, bytes);
        }
        match members.locals {
            LocalsForm::Three(locals, free, cells) => {
                [locals, free, cells].map(|offset| put(offset, names))
            }
            LocalsForm::Kinds(locals, kinds) => [(locals, names), (kinds, bytes), (kinds, bytes)]
                .map(|(offset, word)| put(offset, word)),
        };
        match members.instructions {
            InstructionsForm::Bytes(offset) => put(offset, bytes),
            InstructionsForm::Adaptive { at: start, .. } => {
                put(start, 0x0053_0064);
                self.put_word(at + self.layout.header.length.offset(), 2);
            }
        }
        at
    }

    fn function(&mut self, globals: u64, code: u64) -> u64 {
        let members = self.layout.function;
        let at = self.object(self.of("function"), members.size, true);
        self.put_word(at + members.globals.offset(), globals);
        self.put_word(at + members.code.offset(), code);
        at
    }

    /// Links everything that is collected into one ring through the head in the interpreter; gives its ends.
    fn link(&mut self) -> (u64, u64) {
        let links = self.layout.gc_head;
        let around = self.collected.clone();
        for pair in around.windows(2) {
            self.put_word(pair[0] + links.next.offset(), pair[1]);
            self.put_word(pair[1] + links.prev.offset(), pair[0]);
        }
        let ends = around
            .first()
            .zip(around.last())
            .map(|(&first, &last)| (first, last));
        let Some((first, last)) = ends else {
            return (BASE, BASE);
        };
        let list = pyunload_fuzz::objects::first_list(self.layout);
        self.put_word(first + links.prev.offset(), list);
        self.put_word(last + links.next.offset(), list);
        (first, last)
    }

    /// The classes that every image needs.
    fn basic_classes(&mut self) {
        let layout = self.layout;
        let (header, later) = (layout.header.size, layout.heap.later);
        self.class("type", layout.class.heap_size, 1 << 31 | COLLECTED);
        self.class("object", header, 0);
        let long = if layout.python.0 == 2 {
            1 << 23
        } else {
            1 << 24
        };
        self.class("int", header + 8, long);
        match layout.python.0 {
            2 => self.class("str", layout.bytes.data + 1, 1 << 27),
            _ => {
                self.class("bytes", layout.bytes.data + 1, 1 << 27);
                self.class("str", layout.text.compact_size + 8, 1 << 28)
            }
        };
        self.class("list", 40 + later, 1 << 25 | COLLECTED);
        self.class("tuple", layout.tuple.items, 1 << 26 | COLLECTED);
        self.class("dict", layout.dict.size, 1 << 29 | COLLECTED);
        self.class("module", layout.module.size, COLLECTED);
        self.class("function", layout.function.size, COLLECTED);
        self.class("code", 200 + later, 0);
    }
}

/// An input: the head with these places (object to begin with, modules, sys, first and last link), and the memory.
fn input(index: usize, places: [u64; 5], bytes: Vec<u8>) -> Vec<u8> {
    let mut input = vec![0; HEAD];
    input[0] = index as u8;
    for (number, place) in places.into_iter().enumerate() {
        let words = u16::try_from((place - BASE) / 8).expect("a small image");
        input[2 + 2 * number..4 + 2 * number].copy_from_slice(&words.to_le_bytes());
    }
    input.extend(bytes);
    input
}

/// Everything.
pub fn image(index: usize, layout: &Layout) -> Vec<u8> {
    let mut arena = Arena::new(layout);
    arena.basic_classes();
    let [name, sys, shop] = ["__name__", "sys", "shop"].map(|text| arena.text(text));
    let number = arena.int(0x30d_03f0);
    let code = arena.code();
    let sysdict = arena.dict(&[(name, sys), (shop, number)], false);
    let globals = arena.dict(&[(name, shop), (sys, code)], false);
    let function = arena.function(globals, code);
    let split = arena.dict(&[(name, function), (shop, number)], true);
    let list = arena.list(&[function, split, globals]);
    let others = arena.tuple(&[list, number, name]);
    let (first, second) = (arena.module(sysdict), arena.module(globals));
    let modules = arena.dict(&[(sys, first), (shop, second)], false);
    let kinds = layout.heap.structures.current();
    let mut instances = vec![others, modules];
    for kind in kinds.iter().skip(index * OTHERS % kinds.len()).take(OTHERS) {
        let name = kind.classes.split(' ').next().unwrap_or_default();
        let size = kind.size + layout.heap.later;
        let class = arena.class(name, kind.size, COLLECTED);
        let instance = arena.object(class, size, true);
        for (number, (_, offset)) in kind.members().enumerate() {
            arena.put_word(
                instance + offset + layout.heap.later,
                [list, code, others][number % 3],
            );
        }
        instances.push(instance);
    }
    let all = arena.tuple(&instances);
    let (start, end) = arena.link();
    input(index, [all, modules, sysdict, start, end], arena.bytes)
}

/// A dict, and a split one, as small as they can be.
pub fn dict_image(index: usize, layout: &Layout) -> Vec<u8> {
    let mut arena = Arena::new(layout);
    // What a dict's class is does not matter to those who read it.
    for class in ["dict", "str", "bytes"] {
        arena.classes.insert(class.to_owned(), BASE);
    }
    let sources = arena.room(16);
    let (name, other) = (arena.text("__name__"), arena.text("a"));
    let whole = arena.dict(&[(name, other), (other, name)], false);
    let split = arena.dict(&[(name, other), (other, name)], true);
    if let (Some(keys), Some(values)) = (layout.dict.keys, layout.dict.values) {
        let word = |at: u64| {
            let at = (at - BASE) as usize;
            u64::from_le_bytes(arena.bytes[at..at + 8].try_into().expect("8 bytes"))
        };
        let (keys, values) = (word(split + keys.offset()), word(split + values.offset()));
        arena.put_word(sources, keys);
        arena.put_word(sources + 8, values);
    }
    let entry = if index % 2 == 0 { whole } else { split };
    input(index, [entry, whole, split, BASE, BASE], arena.bytes)
}
