//! Two threads that read one half each: most of the time goes into the kernel's copying.
//!
//! Not for a target that is stopped: what is read then is found out before the stop.

use crate::cpython::python::{Interpreter, Python};
use crate::modules::reading::{Found, Reader};
use crate::pyobject::dict::Entry;
use crate::target::memory::{ReadError, ReadMemory};
use crate::target::own_memory::make_ready;
use std::panic::resume_unwind;
use std::thread::{Builder, scope};

/// Fewer entries are read by one thread: to start another takes as long as to read these.
const WORTH_A_THREAD: usize = 128;

/// What a reader takes of memory for a few hundred entries, in bytes.
const MEMORY: usize = 512 << 10;

/// Two readers, each with what it has learnt so far.
pub(super) struct TwoReaders<'r, M: ?Sized> {
    front: Reader<'r, M>,
    back: Reader<'r, M>,
}

impl<'r, M: ReadMemory + Sync + ?Sized> TwoReaders<'r, M> {
    pub(super) fn new(memory: &'r M, python: &'r Python, interpreter: &Interpreter) -> Self {
        TwoReaders {
            front: Reader::new(memory, python, interpreter),
            back: Reader::new(memory, python, interpreter),
        }
    }

    /// Reads these entries once; alone where the system has no second thread for us.
    pub(super) fn read(&mut self, entries: &[Entry]) -> Result<Vec<Found>, ReadError> {
        if entries.len() < WORTH_A_THREAD {
            return self.front.read(entries);
        }
        let (front, back) = (&mut self.front, &mut self.back);
        let (first, second) = entries.split_at(entries.len() / 2);
        scope(|scope| {
            let other = Builder::new().spawn_scoped(scope, move || {
                make_ready(MEMORY);
                back.read(second)
            });
            make_ready(MEMORY);
            let mut found = front.read(first)?;
            let rest = match other {
                Ok(other) => other.join().unwrap_or_else(|panic| resume_unwind(panic))?,
                Err(_) => front.read(second)?,
            };
            found.extend(rest);
            Ok(found)
        })
    }
}
