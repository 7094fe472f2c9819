//! The modules of an interpreter: the entries of `sys.modules`, read from outside.
//!
//! A running target imports and drops modules while it is read. Nothing here stops it. Instead the
//! table itself is read before and behind its entries (see [`table`](super::table)). When it has not
//! changed, everything in it was alive all the time, and one reading is enough. When it has, every
//! entry is read until two readings, one after the other, agree on all but the count of references.
//! So an entry that never changes is exact, and one that came or went is either one that existed or
//! left out, and named in a warning.

use crate::address::Address;
use crate::cpython::python::{Interpreter, Python};
use crate::modules::reading::{Found, Reader};
use crate::modules::row::ModuleRow;
use crate::modules::table::Table;
use crate::modules::two_readers::TwoReaders;
use crate::pyobject::dict::{self, Entry};
use crate::pyobject::error::ObjectError;
use crate::target::memory::{ReadError, ReadMemory};
use std::collections::HashMap;

/// How often the table is read, and with it the entries two readings of which have not agreed yet.
const ROUNDS: usize = 16;
/// How many warnings of one kind are listed.
const LISTED: usize = 100;

/// The entries of `sys.modules`, and what could not be read of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    /// In the order of `sys.modules`.
    pub rows: Vec<ModuleRow>,
    /// What is missing in them, and why.
    pub warnings: Vec<String>,
}

/// Reads the modules of a target that may be running.
///
/// # Errors
/// [`ObjectError`] when `sys.modules` itself cannot be read. Whatever is wrong with one entry is a
/// warning.
pub fn inventory(
    memory: &(impl ReadMemory + Sync + ?Sized),
    python: &Python,
    interpreter: &Interpreter,
) -> Result<Inventory, ObjectError> {
    read_until_settled(memory, python, interpreter, ROUNDS)
}

/// Reads the modules of a target that stands still (stopped, or a core): once.
///
/// # Errors
/// As [`inventory`].
pub fn inventory_of_still(
    memory: &(impl ReadMemory + ?Sized),
    python: &Python,
    interpreter: &Interpreter,
) -> Result<Inventory, ObjectError> {
    let mut reader = Reader::new(memory, &python.layout, interpreter.sysdict);
    let table = dict::read(memory, &python.layout, interpreter.modules)?;
    let found = reader.read(&table).map_err(in_modules(interpreter))?;
    Ok(report(found, Vec::new()))
}

/// What is known of an entry that was read.
struct Seen {
    found: Found,
    /// Whether two readings, one after the other, agreed.
    is_settled: bool,
    /// Whether they agreed at least on which entry it is.
    is_same_entry: bool,
}

fn read_until_settled(
    memory: &(impl ReadMemory + Sync + ?Sized),
    python: &Python,
    interpreter: &Interpreter,
    rounds: usize,
) -> Result<Inventory, ObjectError> {
    let mut reader = TwoReaders::new(memory, &python.layout, interpreter.sysdict);
    let mut seen: HashMap<Entry, Seen> = HashMap::new();
    let mut table = Table::read(memory, &python.layout, interpreter.modules)?;
    for _ in 0..rounds {
        let open: Vec<Entry> = table
            .entries
            .iter()
            .filter(|entry| seen.get(entry).is_none_or(|seen| !seen.is_settled))
            .copied()
            .collect();
        if open.is_empty() {
            break;
        }
        let read = reader.read(&open).map_err(in_modules(interpreter))?;
        let before = table;
        table = Table::read(memory, &python.layout, interpreter.modules)?;
        let is_settled = table.proves_unchanged_since(&before);
        if is_settled && seen.is_empty() {
            // Nothing changed from the start: what was read is the whole table.
            return Ok(report(read, Vec::new()));
        }
        for (entry, found) in open.iter().zip(read) {
            note(&mut seen, *entry, found, is_settled);
        }
    }
    Ok(settle(&table.entries, seen))
}

/// Notes one reading of an entry; `is_proven` says that the table did not change around it.
fn note(seen: &mut HashMap<Entry, Seen>, entry: Entry, found: Found, is_proven: bool) {
    let before = seen.remove(&entry);
    let (is_settled, is_same_entry) = before.map_or((false, false), |before| {
        let before = &before.found;
        let is_same_entry =
            before.row.name == found.row.name && before.row.class == found.row.class;
        (before.agrees_with(&found), is_same_entry)
    });
    seen.insert(
        entry,
        Seen {
            found,
            is_settled: is_settled || is_proven,
            is_same_entry: is_same_entry || is_proven,
        },
    );
}

/// The entries of the last table: settled ones, ones that are known though their attributes kept
/// changing, and the rest, which is left out.
fn settle(table: &[Entry], mut seen: HashMap<Entry, Seen>) -> Inventory {
    let (mut rows, mut lost) = (Vec::new(), Vec::new());
    for entry in table {
        match seen.remove(entry) {
            Some(seen) if seen.is_settled => rows.push(seen.found),
            Some(mut seen) if seen.is_same_entry => {
                let warning = format!("{}: it changed while it was read", seen.found.row.name);
                seen.found.warnings.push(warning);
                rows.push(seen.found);
            }
            Some(seen) => lost.push(seen.found.row.name),
            None => lost.push(format!("<key at {}>", entry.key)),
        }
    }
    let mut warnings = Vec::new();
    if !lost.is_empty() {
        let count = lost.len();
        lost.truncate(LISTED);
        warnings.push(format!(
            "sys.modules changed while it was read; left out are {count} entries that could not be \
             read twice the same: {}",
            lost.join(", ")
        ));
    }
    report(rows, warnings)
}

fn report(found: Vec<Found>, mut warnings: Vec<String>) -> Inventory {
    let mut rows = Vec::with_capacity(found.len());
    let mut missing = Vec::new();
    for found in found {
        rows.push(found.row);
        missing.extend(found.warnings);
    }
    let more = missing.len().saturating_sub(LISTED);
    missing.truncate(LISTED);
    warnings.extend(missing);
    if more > 0 {
        warnings.push(format!("and {more} more warnings of this kind"));
    }
    name_aliases(&mut rows);
    Inventory { rows, warnings }
}

/// Notes in each row the other keys of the same object, in the order of the table. `None`, which
/// is every stub's value, has no aliases.
fn name_aliases(rows: &mut [ModuleRow]) {
    let mut keys: Vec<(Address, usize)> = rows
        .iter()
        .enumerate()
        .filter(|(_, row)| row.class.as_deref() != Some("NoneType"))
        .map(|(index, row)| (row.address, index))
        .collect();
    keys.sort_unstable();
    for same in keys.chunk_by(|one, other| one.0 == other.0) {
        for &(_, index) in same.iter().filter(|_| same.len() > 1) {
            let others = same.iter().filter(|&&(_, other)| other != index);
            rows[index].aliases = others
                .take(LISTED)
                .map(|&(_, other)| rows[other].name.clone())
                .collect();
        }
    }
}

fn in_modules(interpreter: &Interpreter) -> impl FnOnce(ReadError) -> ObjectError + use<> {
    ObjectError::reading(interpreter.modules, "module table")
}
