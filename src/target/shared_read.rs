//! Reading many pieces with two threads or more, to keep a stop short.
//!
//! A helper waits from before the stop on. Under the stop all take pieces from the same queue
//! until it is empty; whoever is late finds nothing left, so the one that holds the stop never waits
//! for more than the few pieces the others have in hand. Only the one that holds the stop begins and
//! ends it; if it never does, [`SharedRead::end`] lets the helper go.

use crate::target::memory::{Piece, ReadError, ReadMemory};
use std::slice::ChunksMut;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Pieces to read, for several threads.
#[derive(Debug)]
pub struct SharedRead<'p, 'b> {
    state: Mutex<State<'p, 'b>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<'p, 'b> {
    queue: ChunksMut<'p, Piece<'b>>,
    phase: Phase,
    /// How many threads have pieces in hand.
    busy: usize,
    failed: Option<ReadError>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Waiting,
    Reading,
    Ended,
}

impl<'p, 'b> SharedRead<'p, 'b> {
    /// Pieces that nobody reads yet. `at_once` are taken at a time: enough to make a system call worth
    /// it, few enough to wait for.
    pub fn new(pieces: &'p mut [Piece<'b>], at_once: usize) -> Self {
        SharedRead {
            state: Mutex::new(State {
                queue: pieces.chunks_mut(at_once),
                phase: Phase::Waiting,
                busy: 0,
                failed: None,
            }),
            changed: Condvar::new(),
        }
    }

    /// Helps, from the beginning to the end. Returns when there is nothing to do any more.
    pub fn help(&self, memory: &(impl ReadMemory + ?Sized)) {
        let mut state = self.lock();
        while state.phase == Phase::Waiting {
            state = self.wait(state);
        }
        drop(state);
        self.take_and_read(memory);
    }

    /// Begins, reads, and returns when every piece has been read.
    ///
    /// # Errors
    /// As [`ReadMemory::read_batch`], of any thread.
    pub fn read(&self, memory: &(impl ReadMemory + ?Sized)) -> Result<(), ReadError> {
        self.enter(Phase::Reading);
        self.take_and_read(memory);
        self.end();
        let mut state = self.lock();
        while state.busy > 0 {
            state = self.wait(state);
        }
        state.failed.take().map_or(Ok(()), Err)
    }

    /// Lets the helper go, whatever is left.
    pub fn end(&self) {
        self.enter(Phase::Ended);
    }

    fn take_and_read(&self, memory: &(impl ReadMemory + ?Sized)) {
        let mut state = self.lock();
        while state.phase == Phase::Reading && state.failed.is_none() {
            let Some(pieces) = state.queue.next() else {
                return;
            };
            state.busy += 1;
            drop(state);
            let read = memory.read_batch(pieces);
            state = self.lock();
            state.busy -= 1;
            state.failed = state.failed.take().or(read.err());
            self.changed.notify_all();
        }
    }

    fn enter(&self, phase: Phase) {
        self.lock().phase = phase;
        self.changed.notify_all();
    }

    /// A thread that panicked has left nothing half done in here.
    fn lock(&self) -> MutexGuard<'_, State<'p, 'b>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'g>(&self, state: MutexGuard<'g, State<'p, 'b>>) -> MutexGuard<'g, State<'p, 'b>> {
        let woken = self.changed.wait(state);
        woken.unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Address;
    use crate::target::fake::FakeMemory;

    fn pieces(buffers: &mut [[u8; 4]]) -> Vec<Piece<'_>> {
        let at = |index: usize| Address::new(0x1000 + 4 * index as u64);
        let with_index = buffers.iter_mut().enumerate();
        with_index.map(|(i, b)| Piece::new(at(i), b)).collect()
    }

    #[test]
    fn two_threads_read_every_piece_once() {
        let bytes: Vec<u8> = (0..4000u32).flat_map(|i| i.to_le_bytes()).collect();
        let memory = FakeMemory::new().with(0x1000, &bytes);
        let mut buffers = vec![[0xff; 4]; 4000];
        let mut wanted = pieces(&mut buffers);
        let shared = SharedRead::new(&mut wanted, 128);
        std::thread::scope(|scope| {
            scope.spawn(|| shared.help(&memory));
            assert_eq!(shared.read(&memory), Ok(()));
        });
        assert!(wanted.iter().all(|piece| piece.complete));
        assert_eq!(buffers.concat(), bytes);
    }

    #[test]
    fn a_helper_that_is_never_called_is_let_go() {
        let memory = FakeMemory::new();
        let mut wanted = Vec::new();
        let shared = SharedRead::new(&mut wanted, 128);
        std::thread::scope(|scope| {
            scope.spawn(|| shared.help(&memory));
            shared.end();
        });
    }

    #[test]
    fn a_helper_that_comes_too_late_finds_nothing_to_do() {
        let memory = FakeMemory::new().with(0x1000, &[7; 4]);
        let mut buffers = [[0; 4]];
        let mut wanted = pieces(&mut buffers);
        let shared = SharedRead::new(&mut wanted, 128);
        assert_eq!(shared.read(&memory), Ok(()));
        shared.help(&memory);
        assert_eq!(buffers, [[7; 4]]);
    }
}
