//! References kept outside the structure of an object: items of lists, dicts, sets and queues.

use super::edge::{Edge, EdgeName};
use super::look::{Look, certain};
use super::rounds::Rounds;
use crate::address::Address;
use crate::cpython::layout::{DictKeysForm, DictValuesForm};
use crate::target::memory::word_in;
use crate::target::view::ViewMemory;

/// The entries of a keys object, or of the table of a 2.7 dict.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entries<'m> {
    bytes: &'m [u8],
    /// Bytes of an entry: its last two words are key and value.
    size: usize,
    pub(super) count: u64,
}

impl<'m> Entries<'m> {
    /// Key and value of each entry.
    pub(super) fn iter(self) -> impl Iterator<Item = (Address, Address)> + 'm {
        let size = self.size;
        self.bytes.chunks_exact(size).map(move |entry| {
            let word = |offset| word_in(entry, offset).unwrap_or_default();
            (word(size - 16), word(size - 8))
        })
    }

    /// The key of one entry.
    pub(super) fn key(&self, index: u64) -> Option<Address> {
        let at = usize::try_from(index).ok()?.checked_mul(self.size)?;
        word_in(self.bytes, at.checked_add(self.size - 16)?)
    }
}

impl<'m, M: ViewMemory> Look<'m, M> {
    /// The entries of the keys object at `keys` (`PyDictKeysObject`).
    pub(super) fn entries(&self, keys: Address) -> Option<Entries<'m>> {
        let dict = &self.layout.dict;
        let head = self.view(keys, dict.keys_indices)?;
        let count = u64::try_from(dict.keys_entries.get(head)?).ok()?;
        let (indices, size) = match dict.keys_form {
            DictKeysForm::Table { .. } => return None,
            DictKeysForm::Sized { slots } => {
                let slots = u64::try_from(slots.get(head)?).ok()?;
                (slots.checked_mul(index_width(slots))?, 24)
            }
            DictKeysForm::Logged {
                log2_index_bytes,
                kind,
                ..
            } => {
                let bytes = 1u64.checked_shl(log2_index_bytes.get(head)?.into())?;
                (bytes, if kind.get(head)? == 0 { 24 } else { 16 })
            }
        };
        let at = keys.checked_add(dict.keys_indices)?.checked_add(indices)?;
        let bytes = self.view(at, count.checked_mul(size)?)?;
        Some(Entries {
            bytes,
            size: size as usize,
            count,
        })
    }

    /// The open table of a 2.7 dict.
    fn table(&self, dict: Address) -> Option<Entries<'m>> {
        let DictKeysForm::Table { table, mask } = self.layout.dict.keys_form else {
            return None;
        };
        let count = u64::try_from(self.word::<i64>(mask.of(dict))?).ok()? + 1;
        let bytes = self.view(self.word(table.of(dict))?, count.checked_mul(24)?)?;
        Some(Entries {
            bytes,
            size: 24,
            count,
        })
    }

    pub(super) fn visit_dict(&self, dict: Address, visit: &mut impl FnMut(Edge)) {
        if self.shared.interned.contains(&dict) {
            return;
        }
        let layout = &self.layout.dict;
        let (Some(keys), Some(values)) = (layout.keys, layout.values) else {
            return self.visit_table(dict, visit);
        };
        let Some(entries) = self.word(keys.of(dict)).and_then(|at| self.entries(at)) else {
            return;
        };
        match self.word::<Address>(values.of(dict)) {
            Some(values) if !values.is_null() => self.visit_split(entries, values, visit),
            _ => {
                for (key, value) in entries.iter().filter(|(_, value)| !value.is_null()) {
                    certain(visit, key, EdgeName::Key);
                    certain(visit, value, EdgeName::Value(key));
                }
            }
        }
    }

    /// The keys object of a dict that has its values apart from its keys.
    pub(super) fn shared_keys(&self, dict: Address) -> Option<Address> {
        let layout = &self.layout.dict;
        let values: Address = self.word(layout.values?.of(dict))?;
        let keys: Address = self.word(layout.keys?.of(dict))?;
        (!dict.is_null() && !values.is_null()).then_some(keys)
    }

    /// A deleted slot still owns its key, which is then a marker.
    fn visit_table(&self, dict: Address, visit: &mut impl FnMut(Edge)) {
        for (key, value) in self.table(dict).iter().flat_map(|table| table.iter()) {
            certain(visit, key, EdgeName::Key);
            certain(visit, value, EdgeName::Value(key));
        }
    }

    /// The keys are owned by the keys object. Values that lie in the instance are owned by it.
    fn visit_split(&self, entries: Entries<'m>, values: Address, visit: &mut impl FnMut(Edge)) {
        let first = match self.layout.dict.values_form {
            DictValuesForm::First => values,
            DictValuesForm::Behind(offset) => {
                if self.word::<u8>(values.offset(2)) != Some(0) {
                    return;
                }
                values.offset(offset.into())
            }
        };
        self.visit_values(entries, first, entries.count, visit);
    }

    /// `count` values from `first` on, named by the keys of `entries`.
    pub(super) fn visit_values(
        &self,
        entries: Entries<'m>,
        first: Address,
        count: u64,
        visit: &mut impl FnMut(Edge),
    ) {
        for (index, value) in self.words(first, count).iter().enumerate() {
            let key = entries.key(index as u64).unwrap_or_default();
            certain(visit, value, EdgeName::Value(key));
        }
    }

    pub(super) fn visit_list(&self, list: Address, visit: &mut impl FnMut(Edge)) {
        let items = self.word(self.layout.list.items.of(list));
        self.visit_items(items.unwrap_or_default(), self.length(list), visit);
    }

    pub(super) fn visit_tuple(&self, tuple: Address, least: u64, visit: &mut impl FnMut(Edge)) {
        let items = tuple.offset(self.layout.tuple.items);
        self.visit_items(items, self.length(tuple).max(least), visit);
    }

    pub(super) fn visit_items(&self, items: Address, count: u64, visit: &mut impl FnMut(Edge)) {
        for (index, item) in self.words(items, count).iter().enumerate() {
            certain(visit, item, EdgeName::Item(index as u64));
        }
    }

    /// Deleted entries have the hash -1 and a marker that is not counted; on 2.7 it is counted.
    pub(super) fn visit_set(&self, set: Address, visit: &mut impl FnMut(Edge)) {
        let key = self.heap().set_key;
        let later = self.heap().later;
        let (mask, table) = (set.offset(32 + later), set.offset(40 + later));
        let count = self.word::<u64>(mask).unwrap_or_default().wrapping_add(1);
        let (Some(table), Some(length)) = (self.word(table), count.checked_mul(16)) else {
            return;
        };
        for entry in self
            .view(table, length)
            .unwrap_or_default()
            .chunks_exact(16)
        {
            let hash = word_in::<i64>(entry, (8 - key) as usize);
            if key != 0 || hash != Some(-1) {
                let member = word_in(entry, key as usize).unwrap_or_default();
                certain(visit, member, EdgeName::Member);
            }
        }
    }

    /// Slots outside of the two indices are never cleared, and own nothing.
    pub(super) fn visit_deque(&self, deque: Address, visit: &mut impl FnMut(Edge)) {
        let form = &self.heap().deque;
        let index = |field| {
            self.member::<i64>(deque, field)
                .and_then(|at| u64::try_from(at).ok())
        };
        let (Some(mut block), Some(last), Some(mut left), Some(right)) = (
            self.member::<Address>(deque, form.left_block),
            self.member::<Address>(deque, form.right_block),
            index(form.left_index),
            index(form.right_index),
        ) else {
            return;
        };
        let (mut number, mut rounds) = (0, Rounds::from(block));
        loop {
            let end = match block == last {
                true => right.saturating_add(1).min(form.block_length),
                false => form.block_length,
            };
            let count = end.saturating_sub(left);
            for item in self
                .words(block.offset(form.items + left * 8), count)
                .iter()
            {
                certain(visit, item, EdgeName::Item(number));
                number += 1;
            }
            let next = self.word(block.offset(form.right_link));
            match next.filter(|_| block != last) {
                Some(next) if !rounds.are_over(next) => block = next,
                _ => return,
            }
            left = 0;
        }
    }

    /// Keys of the nodes that keep the order; each owns one more reference to its key.
    pub(super) fn visit_order(&self, dict: Address, visit: &mut impl FnMut(Edge)) {
        // `od_first` follows the dict; a node is key, hash, next, previous.
        let first = self.word(dict.offset(self.layout.dict.size));
        let mut node: Address = first.unwrap_or_default();
        let most = self.word::<u64>(self.layout.dict.used.of(dict));
        let mut rounds = Rounds::from(node);
        for _ in 0..most.unwrap_or_default() {
            let Some(bytes) = self.view(node, 24).filter(|_| !node.is_null()) else {
                return;
            };
            certain(visit, word_in(bytes, 0).unwrap_or_default(), EdgeName::Key);
            node = word_in(bytes, 16).unwrap_or_default();
            if rounds.are_over(node) {
                return;
            }
        }
    }

    pub(super) fn visit_ring(&self, queue: Address, visit: &mut impl FnMut(Edge)) {
        let Some(form) = self.heap().ring else { return };
        let number = |field| {
            self.member::<i64>(queue, field)
                .and_then(|at| u64::try_from(at).ok())
        };
        let (Some(items), Some(first), Some(capacity), Some(count)) = (
            self.member::<Address>(queue, form.items),
            number(form.first),
            number(form.capacity),
            number(form.count),
        ) else {
            return;
        };
        let words = self.words(items, capacity);
        // From the oldest item to the end of the ring, then from its begin on.
        let ring = words.iter().skip(first as usize).chain(words.iter());
        for (index, item) in ring.take(count.min(capacity) as usize).enumerate() {
            certain(visit, item, EdgeName::Item(index as u64));
        }
    }

    /// `numread` of the 57 `values` are there (`Modules/itertoolsmodule.c`).
    pub(super) fn visit_tee(&self, tee: Address, visit: &mut impl FnMut(Edge)) {
        let tee = tee.offset(self.heap().later);
        let pair = [(16, "it"), (32, "nextlink")];
        for (offset, name) in pair {
            let to = self.word(tee.offset(offset)).unwrap_or_default();
            certain(visit, to, EdgeName::Attribute(name));
        }
        let read = self.word::<i32>(tee.offset(24)).unwrap_or_default();
        self.visit_items(tee.offset(40), read.clamp(0, 57) as u64, visit);
    }

    /// `tag`, `text`, `tail`, and in a block of its own `attrib` and the children. The lowest bit
    /// of `text` and `tail` says that they still have to be joined.
    pub(super) fn visit_element(&self, element: Address, visit: &mut impl FnMut(Edge)) {
        let form = &self.heap().element;
        let at = element.offset(self.heap().later);
        for (offset, name) in [(16, "tag"), (24, "text"), (32, "tail")] {
            let word: u64 = self.word(at.offset(offset)).unwrap_or_default();
            certain(visit, Address::new(word & !1), EdgeName::Attribute(name));
        }
        let extra = self.member(element, form.extra).unwrap_or_default();
        let Some(attributes) = self.word(extra).filter(|_| !extra.is_null()) else {
            return;
        };
        certain(visit, attributes, EdgeName::Attribute("attrib"));
        let children = self.field(extra, form.children).unwrap_or_default();
        let count = self.field(extra, form.length).unwrap_or_default();
        self.visit_items(children, count.into(), visit);
    }

    /// The links of an `lru_cache`: a ring through `root`, which owns each of them besides the dict
    /// (`Modules/_functoolsmodule.c`).
    pub(super) fn visit_links(&self, cache: Address, visit: &mut impl FnMut(Edge)) {
        let next = 24 + self.heap().later;
        let mut link: Address = self.word(cache.offset(next)).unwrap_or_default();
        let (mut number, mut rounds) = (0, Rounds::from(cache));
        while !link.is_null() && !rounds.are_over(link) && link != cache {
            certain(visit, link, EdgeName::Item(number));
            link = self.word(link.offset(next)).unwrap_or_default();
            number += 1;
        }
    }

    /// `PyMemoTable`: three numbers, the third how many entries, and the entries, each an object
    /// and a number (`Modules/_pickle.c`).
    pub(super) fn visit_pickler(&self, pickler: Address, visit: &mut impl FnMut(Edge)) {
        let memo: Address = self
            .word(pickler.offset(16 + self.heap().later))
            .unwrap_or_default();
        let (Some(count), Some(table)) = (
            self.word::<u64>(memo.offset(16)),
            self.word(memo.offset(24)),
        ) else {
            return;
        };
        let entries = count
            .checked_mul(16)
            .and_then(|length| self.view(table, length));
        for entry in entries.unwrap_or_default().chunks_exact(16) {
            let to = word_in(entry, 0).unwrap_or_default();
            certain(visit, to, EdgeName::Member);
        }
    }

    /// `memo` and `memo_size` (`Modules/_pickle.c`).
    pub(super) fn visit_unpickler(&self, unpickler: Address, visit: &mut impl FnMut(Edge)) {
        let at = unpickler.offset(24 + self.heap().later);
        if let (Some(memo), Some(count)) = (self.word(at), self.word(at.offset(8))) {
            self.visit_items(memo, count, visit);
        }
    }
}

/// Bytes of an index of a table with this many slots (`DK_IXSIZE`, 3.6 to 3.10).
pub(super) const fn index_width(slots: u64) -> u64 {
    match slots {
        0..=0xff => 1,
        0x100..=0xffff => 2,
        0x1_0000..=0xffff_ffff => 4,
        _ => 8,
    }
}
