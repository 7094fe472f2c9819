//! The modules of an interpreter: the entries of `sys.modules`, read from outside.
//!
//! A running target imports and drops modules while it is read. Nothing here stops it. Instead every
//! entry is read in rounds, and the table before and after each. When the table proves that nothing
//! came or went, everything in it was alive all the time, and one reading is enough. Else an entry is
//! settled when two readings, one after the other, agree on all but the count of references, and the
//! tables prove that it was there all the time; without that proof it takes more readings that
//! agree. What has no class is no object, and never settled. So an entry that never changes is exact, and
//! one that came or went is either one that existed or left out, and named in a warning.

use crate::address::Address;
use crate::cpython::python::{Interpreter, Python};
use crate::modules::draft::Found;
use crate::modules::reading::Reader;
use crate::modules::row::ModuleRow;
use crate::modules::two_readers::TwoReaders;
use crate::pyobject::dict::{self, Entry, Snapshot};
use crate::pyobject::error::ObjectError;
use crate::target::memory::{ReadError, ReadMemory};
use crate::target::second_thread::{SecondThread, with_second_thread};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How many rounds there are: each reads the entries that are not settled yet.
const ROUNDS: usize = 10;
/// How many readings in a row must agree when the tables prove that the entry stayed.
const PROVEN: u32 = 2;
/// How many must agree without that proof: an object may have been freed and another one made at
/// the same address, but hardly the same one each time.
const UNPROVEN: u32 = 4;
/// A table whose count proves nothing (2.7) and that lacks so many entries that the one before had was
/// caught half filled, or else many modules were dropped at once: it is read again before that is believed.
const SUSPICIOUS: usize = 16;
const CAUGHT: &str = "sys.modules was caught while it changed: some may be missing";
/// What a reader takes of memory for a few hundred entries, in bytes.
pub const READERS_MEMORY: usize = 768 << 10;
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
    with_second_thread(READERS_MEMORY, |second| {
        inventory_with(second, memory, python, interpreter)
    })
}

/// As [`inventory`], with a second thread that is there already.
///
/// # Errors
/// As [`inventory`].
pub fn inventory_with<'env>(
    second: &SecondThread<'env>,
    memory: &'env (impl ReadMemory + Sync + ?Sized),
    python: &'env Python,
    interpreter: &Interpreter,
) -> Result<Inventory, ObjectError> {
    let reader = TwoReaders::new(second, memory, python, interpreter);
    read_until_settled(reader, memory, python, interpreter, ROUNDS)
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
    let (layout, modules) = (&python.layout, interpreter.modules);
    let (table, warning) = match dict::read_moment(memory, layout, modules) {
        Ok(snapshot) => (snapshot.entries, None),
        Err(_) => (dict::read(memory, layout, modules)?, Some(CAUGHT.into())),
    };
    let mut reader = Reader::new(memory, python, interpreter);
    let found = reader.read(&table).map_err(in_modules(interpreter))?;
    Ok(report(found, warning.into_iter().collect()))
}

/// What is known of an entry that was read.
struct Seen {
    found: Found,
    /// The last reading before that one which differed from it.
    differed: Option<Found>,
    /// How many readings in a row agree on all.
    agree: u32,
    /// How many readings in a row agree at least on its name, class and namespace.
    same: u32,
    /// For how many readings in a row the tables prove that it stayed.
    kept: u32,
}

impl Seen {
    fn is_settled(&self) -> bool {
        self.is_object() && is_enough(self.agree, self.kept)
    }

    fn is_known(&self) -> bool {
        self.is_object() && is_enough(self.same, self.kept)
    }

    /// Whether there was an object. However often the tables and the readings agree: a program that makes and drops
    /// modules in rounds puts the same entry in the same place again, and each reading may have fallen between.
    fn is_object(&self) -> bool {
        self.found.row.class.is_some()
    }

    fn again(self, found: Found, is_kept: bool) -> Seen {
        let same = |row: &ModuleRow| (row.name.clone(), row.class.clone(), row.dict);
        let is_same = same(&self.found.row) == same(&found.row);
        let agrees = self.found.agrees_with(&found);
        Seen {
            agree: if agrees { self.agree + 1 } else { 1 },
            same: if is_same { self.same + 1 } else { 1 },
            kept: if is_kept { self.kept + 1 } else { 0 },
            differed: if agrees {
                self.differed
            } else {
                Some(self.found)
            },
            found,
        }
    }
}

fn is_enough(agree: u32, kept: u32) -> bool {
    agree.min(kept) >= PROVEN || agree >= UNPROVEN
}

fn read_until_settled<M: ReadMemory + Sync + ?Sized>(
    mut reader: TwoReaders<'_, '_, M>,
    memory: &M,
    python: &Python,
    interpreter: &Interpreter,
    rounds: usize,
) -> Result<Inventory, ObjectError> {
    let end = Instant::now() + dict::PATIENCE;
    let mut seen: HashMap<Entry, Seen> = HashMap::new();
    let mut table = read_table(memory, python, interpreter, end)?;
    for _ in 0..rounds {
        let is_open = |entry: &&Entry| !seen.get(*entry).is_some_and(Seen::is_settled);
        let open: Vec<Entry> = table.entries.iter().filter(is_open).copied().collect();
        // A program without modules does not exist: an empty table was caught while it was filled.
        if open.is_empty() && !table.entries.is_empty() {
            break;
        }
        let read = reader.read(&open).map_err(in_modules(interpreter))?;
        let after = read_next_table(memory, python, interpreter, &table, end)?;
        if seen.is_empty() && after.proves_unchanged_since(&table) {
            // Nothing came or went from the start: what was read is the whole table.
            return Ok(report(read, Vec::new()));
        }
        let kept = table.kept_until(&after);
        for (entry, found) in open.into_iter().zip(read) {
            note(&mut seen, entry, found, kept.contains(&entry));
        }
        table = after;
    }
    Ok(settle(&table, seen))
}

fn note(seen: &mut HashMap<Entry, Seen>, entry: Entry, found: Found, is_kept: bool) {
    let now = match seen.remove(&entry) {
        Some(before) => before.again(found, is_kept),
        None => Seen {
            found,
            differed: None,
            agree: 1,
            same: 1,
            kept: is_kept.into(),
        },
    };
    seen.insert(entry, now);
}

/// The entries of the last table: settled ones, ones that are known though their attributes kept
/// changing, and the rest, which is left out.
fn settle(table: &Snapshot, mut seen: HashMap<Entry, Seen>) -> Inventory {
    let (mut rows, mut lost) = (Vec::new(), Vec::new());
    for entry in &table.entries {
        match seen.remove(entry) {
            Some(seen) if seen.is_settled() => rows.push(seen.found),
            Some(seen) if seen.is_known() => rows.push(without_what_changed(seen)),
            Some(seen) => lost.push(seen.found.row.name),
            None => lost.push(format!("<key at {}>", entry.key)),
        }
    }
    let mut warnings = Vec::new();
    if table.is_rough() {
        warnings.push(CAUGHT.into());
    }
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

/// An entry that is known, without the attributes that changed from reading to reading.
fn without_what_changed(seen: Seen) -> Found {
    let mut found = seen.found;
    if let Some(other) = seen.differed {
        found.row = found.row.common_with(&other.row);
    }
    let warning = format!(
        "{}: its attributes changed while they were read",
        found.row.name
    );
    found.warnings.push(warning);
    found
}

fn report(found: Vec<Found>, mut warnings: Vec<String>) -> Inventory {
    let mut missing = Vec::new();
    let rows = found.into_iter().map(|found| {
        missing.extend(found.warnings);
        found.row
    });
    let mut rows: Vec<ModuleRow> = rows.collect();
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
    let all = rows.iter().zip(0..);
    let mut keys: Vec<(Address, usize)> = all.map(|(row, index)| (row.address, index)).collect();
    keys.sort_unstable();
    for same in keys.chunk_by(|one, next| one.0 == next.0) {
        let is_alias = same.len() > 1 && rows[same[0].1].class.as_deref() != Some("NoneType");
        for &(_, index) in same.iter().filter(|_| is_alias) {
            let others = same.iter().map(|(_, index)| index);
            let others = others.filter(|&&other| other != index);
            rows[index].aliases = others
                .take(LISTED)
                .map(|&other| rows[other].name.clone())
                .collect();
        }
    }
}

/// The table as it is at one moment; when there is none until `end`, what can be read of it.
fn read_table(
    memory: &(impl ReadMemory + ?Sized),
    python: &Python,
    interpreter: &Interpreter,
    end: Instant,
) -> Result<Snapshot, ObjectError> {
    let (layout, at) = (&python.layout, interpreter.modules);
    match dict::read_snapshot(memory, layout, at, end) {
        Err(ObjectError::Changed { .. }) => dict::read_roughly(memory, layout, at),
        read => read,
    }
}

/// The table some time after another one.
fn read_next_table(
    memory: &(impl ReadMemory + ?Sized),
    python: &Python,
    interpreter: &Interpreter,
    before: &Snapshot,
    end: Instant,
) -> Result<Snapshot, ObjectError> {
    const ATTEMPTS: u32 = 12;
    let enough = before.entries.len().saturating_sub(SUSPICIOUS);
    let mut table = read_table(memory, python, interpreter, end)?;
    for attempt in 0..ATTEMPTS {
        if table.entries.len() >= enough || table.is_certain() {
            break;
        }
        std::thread::sleep(Duration::from_micros(100 << attempt));
        table = read_table(memory, python, interpreter, end)?;
    }
    Ok(table)
}

fn in_modules(interpreter: &Interpreter) -> impl FnOnce(ReadError) -> ObjectError + use<> {
    ObjectError::reading(interpreter.modules, "module table")
}
