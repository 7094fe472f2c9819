//! One dict as it was at one moment, and which of its entries stayed until a later one.
//!
//! Everything is read in one call, which takes microseconds: header, count of entries, entries, count
//! and header again. What was read before only says where they are and how many can be there, which
//! stays until the dict moves to another table. So a reader that loses its processor between its
//! calls loses nothing, however fast entries come and go. A target that was caught while it moved the
//! dict (and may stay so for a while, when its thread is not scheduled) has a table with fewer
//! entries than the dict counts: it is read again a little later.

use super::entry::{Entry, Source};
use super::read::SINGLE;
use super::table::{Table, find_tables, header_size, keys_count, read_headers};
use crate::address::Address;
use crate::cpython::layout::{DictKeysForm, Layout};
use crate::pyobject::error::ObjectError;
use crate::target::memory::{Piece, ReadError, ReadMemory};
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// How long a dict that is caught while it changes is read again, when no other end is given.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// How many of these readings follow at once; before each later one the target gets time to go on.
const AT_ONCE: u32 = 16;
/// How long that time is at first; it doubles every few attempts, six times: a thread that a loaded
/// machine has taken off its processor may not come back for a tenth of a second.
const PAUSE: Duration = Duration::from_micros(500);
/// How often the same error, other than that of a change, is believed to be a passing one.
const PASSING: u32 = 48;
/// How far the count of a dict may be off, besides the entries that came meanwhile.
const SLACK: u64 = 16;

/// One dict at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its items, in its order.
    pub entries: Vec<Entry>,
    /// Where in the table each of them is.
    indices: Vec<u32>,
    /// `ma_keys`, and `ma_version_tag` (3.6 to 3.12), which changes with every change.
    block: Address,
    version: Option<u64>,
    /// Entries taken, dead ones included; 0 on 2.7.
    taken: u64,
    /// Whether new entries always go behind all others. Not on 2.7.
    is_ordered: bool,
}

impl Snapshot {
    /// Whether the count of the dict proves that these are all its entries. Not on 2.7, where a dict
    /// that moves to another table counts what it has moved.
    pub fn is_certain(&self) -> bool {
        self.is_ordered
    }

    /// Whether it is of no single moment.
    pub fn is_rough(&self) -> bool {
        self.block.is_null()
    }

    /// Whether nothing came or went since the earlier moment. A key that is set anew takes a new
    /// place, so equal places prove it; on 2.7, where it may take its old one, nothing does.
    pub fn proves_unchanged_since(&self, earlier: &Snapshot) -> bool {
        self.is_ordered && self == earlier
    }

    /// The entries that were there all the time from this moment to the later one.
    ///
    /// Being in both is no proof: a key and a value may have been freed, and others made at the same
    /// addresses. But since 3.6 an entry that goes never comes back to its place: new ones go behind
    /// all others. So an entry stayed when it has the same place in the same table, or when all
    /// entries before it are the same too.
    ///
    /// Not told from that: a table that was rebuilt at the same address, or a tail of entries that all went and came
    /// again in their order, with the same keys and values at the same addresses. Programs that do the same again
    /// and again do that.
    pub fn kept_until(&self, later: &Snapshot) -> HashSet<Entry> {
        if !self.is_ordered {
            return HashSet::new();
        }
        let pairs = self.entries.iter().zip(&later.entries);
        let mut kept: HashSet<Entry> = pairs
            .take_while(|(now, then)| now == then)
            .map(|(now, _)| *now)
            .collect();
        if self.block == later.block && self.taken <= later.taken {
            let places = self.indices.iter().zip(&self.entries);
            let mut others = later.indices.iter().zip(&later.entries).peekable();
            for place in places {
                while others.next_if(|other| other.0 < place.0).is_some() {}
                if others.peek() == Some(&place) {
                    kept.insert(*place.1);
                }
            }
        }
        kept
    }
}

/// Reads the dict at `at` as it is at one moment, again and again until `end`.
///
/// # Errors
/// [`ObjectError`]; [`ObjectError::Changed`] when it was caught while it changed each time.
pub fn read_snapshot(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    at: Address,
    end: Instant,
) -> Result<Snapshot, ObjectError> {
    let mut last = read_moment(memory, layout, at);
    let mut same = 0;
    for attempt in 1.. {
        let is_late = attempt >= AT_ONCE && Instant::now() >= end;
        if last.is_ok() || is_late || same >= PASSING {
            break;
        }
        if attempt >= AT_ONCE {
            std::thread::sleep(PAUSE * (1 << ((attempt - AT_ONCE) / 4).min(6)));
        }
        let next = read_moment(memory, layout, at);
        let is_change = matches!(next, Err(ObjectError::Changed { .. }));
        same = if next == last && !is_change {
            same + 1
        } else {
            0
        };
        last = next;
    }
    last
}

/// Reads the dict at `at` as it is when no moment of it can be had: what came or went meanwhile may
/// be missing, and nothing proves that an entry stayed.
///
/// # Errors
/// As [`super::read`].
pub fn read_roughly(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    at: Address,
) -> Result<Snapshot, ObjectError> {
    Ok(Snapshot {
        entries: super::read(memory, layout, at)?,
        indices: Vec::new(),
        block: Address::NULL,
        version: None,
        taken: 0,
        is_ordered: false,
    })
}

/// Reads the dict at `at` once.
///
/// # Errors
/// [`ObjectError`]; [`ObjectError::Changed`] when it was caught while it changed.
pub fn read_moment(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    at: Address,
) -> Result<Snapshot, ObjectError> {
    let unreadable = |cause: ReadError| ObjectError::reading(at, "dict")(cause);
    let headers = read_headers(memory, layout, &[Source::Dict(at)]).map_err(unreadable)?;
    let mut tables = find_tables(memory, layout, headers, SINGLE).map_err(unreadable)?;
    let table = tables
        .pop()
        .unwrap_or(Err(ObjectError::Changed { at, what: "dict" }))?;
    let is_ordered = !matches!(layout.dict.keys_form, DictKeysForm::Table { .. });
    let keys_size = if is_ordered {
        layout.dict.keys_indices as usize
    } else {
        0
    };
    let (keys, [entries, values]) = (table.block(), table.spans_with_room());
    let dict = (at, header_size(layout));
    let spans = [
        dict,
        (keys, keys_size),
        entries,
        values,
        (keys, keys_size),
        dict,
    ];
    let mut blocks = spans.map(|(_, size)| vec![0u8; size]);
    let mut pieces: Vec<Piece<'_>> = Vec::new();
    for (&(at, size), bytes) in spans.iter().zip(&mut blocks) {
        if size > 0 {
            pieces.push(Piece::new(at, bytes));
        }
    }
    memory.read_batch(&mut pieces).map_err(unreadable)?;
    if !pieces.iter().all(|piece| piece.complete) {
        return Err(table.changed());
    }
    moment(layout, &table, is_ordered, &blocks)
}

/// The snapshot that the blocks hold, when they fit together.
fn moment(
    layout: &Layout,
    table: &Table,
    is_ordered: bool,
    blocks: &[Vec<u8>; 6],
) -> Result<Snapshot, ObjectError> {
    let [before, keys_before, entries, values, keys_after, after] = blocks;
    let is_guarded = table.guard.holds(layout, before) && table.guard.holds(layout, after);
    let taken = keys_count(layout, table, keys_before);
    let taken_after = keys_count(layout, table, keys_after);
    let (Some(taken), Some(taken_after), true) = (taken, taken_after, is_guarded) else {
        return Err(table.changed());
    };
    // On 2.7 entries are not in order: how many came is not known.
    let came = taken_after.saturating_sub(taken);
    let size = table.size_of(if is_ordered { taken } else { table.count() });
    let (true, true, Some(entries)) = (taken <= taken_after, came <= SLACK, entries.get(..size))
    else {
        return Err(table.changed());
    };
    let read = table.entries_in(layout, Some(entries), Some(values))?;
    let used = |bytes: &[u8]| layout.dict.used.get(bytes).unwrap_or(-1) as u64;
    let (least, most) = (used(before).min(used(after)), used(before).max(used(after)));
    let live = read.len() as u64;
    let slack = SLACK + came;
    if live.saturating_add(slack) < least || live > most.saturating_add(slack) {
        return Err(table.changed());
    }
    Ok(Snapshot {
        indices: table.live_indices(entries),
        entries: read,
        block: table.block(),
        version: layout.dict.version_tag.and_then(|tag| tag.get(after)),
        taken,
        is_ordered: is_ordered && !table.is_split(),
    })
}
