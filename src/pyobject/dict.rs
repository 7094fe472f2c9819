//! `dict` of every form: the open table of 2.7, combined and split tables since 3.6.
//!
//! A running target changes its dicts while they are read. Entries lie in a block that a dict
//! replaces as a whole when it grows; inside a block they stay where they are. So the header that
//! names the block is read before and after the entries, and a dict whose block was replaced
//! meanwhile is read again. What is returned then is an entry for every key that was there all the
//! time; of keys that came or went meanwhile, some.

use crate::address::Address;
use crate::cpython::layout::{DictKeysForm, DictValuesForm, Layout};
use crate::pyobject::batch;
use crate::pyobject::error::ObjectError;
use crate::pyobject::text;
use crate::target::memory::{Piece, ReadError, ReadMemory, word_in};

/// The most slots, live and dead ones, that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Of one dict.
    pub one: u64,
    /// Of all dicts that are read together.
    pub all: u64,
}

/// What is read of a single dict.
pub const SINGLE: Limit = Limit {
    one: 1 << 20,
    all: 1 << 20,
};
/// How often a dict that changes while it is read is read again.
const ATTEMPTS: usize = 64;
/// How many bytes of tables are read at once.
const AT_ONCE: usize = 32 << 20;
/// How many keys are read at once.
const AT_ONCE_KEYS: usize = 1 << 16;

/// One item of a dict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Entry {
    /// The key.
    pub key: Address,
    /// The value.
    pub value: Address,
}

/// Where the items of a dict are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// In the dict at this address.
    Dict(Address),
    /// In an instance that has no dict yet: the keys of its class and values of its own.
    Values {
        /// `PyDictKeysObject`.
        keys: Address,
        /// `PyDictValues`.
        values: Address,
    },
}

impl Source {
    /// The address to name in errors.
    fn at(self) -> Address {
        match self {
            Source::Dict(at) => at,
            Source::Values { values, .. } => values,
        }
    }
}

/// Reads the items of the dict at `at`, in its order.
///
/// # Errors
/// As [`read_many`] for one dict.
pub fn read(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    at: Address,
) -> Result<Vec<Entry>, ObjectError> {
    read_source(memory, layout, Source::Dict(at))
}

/// Reads the items of one source, in their order.
///
/// # Errors
/// As [`read_many`] for one dict.
pub fn read_source(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    source: Source,
) -> Result<Vec<Entry>, ObjectError> {
    read_many(memory, layout, &[source], SINGLE)
        .map_err(ObjectError::reading(source.at(), "dict"))?
        .pop()
        .unwrap_or_else(|| Err(ObjectError::cut(source.at(), "dict", 1, 0)))
}

/// Reads the items of many dicts in three batches, and again those that changed meanwhile.
///
/// For each dict: [`ObjectError::Unreadable`], [`ObjectError::Malformed`],
/// [`ObjectError::TooLarge`] for more slots than `limit` allows, or [`ObjectError::Changed`] when its
/// table was replaced during each of 64 readings.
///
/// # Errors
/// As [`ReadMemory::read_some_at`]: the source as a whole is out of reach.
pub fn read_many(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    sources: &[Source],
    limit: Limit,
) -> Result<Vec<Result<Vec<Entry>, ObjectError>>, ReadError> {
    let mut results = read_once(memory, layout, sources, limit)?;
    for _ in 1..ATTEMPTS {
        let again: Vec<usize> = (0..results.len())
            .filter(|&index| matches!(results[index], Err(ref error) if is_transient(error)))
            .collect();
        if again.is_empty() {
            break;
        }
        let changed: Vec<Source> = again.iter().map(|&index| sources[index]).collect();
        let second = read_once(memory, layout, &changed, limit)?;
        let stuck = again.iter().zip(&second).all(|(&index, result)| {
            *result == results[index] && !matches!(result, Err(ObjectError::Changed { .. }))
        });
        for (index, result) in again.into_iter().zip(second) {
            results[index] = result;
        }
        if stuck {
            break;
        }
    }
    Ok(results)
}

/// Finds the value under a `str` key.
///
/// # Errors
/// As [`read`]; keys that cannot be read are passed over.
pub fn find(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    at: Address,
    name: &str,
) -> Result<Option<Address>, ObjectError> {
    let entries = read(memory, layout, at)?;
    let kind = text::native(layout);
    for some in entries.chunks(AT_ONCE_KEYS) {
        let keys: Vec<(Address, text::Kind)> = some.iter().map(|entry| (entry.key, kind)).collect();
        let mut budget = AT_ONCE as u64;
        let keys = text::read_many(memory, layout, &keys, &mut budget)
            .map_err(ObjectError::reading(at, "dict"))?;
        let is_it = |key: &Result<text::Text, ObjectError>| {
            key.as_ref().is_ok_and(|key| key.as_str() == Some(name))
        };
        if let Some(index) = keys.iter().position(is_it) {
            return Ok(Some(some[index].value));
        }
    }
    Ok(None)
}

/// Whether a second reading may succeed: a dict that is replaced while it is read can look like
/// anything.
fn is_transient(error: &ObjectError) -> bool {
    !matches!(error, ObjectError::TooLarge { .. })
}

/// Where the entries of one dict are, and what guards them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Table {
    source: Source,
    entries: Address,
    /// How many entries fit.
    slots: u64,
    /// How many entries there are, dead ones included.
    count: u64,
    form: EntryForm,
    values: Option<Values>,
    /// The members that name the block, as read before the entries.
    guard: Vec<u8>,
    guard_at: Address,
}

/// What an entry consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EntryForm {
    /// hash, key, value
    Hashed,
    /// key, value
    Plain,
}

/// The values of a split dict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Values {
    at: Address,
    /// What to read of them.
    from: Address,
    size: usize,
}

impl EntryForm {
    fn size(self) -> u64 {
        match self {
            EntryForm::Hashed => 24,
            EntryForm::Plain => 16,
        }
    }

    fn entry(self, bytes: &[u8]) -> Option<Entry> {
        let key = self.size() as usize - 16;
        Some(Entry {
            key: word_in(bytes, key)?,
            value: word_in(bytes, key + 8)?,
        })
    }
}

fn read_once(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    sources: &[Source],
    limit: Limit,
) -> Result<Vec<Result<Vec<Entry>, ObjectError>>, ReadError> {
    let headers = read_headers(memory, layout, sources)?;
    let tables = find_tables(memory, layout, headers, limit)?;
    let mut results = Vec::with_capacity(tables.len());
    let mut rest = tables.as_slice();
    while !rest.is_empty() {
        let mut size = 0;
        let count = rest
            .iter()
            .take_while(|table| {
                let fits = size == 0 || size + bytes_of(table) <= AT_ONCE;
                size += bytes_of(table);
                fits
            })
            .count();
        let (now, later) = rest.split_at(count);
        results.extend(read_entries(memory, layout, now)?);
        rest = later;
    }
    Ok(results)
}

fn bytes_of(table: &Result<Table, ObjectError>) -> usize {
    table.as_ref().map_or(0, |table| {
        (table.count * table.form.size()) as usize + table.values.map_or(0, |values| values.size)
    })
}

/// What the dict object itself says.
#[derive(Debug, Clone)]
struct DictHeader {
    source: Source,
    bytes: Vec<u8>,
    keys: Address,
    values: Address,
}

fn read_headers(
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
            bytes: Vec::new(),
            keys,
            values,
        }),
    });
    Ok(parsed.collect())
}

fn header_size(layout: &Layout) -> usize {
    let dict = &layout.dict;
    let end = match dict.keys_form {
        DictKeysForm::Table { table, mask } => table.offset().max(mask.offset()),
        _ => dict.size.saturating_sub(8),
    };
    end as usize + 8
}

fn parse_header(layout: &Layout, source: Source, bytes: &[u8]) -> Option<DictHeader> {
    let dict = &layout.dict;
    let (keys, values) = match dict.keys_form {
        DictKeysForm::Table { table, .. } => (table.get(bytes)?, Address::NULL),
        _ => (dict.keys?.get(bytes)?, dict.values?.get(bytes)?),
    };
    Some(DictHeader {
        source,
        bytes: bytes.to_vec(),
        keys,
        values,
    })
}

fn find_tables(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    headers: Vec<Result<DictHeader, ObjectError>>,
    limit: Limit,
) -> Result<Vec<Result<Table, ObjectError>>, ReadError> {
    let mut left = limit.all;
    let mut bounded = |table: Table| {
        let one = limit.one.min(left);
        left = left.saturating_sub(table.slots);
        table.bounded(one)
    };
    if let DictKeysForm::Table { .. } = layout.dict.keys_form {
        let tables = headers.into_iter().map(|header| {
            let table = open_table(layout, header?)?;
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
fn open_table(layout: &Layout, header: DictHeader) -> Result<Table, ObjectError> {
    let at = header.source.at();
    let DictKeysForm::Table { mask, .. } = layout.dict.keys_form else {
        return Err(ObjectError::OtherClass { at, what: "dict" });
    };
    let mask = mask.get(&header.bytes).unwrap_or(-1);
    let slots = (mask as u64).wrapping_add(1);
    if !slots.is_power_of_two() {
        return Err(malformed(at, "ma_mask", mask as u64));
    }
    Ok(Table {
        source: header.source,
        entries: header.keys,
        slots,
        count: slots,
        form: EntryForm::Hashed,
        values: None,
        guard: guard_of(layout, &header.bytes),
        guard_at: at,
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
        guard: guard_of(layout, &header.bytes),
        guard_at: at,
    })
}

/// What the header of a `PyDictKeysObject` says about the sizes behind it.
struct KeysShape {
    slots: u64,
    index_bytes: u64,
    form: EntryForm,
}

fn keys_shape(layout: &Layout, at: Address, keys: &[u8]) -> Result<KeysShape, ObjectError> {
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

/// Where the values of a split dict and their order are.
///
/// To 3.10 they stand in the order of the keys. From 3.11 on a list of bytes says in which order
/// they were set: growing down before the values in 3.11 and 3.12, behind their capacity from 3.13
/// on (`Objects/dictobject.c`, `_PyDictValues_AddToInsertionOrder`).
fn values_of(
    layout: &Layout,
    at: Address,
    values: Address,
    count: u64,
    head: &[u8],
) -> Result<Values, ObjectError> {
    if layout.python < (3, 11) {
        let size = count as usize * 8;
        return Ok(Values {
            at: values,
            from: values,
            size,
        });
    }
    if count > SHARED_KEYS_MAX {
        return Err(malformed(at, "dk_nentries of shared keys", count));
    }
    Ok(match layout.dict.values_form {
        DictValuesForm::First => Values {
            at: values,
            from: values.before(ORDER_BEFORE),
            size: (ORDER_BEFORE + count * 8) as usize,
        },
        DictValuesForm::Behind(header) => Values {
            at: values,
            from: values,
            size: (u64::from(header) + capacity(at, head)? * 9) as usize,
        },
    })
}

/// `PyDictValues.capacity`: room for as many values as the keys allowed when the instance was made.
fn capacity(at: Address, head: &[u8]) -> Result<u64, ObjectError> {
    let capacity = head.first().copied().map(u64::from);
    capacity.ok_or_else(|| ObjectError::cut(at, "values of a dict", 1, 0))
}

/// The most keys that instances share (`SHARED_KEYS_MAX_SIZE`).
const SHARED_KEYS_MAX: u64 = 30;
/// Order bytes of at most 30 keys, their count and the size of the prefix, before the values.
const ORDER_BEFORE: u64 = SHARED_KEYS_MAX + 2;

fn malformed(at: Address, detail: &'static str, value: u64) -> ObjectError {
    ObjectError::Malformed {
        at,
        what: "dict",
        detail,
        value,
    }
}

/// The bytes of a dict's header that name its block: everything from its keys or table on.
fn guard_of(layout: &Layout, header: &[u8]) -> Vec<u8> {
    header
        .get(guard_offset(layout)..)
        .unwrap_or_default()
        .to_vec()
}

fn guard_offset(layout: &Layout) -> usize {
    let offset = match layout.dict.keys_form {
        DictKeysForm::Table { table, mask } => table.offset().min(mask.offset()),
        _ => layout.dict.keys.map_or(0, |keys| keys.offset()),
    };
    offset as usize
}

/// Reads the entries and values of tables, then what guards them, in that order.
fn read_entries(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    tables: &[Result<Table, ObjectError>],
) -> Result<Vec<Result<Vec<Entry>, ObjectError>>, ReadError> {
    let mut spans = Vec::new();
    for table in tables.iter().flatten() {
        spans.push((table.entries, (table.count * table.form.size()) as usize));
        spans.push(
            table
                .values
                .map_or((table.guard_at, 0), |values| (values.from, values.size)),
        );
    }
    for table in tables.iter().flatten() {
        let guard = table.guard_at.offset(guard_offset(layout) as u64);
        spans.push((guard, table.guard.len()));
    }
    let total: usize = spans.iter().map(|&(_, size)| size).sum();
    let mut bytes = vec![0u8; total];
    let blocks = read_in_order(memory, &spans, &mut bytes)?;
    let readable = tables.iter().flatten().count();
    let mut next = 0;
    let results = tables.iter().map(|table| {
        let table = table.as_ref().map_err(Clone::clone)?;
        let index = next;
        next += 1;
        let guard = blocks[2 * readable + index];
        table.entries_in(layout, blocks[2 * index], blocks[2 * index + 1], guard)
    });
    Ok(results.collect())
}

/// Reads spans one behind the other; `None` for those that memory does not fill.
fn read_in_order<'b>(
    memory: &(impl ReadMemory + ?Sized),
    spans: &[(Address, usize)],
    bytes: &'b mut [u8],
) -> Result<Vec<Option<&'b [u8]>>, ReadError> {
    let mut rest = bytes;
    let mut pieces: Vec<Option<Piece<'b>>> = Vec::with_capacity(spans.len());
    for &(at, size) in spans {
        let (piece, behind) = rest.split_at_mut(size);
        pieces.push((size > 0).then(|| Piece::new(at, piece)));
        rest = behind;
    }
    let is_empty: Vec<bool> = pieces.iter().map(Option::is_none).collect();
    let mut pieces: Vec<Piece<'b>> = pieces.into_iter().flatten().collect();
    memory.read_batch(&mut pieces)?;
    let mut read = pieces.into_iter();
    Ok(is_empty
        .into_iter()
        .map(|is_empty| {
            if is_empty {
                return Some(&[][..]);
            }
            let piece = read.next()?;
            piece.complete.then_some(&*piece.bytes)
        })
        .collect())
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

    fn entries_in(
        &self,
        layout: &Layout,
        entries: Option<&[u8]>,
        values: Option<&[u8]>,
        guard: Option<&[u8]>,
    ) -> Result<Vec<Entry>, ObjectError> {
        let at = self.source.at();
        if guard != Some(self.guard.as_slice()) {
            return Err(ObjectError::Changed { at, what: "dict" });
        }
        let size = (self.count * self.form.size()) as usize;
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
        let values =
            values.ok_or_else(|| ObjectError::cut(place.at, "values of a dict", place.size, 0))?;
        Ok(split_entries(layout, &keys, values))
    }
}

/// Joins shared keys and the values of one dict, in the order in which the values were set.
fn split_entries(layout: &Layout, keys: &[Address], values: &[u8]) -> Vec<Entry> {
    let (first, order) = match order_of(layout, values) {
        Some((first, order)) => (first, distinct(order, keys.len())),
        None => (0, (0..keys.len()).collect()),
    };
    let entry = |index: usize| {
        let value: Address = word_in(values, first + index * 8)?;
        let key = *keys.get(index)?;
        (!value.is_null() && !key.is_null()).then_some(Entry { key, value })
    };
    order.into_iter().filter_map(entry).collect()
}

/// Where the values begin in the bytes read, and their indices in order, of which at most the
/// capacity are read. `None` where values stand in the order of the keys.
fn order_of(layout: &Layout, values: &[u8]) -> Option<(usize, Vec<u8>)> {
    if layout.python < (3, 11) {
        return None;
    }
    match layout.dict.values_form {
        DictValuesForm::First => {
            let first = ORDER_BEFORE as usize;
            let end = first - 2;
            let count = usize::from(*values.get(end)?).min(end);
            let order = values.get(end - count..end)?;
            Some((first, order.iter().rev().copied().collect()))
        }
        DictValuesForm::Behind(header) => {
            let first = header as usize;
            let (capacity, count) = (*values.first()?, *values.get(1)?);
            let start = first + usize::from(capacity) * 8;
            let end = start + usize::from(count.min(capacity));
            Some((first, values.get(start..end).unwrap_or_default().to_vec()))
        }
    }
}

/// The indices below `limit`, each once.
fn distinct(order: Vec<u8>, limit: usize) -> Vec<usize> {
    let mut seen = [false; 256];
    order
        .into_iter()
        .map(usize::from)
        .filter(|&index| index < limit && !std::mem::replace(&mut seen[index], true))
        .collect()
}
