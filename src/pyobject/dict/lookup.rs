//! Looking keys up in many dicts by their hash, as the interpreter itself does.
//!
//! From 3.6 on a dict has a table of small indices into its entries, in the order that hashes give
//! (`Objects/dictobject.c`, `lookdict`; to 3.6 the first step is another one, so that is left out).
//! The way through it is walked here for each name, in the bytes of one reading. It says what a scan
//! of all entries would, and spares reading every key of every dict. A dict that is kept otherwise,
//! is very large, or changes meanwhile is not walked but left to the scan.

use super::entry::{Entry, Source};
use super::table::{DictHeader, EntryForm, Guard, keys_shape, read_headers};
use crate::address::Address;
use crate::cpython::layout::{DictKeysForm, Layout};
use crate::pyobject::batch;
use crate::target::memory::{ReadError, ReadMemory, word_in};

/// For how many dead entries a table is thought to have room at first.
const DEAD: u64 = 8;
/// The largest table that is read to be walked, in bytes.
const LARGEST: u64 = 1 << 17;
/// The longest way that is walked; in a table at most two thirds full it is a few steps.
const LONGEST: usize = 128;
/// `PERTURB_SHIFT`
const PERTURB: u32 = 5;

/// What is known of a key on the way to a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is the name.
    Same,
    /// It is not.
    Other,
    /// It has to be read.
    Unknown,
}

/// An entry on the way to a name: the one under it, if its key is the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Which source.
    pub source: usize,
    /// Which name.
    pub name: usize,
    /// The entry.
    pub entry: Entry,
}

/// What each source is known to have under one of the names. A table that has it is the one of that source, and not
/// one that has taken its place since it was found; the dict need not be asked again.
#[derive(Debug, Clone, Copy)]
pub struct Proof<'p> {
    /// Which name.
    pub name: usize,
    /// The value under it in each source.
    pub values: &'p [Address],
}

impl Proof<'_> {
    /// That of the first `count` sources, and that of the others.
    pub fn split_at(self, count: usize) -> (Self, Self) {
        let (first, rest) = self.values.split_at(count.min(self.values.len()));
        let with = |values| Proof { values, ..self };
        (with(first), with(rest))
    }

    fn is_given_by(&self, found: &Candidate) -> bool {
        let known = self.values.get(found.source);
        found.name == self.name && known == Some(&found.entry.value)
    }
}

/// What walking came to.
#[derive(Debug, Default)]
pub struct Ways {
    /// Entries whose key is the name or is not known.
    pub candidates: Vec<Candidate>,
    /// Of each source, whether it was walked for every name; if not, only a scan tells.
    pub is_walked: Vec<bool>,
}

/// Whether the dicts of this version can be walked.
pub fn can_walk(layout: &Layout) -> bool {
    layout.python >= (3, 7) && !matches!(layout.dict.keys_form, DictKeysForm::Table { .. })
}

/// Walks the way to every one of `hashes` in every source. Without `proof` each dict is asked again for its table.
///
/// # Errors
/// As [`ReadMemory::read_some_at`]: the source as a whole is out of reach.
pub fn walk_many<const N: usize>(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    sources: &[Source],
    hashes: &[u64; N],
    proof: Option<Proof<'_>>,
    judge: impl Fn(Address, usize) -> Verdict,
) -> Result<Ways, ReadError> {
    let mut ways = Ways {
        candidates: Vec::new(),
        is_walked: vec![false; sources.len()],
    };
    let headers = read_headers(memory, layout, sources)?;
    let open: Vec<Open> = (0..)
        .zip(headers)
        .filter_map(|(source, header)| Some((source, header.ok()?)))
        .filter(|(_, header)| header.is_combined())
        .map(|(source, header)| (source, header, likely_size(layout, header.used)))
        .collect();
    let larger = walk_open(memory, layout, &open, hashes, &judge, &mut ways)?;
    // A table that has grown again by then is one for the scan.
    walk_open(memory, layout, &larger, hashes, &judge, &mut ways)?;
    let mut is_proven = vec![false; sources.len()];
    if let Some(proof) = proof {
        let is_it = |found: &&Candidate| judge(found.entry.key, found.name) == Verdict::Same;
        for found in ways.candidates.iter().filter(is_it) {
            is_proven[found.source] |= proof.is_given_by(found);
        }
    }
    let unproven = open.iter().filter(|(source, ..)| !is_proven[*source]);
    drop_changed(memory, layout, unproven, &mut ways)?;
    Ok(ways)
}

/// How large the table of a dict of so many items is, in bytes, when it has as many slots as it gets when it grows
/// (`GROWTH_RATE`), and few of its entries are dead.
fn likely_size(layout: &Layout, used: i64) -> usize {
    let used = u64::try_from(used).unwrap_or(0).min(LARGEST);
    let slots = (3 * used).next_power_of_two();
    let form = match layout.dict.keys_form {
        DictKeysForm::Logged { .. } => EntryForm::Plain,
        _ => EntryForm::Hashed,
    };
    let indices = slots * if slots > 0xff { 2 } else { 1 };
    let size = layout.dict.keys_indices + indices + (used + DEAD) * form.size();
    size.min(LARGEST) as usize
}

/// A dict to be walked: which source it is, its header, and how many bytes of its table to read.
type Open = (usize, DictHeader, usize);

/// Walks those whose table is read as a whole; returns the others, with the size of their tables.
fn walk_open<const N: usize>(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    open: &[Open],
    hashes: &[u64; N],
    judge: &impl Fn(Address, usize) -> Verdict,
    ways: &mut Ways,
) -> Result<Vec<Open>, ReadError> {
    let spans: Vec<_> = open
        .iter()
        .map(|&(_, header, size)| (header.keys, size))
        .collect();
    let mut larger = Vec::new();
    batch::visit_spans(memory, &spans, |index, bytes| {
        let (source, header, size) = open[index];
        match Keys::of(layout, header, bytes) {
            Some(keys) if keys.size() <= bytes.len() as u64 => {
                let walked = keys.walk_all(source, hashes, judge, &mut ways.candidates);
                ways.is_walked[source] = walked.is_some();
            }
            Some(keys) if keys.size() > size as u64 && keys.size() <= LARGEST => {
                larger.push((source, header, keys.size() as usize));
            }
            _ => {}
        }
    })?;
    Ok(larger)
}

/// Takes back what was found in dicts whose table is another one by now.
fn drop_changed<'o>(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    walked: impl Iterator<Item = &'o Open>,
    ways: &mut Ways,
) -> Result<(), ReadError> {
    let guards: Vec<(usize, Guard)> = walked
        .map(|&(source, header, _)| (source, Guard(header)))
        .collect();
    let spans: Vec<_> = guards.iter().map(|(_, guard)| guard.span(layout)).collect();
    batch::visit_spans(memory, &spans, |index, bytes| {
        let (source, guard) = &guards[index];
        ways.is_walked[*source] &= guard.holds(layout, bytes);
    })
}

/// A `PyDictKeysObject`, as far as it was read.
struct Keys<'b> {
    bytes: &'b [u8],
    indices: usize,
    /// Bytes of an index: 1, 2, 4 or 8.
    width: usize,
    slots: u64,
    entries: usize,
    form: EntryForm,
    count: u64,
}

impl<'b> Keys<'b> {
    fn of(layout: &Layout, header: DictHeader, bytes: &'b [u8]) -> Option<Self> {
        let shape = keys_shape(layout, header.source.at(), bytes).ok()?;
        let count = u64::try_from(layout.dict.keys_entries.get(bytes)?).ok()?;
        let indices = layout.dict.keys_indices as usize;
        let width = shape.index_bytes / shape.slots;
        let fits = matches!(width, 1 | 2 | 4 | 8) && shape.index_bytes <= LARGEST;
        (fits && count <= shape.slots).then_some(Keys {
            bytes,
            indices,
            width: width as usize,
            slots: shape.slots,
            entries: indices + shape.index_bytes as usize,
            form: shape.form,
            count,
        })
    }

    /// Bytes of all of it.
    fn size(&self) -> u64 {
        self.entries as u64 + self.count * self.form.size()
    }

    /// Walks to all names; `None` when what is on a way makes no sense.
    fn walk_all<const N: usize>(
        &self,
        source: usize,
        hashes: &[u64; N],
        judge: &impl Fn(Address, usize) -> Verdict,
        candidates: &mut Vec<Candidate>,
    ) -> Option<()> {
        for (name, &hash) in hashes.iter().enumerate() {
            let first = candidates.len();
            self.walk(hash, |entry| {
                let verdict = judge(entry.key, name);
                if verdict == Verdict::Same {
                    candidates.truncate(first);
                }
                if verdict != Verdict::Other {
                    candidates.push(Candidate {
                        source,
                        name,
                        entry,
                    });
                }
                verdict != Verdict::Same
            })?;
        }
        Some(())
    }

    /// Hands out the entries on the way of a hash until one is the last.
    fn walk(&self, hash: u64, mut goes_on: impl FnMut(Entry) -> bool) -> Option<()> {
        let mask = self.slots - 1;
        let (mut slot, mut perturb) = (hash & mask, hash);
        for _ in 0..LONGEST {
            match self.index(slot)? {
                // `DKIX_EMPTY`
                -1 => return Some(()),
                // `DKIX_DUMMY`
                -2 => {}
                index => {
                    let entry = self.entry(u64::try_from(index).ok()?, hash)?;
                    if let Some(entry) = entry
                        && !goes_on(entry)
                    {
                        return Some(());
                    }
                }
            }
            perturb >>= PERTURB;
            slot = (slot.wrapping_mul(5).wrapping_add(perturb).wrapping_add(1)) & mask;
        }
        None
    }

    fn index(&self, slot: u64) -> Option<i64> {
        let at = self.indices + slot as usize * self.width;
        match self.width {
            1 => word_in::<i8>(self.bytes, at).map(i64::from),
            2 => word_in::<i16>(self.bytes, at).map(i64::from),
            4 => word_in::<i32>(self.bytes, at).map(i64::from),
            _ => word_in::<i64>(self.bytes, at),
        }
    }

    /// The entry with this index; `Some(None)` when it is dead, or has another hash.
    fn entry(&self, index: u64, hash: u64) -> Option<Option<Entry>> {
        if index >= self.count {
            return None;
        }
        let at = self.entries + (index * self.form.size()) as usize;
        let bytes = self.bytes.get(at..)?;
        let has_hash = match self.form {
            EntryForm::Hashed => word_in::<u64>(bytes, 0)? == hash,
            EntryForm::Plain => true,
        };
        let entry = self.form.entry(bytes)?;
        let is_live = !entry.key.is_null() && !entry.value.is_null();
        Some((has_hash && is_live).then_some(entry))
    }
}

#[cfg(test)]
#[path = "lookup_tests.rs"]
mod tests;
