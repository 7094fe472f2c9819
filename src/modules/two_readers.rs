//! Two threads that share the entries: most of the time goes into the kernel's copying.
//!
//! Each begins with a large part, and who is done first takes one of the small ones that are left: one half each
//! left one of them waiting for the other a sixth of the time. Not for a target that is stopped: what is read then is found out before the stop.

use crate::cpython::python::{Interpreter, Python};
use crate::modules::draft::Found;
use crate::modules::reading::Reader;
use crate::pyobject::class::Classes;
use crate::pyobject::dict::Entry;
use crate::target::memory::{ReadError, ReadMemory};
use crate::target::second_thread::SecondThread;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Fewer entries are read by one thread: what both learn first takes as long as to read these.
const WORTH_TWO: usize = 128;

/// Two readers, each with what it has learnt so far.
pub(super) struct TwoReaders<'s, 'env, M: ?Sized> {
    second: &'s SecondThread<'env>,
    front: Reader<'env, M>,
    /// `None` only while the second thread has it.
    back: Option<Reader<'env, M>>,
}

impl<'s, 'env, M: ReadMemory + Sync + ?Sized> TwoReaders<'s, 'env, M> {
    pub(super) fn new(
        second: &'s SecondThread<'env>,
        memory: &'env M,
        python: &'env Python,
        interpreter: &Interpreter,
    ) -> Self {
        TwoReaders {
            second,
            front: Reader::new(memory, python, interpreter),
            back: Some(Reader::new(memory, python, interpreter)),
        }
    }

    /// Reads these entries once.
    pub(super) fn read(&mut self, entries: &[Entry]) -> Result<Vec<Found>, ReadError> {
        let back = self.back.take_if(|_| entries.len() >= WORTH_TWO);
        let Some(mut back) = back else {
            return self.front.read(entries);
        };
        let ours = Arc::new(Parts::of(entries));
        let theirs = Arc::clone(&ours);
        let (found, (back, rest)) = self.second.both(
            || ours.read(&mut self.front),
            move || {
                let rest = theirs.read(&mut back);
                (back, rest)
            },
        );
        self.back = Some(back);
        let mut parts = found?;
        parts.extend(rest?);
        parts.sort_unstable_by_key(|&(index, _)| index);
        let mut all = Vec::with_capacity(entries.len());
        parts.into_iter().for_each(|(_, found)| all.extend(found));
        Ok(all)
    }
}

/// Entries in parts, of which each is read by who takes it.
struct Parts {
    entries: Vec<Entry>,
    next: AtomicUsize,
}

impl Parts {
    /// Where the parts end, in twentieths of all entries.
    const ENDS: [usize; 5] = [8, 16, 18, 19, 20];

    fn of(entries: &[Entry]) -> Self {
        Parts {
            entries: entries.to_vec(),
            next: AtomicUsize::new(0),
        }
    }

    /// Reads parts while there are any; what was found in each, with its number.
    fn read<M: ReadMemory + ?Sized>(
        &self,
        reader: &mut Reader<'_, M>,
    ) -> Result<Vec<(usize, Vec<Found>)>, ReadError> {
        let mut found = Vec::with_capacity(Self::ENDS.len());
        let mut classes = Classes::default();
        while let Some((index, part)) = self.take() {
            found.push((index, reader.read_part(part, &mut classes)?));
        }
        Ok(found)
    }

    fn take(&self) -> Option<(usize, &[Entry])> {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        let end = |index: usize| Some(self.entries.len() * Self::ENDS.get(index)? / 20);
        let start = index.checked_sub(1).map_or(Some(0), end)?;
        Some((index, &self.entries[start..end(index)?]))
    }
}
