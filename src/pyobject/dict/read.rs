//! Reading dicts that may change meanwhile.
//!
//! A running target changes its dicts while they are read. Entries lie in a block that a dict
//! replaces as a whole when it grows; inside a block they stay where they are. So the header that
//! names the block is read before and after the entries, and a dict whose block was replaced
//! meanwhile is read again. What is returned then is an entry for every key that was there all the
//! time; of keys that came or went meanwhile, some.

use super::entry::{Entry, Source};
use super::table::{Table, find_tables, read_headers};
use crate::address::Address;
use crate::cpython::layout::Layout;
use crate::pyobject::batch;
use crate::pyobject::error::ObjectError;
use crate::pyobject::text;
use crate::target::memory::{ReadError, ReadMemory};

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
    let size = |table: &Table| table.spans().iter().map(|&(_, size)| size).sum();
    table.as_ref().map_or(0, size)
}

/// Reads the entries and values of tables, then what guards them, in that order.
fn read_entries(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    tables: &[Result<Table, ObjectError>],
) -> Result<Vec<Result<Vec<Entry>, ObjectError>>, ReadError> {
    let readable = || tables.iter().flatten();
    let spans: Vec<(Address, usize)> = readable().flat_map(Table::spans).collect();
    let guards: Vec<(Address, usize)> = readable().map(|table| table.guard.span(layout)).collect();
    let blocks = batch::read_spans(memory, &spans)?;
    let guards = batch::read_spans(memory, &guards)?;
    let mut next = (0..guards.len()).map(|index| {
        let whole = |block: usize| Some(blocks.get(block)).filter(|b| b.len() == spans[block].1);
        let pair = [whole(2 * index), whole(2 * index + 1)];
        (pair, guards.get(index))
    });
    let results = tables.iter().map(|table| {
        let table = table.as_ref().map_err(Clone::clone)?;
        let Some(([entries, values], guard)) = next.next() else {
            return Err(table.changed());
        };
        if !table.guard.holds(layout, guard) {
            return Err(table.changed());
        }
        table.entries_in(layout, entries, values)
    });
    Ok(results.collect())
}
