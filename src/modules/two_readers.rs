//! Two threads that read one half each: most of the time goes into the kernel's copying.
//!
//! Not for a target that is stopped: what is read then is found out before the stop.

use crate::cpython::python::{Interpreter, Python};
use crate::modules::reading::{Found, Reader};
use crate::pyobject::dict::Entry;
use crate::target::memory::{ReadError, ReadMemory};
use crate::target::second_thread::SecondThread;

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
        let (first, second) = entries.split_at(entries.len() / 2);
        let second = second.to_vec();
        let (found, (back, rest)) = self.second.both(
            || self.front.read(first),
            move || {
                let rest = back.read(&second);
                (back, rest)
            },
        );
        self.back = Some(back);
        let mut found = found?;
        found.extend(rest?);
        Ok(found)
    }
}
