//! Where the entries of a dict are, told by its header and that of its keys.

use super::entry::{Entry, Source};
use super::split::{Values, split_entries, values_of};
use crate::address::Address;
use crate::cpython::layout::{DictKeysForm, Field, Layout};
use crate::pyobject::batch;
use crate::pyobject::error::ObjectError;
use crate::target::memory::{ReadError, ReadMemory, word_in};

/// Where the entries of one dict are, and what guards them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    source: Source,
    entries: Address,
    /// How many entries fit.
    slots: u64,
    /// How many entries there are, dead ones included.
    count: u64,
    form: EntryForm,
    values: Option<Values>,
    pub(super) guard: Guard,
}

/// What an entry consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryForm {
    /// hash, key, value
    Hashed,
    /// key, value
    Plain,
}

impl EntryForm {
    pub(super) fn size(self) -> u64 {
        match self {
            EntryForm::Hashed => 24,
            EntryForm::Plain => 16,
        }
    }

    /// The first entry in `bytes`.
    pub(super) fn entry(self, bytes: &[u8]) -> Option<Entry> {
        let key = self.size() as usize - 16;
        Some(Entry {
            key: word_in(bytes, key)?,
            value: word_in(bytes, key + 8)?,
        })
    }
}

/// The header of a dict as it was before the entries were read: it names their block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Guard(pub(super) DictHeader);

impl Guard {
    /// What to read again; nothing of an instance that has no dict.
    pub(super) fn span(&self, layout: &Layout) -> (Address, usize) {
        match self.0.source {
            Source::Dict(at) => (at, header_size(layout)),
            Source::Values { values, .. } => (values, 0),
        }
    }

    /// Whether these bytes still name the same block.
    pub(super) fn holds(&self, layout: &Layout, bytes: &[u8]) -> bool {
        match self.0.source {
            Source::Dict(_) => parse_header(layout, self.0.source, bytes)
                .is_some_and(|now| now.table() == self.0.table()),
            Source::Values { .. } => true,
        }
    }
}

/// What the dict object itself says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DictHeader {
    pub(super) source: Source,
    /// `ma_keys`; on 2.7 `ma_table`.
    pub(super) keys: Address,
    /// `ma_values`, or null.
    values: Address,
    /// `ma_mask` of 2.7.
    mask: i64,
    /// `ma_used`, at this moment.
    pub(super) used: i64,
}

impl DictHeader {
    /// What names the table.
    fn table(&self) -> (Address, Address, i64) {
        (self.keys, self.values, self.mask)
    }

    /// Whether keys and values stand together in the entries of a dict of its own.
    pub(super) fn is_combined(&self) -> bool {
        matches!(self.source, Source::Dict(_)) && self.values.is_null()
    }
}

pub(super) fn read_headers(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    sources: &[Source],
) -> Result<Vec<Result<DictHeader, ObjectError>>, ReadError> {
    let size = header_size(layout);
    let dicts: Vec<Address> = sources
        .iter()
        .filter_map(|source| match source {
            Source::Dict(at) => Some(*at),
            Source::Values { .. } => None,
        })
        .collect();
    let blocks = batch::read_blocks(memory, &dicts, size)?;
    let mut next = blocks.iter();
    let parsed = sources.iter().map(|&source| match source {
        Source::Dict(at) => {
            let bytes = next.next().unwrap_or_default();
            parse_header(layout, source, bytes)
                .ok_or_else(|| ObjectError::cut(at, "dict", size, bytes.len()))
        }
        Source::Values { keys, values } => Ok(DictHeader {
            source,
            keys,
            values,
            mask: 0,
            used: 0,
        }),
    });
    Ok(parsed.collect())
}

pub(super) fn header_size(layout: &Layout) -> usize {
    let dict = &layout.dict;
    let last = match dict.keys_form {
        DictKeysForm::Table { table, mask } => table.offset().max(mask.offset()),
        _ => offset(dict.keys).max(offset(dict.values)),
    };
    last as usize + 8
}

fn offset(field: Option<Field<Address>>) -> u64 {
    field.map_or(0, Field::offset)
}

fn parse_header(layout: &Layout, source: Source, bytes: &[u8]) -> Option<DictHeader> {
    let dict = &layout.dict;
    let (keys, values) = match dict.keys_form {
        DictKeysForm::Table { table, .. } => (table.get(bytes)?, Address::NULL),
        _ => (dict.keys?.get(bytes)?, dict.values?.get(bytes)?),
    };
    let mask = match dict.keys_form {
        DictKeysForm::Table { mask, .. } => mask.get(bytes)?,
        _ => 0,
    };
    Some(DictHeader {
        source,
        keys,
        values,
        mask,
        used: dict.used.get(bytes)?,
    })
}

pub(super) fn find_tables(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    headers: Vec<Result<DictHeader, ObjectError>>,
    limit: super::read::Limit,
) -> Result<Vec<Result<Table, ObjectError>>, ReadError> {
    let mut left = limit.all;
    let mut bounded = |table: Table| {
        let one = limit.one.min(left);
        left = left.saturating_sub(table.slots);
        table.bounded(one)
    };
    if let DictKeysForm::Table { .. } = layout.dict.keys_form {
        let tables = headers.into_iter().map(|header| {
            let table = open_table(header?)?;
            bounded(table)
        });
        return Ok(tables.collect());
    }
    let readable = headers.iter().flatten();
    let spans: Vec<(Address, usize)> = readable
        .flat_map(|header| {
            let keys = (header.keys, layout.dict.keys_indices as usize);
            [keys, (header.values, usize::from(!header.values.is_null()))]
        })
        .collect();
    let blocks = batch::read_spans(memory, &spans)?;
    let mut next = blocks.iter();
    let mut block = || next.next().unwrap_or_default();
    let tables = headers.into_iter().map(|header| {
        let header = header?;
        let (keys, values) = (block(), block());
        bounded(keyed_table(layout, header, keys, values)?)
    });
    Ok(tables.collect())
}

/// The table of a 2.7 dict: `ma_mask` + 1 slots at `ma_table`.
fn open_table(header: DictHeader) -> Result<Table, ObjectError> {
    let at = header.source.at();
    let slots = (header.mask as u64).wrapping_add(1);
    if !slots.is_power_of_two() {
        return Err(malformed(at, "ma_mask", header.mask as u64));
    }
    Ok(Table {
        source: header.source,
        entries: header.keys,
        slots,
        count: slots,
        form: EntryForm::Hashed,
        values: None,
        guard: Guard(header),
    })
}

/// The table behind a `PyDictKeysObject` whose header is given, and the first byte of the values.
fn keyed_table(
    layout: &Layout,
    header: DictHeader,
    keys: &[u8],
    values: &[u8],
) -> Result<Table, ObjectError> {
    let (at, dict) = (header.source.at(), &layout.dict);
    let shape = keys_shape(layout, at, keys)?;
    let count = dict.keys_entries.get(keys).unwrap_or(-1);
    if count < 0 || count as u64 > shape.slots {
        return Err(malformed(at, "dk_nentries", count as u64));
    }
    let values = (!header.values.is_null())
        .then(|| values_of(layout, at, header.values, count as u64, values))
        .transpose()?;
    Ok(Table {
        source: header.source,
        entries: header.keys.offset(dict.keys_indices + shape.index_bytes),
        slots: shape.slots,
        count: count as u64,
        form: shape.form,
        values,
        guard: Guard(header),
    })
}

/// How many entries a table with so many slots has room for (`USABLE_FRACTION`).
fn usable(slots: u64) -> u64 {
    (slots << 1) / 3
}

/// `dk_nentries` of a header read again, when it still is of a table of the same size and, where values
/// are apart, of as many entries; 0 on 2.7.
pub(super) fn keys_count(layout: &Layout, table: &Table, keys: &[u8]) -> Option<u64> {
    if let DictKeysForm::Table { .. } = layout.dict.keys_form {
        return Some(0);
    }
    let shape = keys_shape(layout, table.source.at(), keys).ok()?;
    let count = layout.dict.keys_entries.get(keys)? as u64;
    let is_same = shape.slots == table.slots && shape.form == table.form;
    let is_counted = !table.is_split() || count == table.count;
    (is_same && is_counted && count <= shape.slots).then_some(count)
}

/// What the header of a `PyDictKeysObject` says about the sizes behind it.
pub(super) struct KeysShape {
    pub(super) slots: u64,
    pub(super) index_bytes: u64,
    pub(super) form: EntryForm,
}

pub(super) fn keys_shape(
    layout: &Layout,
    at: Address,
    keys: &[u8],
) -> Result<KeysShape, ObjectError> {
    let cut = || {
        ObjectError::cut(
            at,
            "keys of a dict",
            layout.dict.keys_indices as usize,
            keys.len(),
        )
    };
    match layout.dict.keys_form {
        DictKeysForm::Table { .. } => Err(ObjectError::OtherClass { at, what: "dict" }),
        DictKeysForm::Sized { slots } => {
            let slots = slots.get(keys).ok_or_else(cut)? as u64;
            let index_size = match slots {
                0..=0xff => 1,
                0x100..=0xffff => 2,
                0x1_0000..=0xffff_ffff => 4,
                _ => 8,
            };
            if !slots.is_power_of_two() || slots >> 56 != 0 {
                return Err(malformed(at, "dk_size", slots));
            }
            Ok(KeysShape {
                slots,
                index_bytes: slots * index_size,
                form: EntryForm::Hashed,
            })
        }
        DictKeysForm::Logged {
            log2_slots,
            log2_index_bytes,
            kind,
        } => {
            let log2_slots = log2_slots.get(keys).ok_or_else(cut)?;
            let log2_index_bytes = log2_index_bytes.get(keys).ok_or_else(cut)?;
            if log2_slots > 48 || log2_index_bytes > log2_slots + 3 {
                return Err(malformed(at, "dk_log2_size", log2_slots.into()));
            }
            let form = match kind.get(keys).ok_or_else(cut)? {
                0 => EntryForm::Hashed,
                1 | 2 => EntryForm::Plain,
                other => return Err(malformed(at, "dk_kind", other.into())),
            };
            Ok(KeysShape {
                slots: 1 << log2_slots,
                index_bytes: 1 << log2_index_bytes,
                form,
            })
        }
    }
}

pub(super) fn malformed(at: Address, detail: &'static str, value: u64) -> ObjectError {
    ObjectError::Malformed {
        at,
        what: "dict",
        detail,
        value,
    }
}

impl Table {
    fn bounded(self, limit: u64) -> Result<Self, ObjectError> {
        if self.slots > limit {
            return Err(ObjectError::TooLarge {
                at: self.source.at(),
                what: "dict",
                size: self.slots,
                limit,
            });
        }
        Ok(self)
    }

    /// `ma_keys`; on 2.7 `ma_table`.
    pub(super) fn block(&self) -> Address {
        self.guard.0.keys
    }

    /// How many entries are read, dead ones included.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Whether the values are kept apart from the keys.
    pub(super) fn is_split(&self) -> bool {
        self.values.is_some()
    }

    /// Where in the table the live entries of [`Table::entries_in`] are, when it is not split.
    pub(super) fn live_indices(&self, entries: &[u8]) -> Vec<u32> {
        let all = entries.chunks_exact(self.form.size() as usize);
        let is_live = |bytes| {
            let entry = self.form.entry(bytes);
            entry.is_some_and(|entry| !entry.key.is_null() && !entry.value.is_null())
        };
        (0u32..)
            .zip(all)
            .filter(|&(_, bytes)| is_live(bytes))
            .map(|(index, _)| index)
            .collect()
    }

    /// What to read of it: the entries and the values, of which there may be none.
    pub(super) fn spans(&self) -> [(Address, usize); 2] {
        let size = self.size_of(self.count);
        let values = self.values.map(|values| (values.from, values.size));
        [(self.entries, size), values.unwrap_or((self.entries, 0))]
    }

    /// As [`Table::spans`], with the entries that may come until they are read. Nobody can add to a
    /// table of 2.7, which is full of slots, or, without being noticed, where values are apart.
    pub(super) fn spans_with_room(&self) -> [(Address, usize); 2] {
        let [entries, values] = self.spans();
        let is_fixed = self.is_split() || self.count == self.slots;
        let most = if is_fixed {
            self.count
        } else {
            usable(self.slots)
        };
        [(entries.0, self.size_of(most.max(self.count))), values]
    }

    /// The size of so many entries, in bytes.
    pub(super) fn size_of(&self, count: u64) -> usize {
        (count * self.form.size()) as usize
    }

    /// The error of a dict that was replaced meanwhile.
    pub(super) fn changed(&self) -> ObjectError {
        ObjectError::Changed {
            at: self.source.at(),
            what: "dict",
        }
    }

    /// The items, when both spans could be read.
    pub(super) fn entries_in(
        &self,
        layout: &Layout,
        entries: Option<&[u8]>,
        values: Option<&[u8]>,
    ) -> Result<Vec<Entry>, ObjectError> {
        let size = self.size_of(self.count);
        let bytes =
            entries.ok_or_else(|| ObjectError::cut(self.entries, "entries of a dict", size, 0))?;
        let all = bytes
            .chunks_exact(self.form.size() as usize)
            .filter_map(|entry| self.form.entry(entry));
        let Some(place) = self.values else {
            // Dead entries have no value; on 2.7 they keep a dummy key.
            return Ok(all
                .filter(|entry| !entry.key.is_null() && !entry.value.is_null())
                .collect());
        };
        let keys: Vec<Address> = all.map(|entry| entry.key).collect();
        let values = values
            .ok_or_else(|| ObjectError::cut(place.from, "values of a dict", place.size, 0))?;
        Ok(split_entries(layout, &keys, values))
    }
}
