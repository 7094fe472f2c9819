//! The queue of pending calls of the main thread: a ring in the target's memory.
//!
//! `struct _pending_calls` (`Include/internal/pycore_pystate.h` 3.7, `pycore_ceval_state.h` later).
//! To 3.12 the one word `last` commits an entry, so a writer that dies between words leaves either
//! nothing or a complete entry. From 3.13 on two words must agree, so nothing is written there
//! from outside; the ring is read, to see whether its lock is free.

use crate::address::Address;
use crate::cpython::layout::{Pending, PendingForm, Wake};
use crate::cpython::python::Python;
use crate::inject::error::Refusal;
use crate::target::memory::{ReadError, ReadMemory, ReadMemoryExt};

/// Slots of the ring (`NPENDINGCALLS`, to 3.12); one is always free.
const INDEXED_SLOTS: i32 = 32;
const INDEXED_ENTRY: u64 = 16;
/// Slots and largest number of entries of the main thread's ring from 3.13 on
/// (`PENDINGCALLSARRAYSIZE`, `MAXPENDINGCALLS_MAIN`).
const COUNTED_SLOTS: i32 = 300;
const COUNTED_MAX: i32 = 32;

/// Where the ring is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ring {
    base: Address,
    form: Pending,
    wake: Option<Address>,
}

/// What stands in the ring. Only true while all threads stand still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RingState {
    pub(super) lock_held: bool,
    /// Index of the oldest entry.
    pub(super) first: i32,
    /// Index of the first free slot.
    pub(super) last: i32,
    /// `calls_to_do`, from 3.13 on `npending`.
    pub(super) calls_to_do: i32,
}

impl Ring {
    /// The ring of this Python; `None` where it is in statics that have no address here.
    pub(super) fn of(python: &Python) -> Option<Self> {
        let form = python.layout.pending;
        let main = python.main();
        let at = |base: Address, offset: u32| base.offset(u64::from(offset));
        Some(Ring {
            base: python.place(form.place, main)?,
            form,
            wake: match form.wake {
                Wake::Runtime(offset) => Some(at(python.runtime?, offset)),
                Wake::Interpreter(offset) => Some(at(main.address, offset)),
                Wake::Static | Wake::ThreadBit => None,
            },
        })
    }

    /// Whether one word commits an entry, so that it may be written from outside.
    pub(super) fn commits_by_one_word(&self) -> bool {
        self.form.form == PendingForm::Indexed && self.wake.is_some()
    }

    /// Reads the ring and checks that it is one.
    ///
    /// # Errors
    /// [`Refusal::QueueUnproven`] when the words there cannot be a ring's.
    pub(super) fn read(
        &self,
        memory: &(impl ReadMemory + ?Sized),
    ) -> Result<Result<RingState, Refusal>, ReadError> {
        let lock_held = match self.read_lock(memory)? {
            Ok(held) => held,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let state = RingState {
            lock_held,
            first: self.form.first.read(memory, self.base)?,
            last: self.form.last.read(memory, self.base)?,
            calls_to_do: self.form.calls_to_do.read(memory, self.base)?,
        };
        Ok(self
            .check(memory, state)?
            .map_or(Ok(state), |detail| Err(Refusal::QueueUnproven { detail })))
    }

    fn read_lock(
        &self,
        memory: &(impl ReadMemory + ?Sized),
    ) -> Result<Result<bool, Refusal>, ReadError> {
        let unproven = |detail| Ok(Err(Refusal::QueueUnproven { detail }));
        let place = self.form.lock.of(self.base);
        if self.form.form == PendingForm::Counted {
            // One byte: bit 0 locked, bit 1 somebody waits (`Include/cpython/lock.h`).
            let byte: u8 = memory.read_at(place)?;
            return if byte > 3 {
                unproven("its lock is no PyMutex")
            } else {
                Ok(Ok(byte & 1 != 0))
            };
        }
        // A pointer to a `sem_t`, whose first word is 0 when somebody has the lock.
        let lock: Address = memory.read_at(place)?;
        if !lock.may_be_object() {
            return unproven("its lock is no pointer");
        }
        match memory.read_at::<u32>(lock) {
            Ok(0) => Ok(Ok(true)),
            Ok(1) => Ok(Ok(false)),
            Ok(_) => unproven("its lock is no semaphore"),
            Err(ReadError::Unmapped { .. }) => unproven("its lock is not mapped"),
            Err(error) => Err(error),
        }
    }

    /// What cannot be in a ring, or `None`.
    fn check(
        &self,
        memory: &(impl ReadMemory + ?Sized),
        state: RingState,
    ) -> Result<Option<&'static str>, ReadError> {
        let slots = self.slots();
        let index = 0..slots;
        if !index.contains(&state.first) || !index.contains(&state.last) {
            return Ok(Some("its indices are out of range"));
        }
        let entries = (state.last - state.first).rem_euclid(slots);
        if self.form.form == PendingForm::Indexed {
            // Entries without the flag are no contradiction: it is set after the lock is let go.
            let is_flag = matches!(state.calls_to_do, 0 | 1);
            return Ok((!is_flag).then_some("its flag is neither 0 nor 1"));
        }
        // `max` and `maxloop` stand between the count and the entries.
        let max: i32 = memory.read_at(self.base.offset(8))?;
        let max_loop: i32 = memory.read_at(self.base.offset(12))?;
        if (max, max_loop) != (COUNTED_MAX, 0) {
            return Ok(Some("its limits are not those of the main thread"));
        }
        let fits = entries == state.calls_to_do || state.lock_held;
        Ok((!fits).then_some("its count does not fit its indices"))
    }

    fn slots(&self) -> i32 {
        match self.form.form {
            PendingForm::Indexed => INDEXED_SLOTS,
            PendingForm::Counted => COUNTED_SLOTS,
        }
    }

    /// Whether no further entry fits.
    pub(super) fn is_full(&self, state: RingState) -> bool {
        match self.form.form {
            PendingForm::Indexed => self.next(state.last) == state.first,
            PendingForm::Counted => state.calls_to_do >= COUNTED_MAX,
        }
    }

    /// The index behind `index`.
    pub(super) fn next(&self, index: i32) -> i32 {
        (index + 1).rem_euclid(self.slots())
    }

    /// The index before `index`.
    pub(super) fn before(&self, index: i32) -> i32 {
        (index - 1).rem_euclid(self.slots())
    }

    /// Where the slot with this index is; only of rings that commit by one word.
    pub(super) fn slot(&self, index: i32) -> Address {
        let entry = match self.form.form {
            PendingForm::Indexed => INDEXED_ENTRY,
            PendingForm::Counted => 24,
        };
        self.form
            .calls
            .of(self.base)
            .offset(entry * u64::from(index.unsigned_abs()))
    }

    /// Where `last` is.
    pub(super) fn last_at(&self) -> Address {
        self.form.last.of(self.base)
    }

    /// The words that make the main thread look at the ring, in the order to set them to 1.
    pub(super) fn flags(&self) -> impl Iterator<Item = Address> {
        let calls_to_do = self.form.calls_to_do.of(self.base);
        std::iter::once(calls_to_do).chain(self.wake)
    }

    /// The indices of the entries that call `function`, oldest first.
    pub(super) fn entries_calling(
        &self,
        memory: &(impl ReadMemory + ?Sized),
        state: RingState,
        function: impl Fn(Address) -> bool,
    ) -> Result<Vec<i32>, ReadError> {
        let mut found = Vec::new();
        let mut index = state.first;
        while index != state.last {
            if function(memory.read_at(self.slot(index))?) {
                found.push(index);
            }
            index = self.next(index);
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpython::layout::Place;
    use crate::cpython::tables::{V3_11, V3_13};
    use crate::target::fake::FakeMemory;

    const BASE: u64 = 0x20000;
    const LOCK: u64 = 0x10_0000;

    fn ring(form: Pending) -> Ring {
        assert!(!matches!(form.place, Place::Static));
        Ring {
            base: Address::new(BASE),
            form,
            wake: Some(Address::new(0x9000)),
        }
    }

    fn indexed(first: i32, last: i32, flag: i32, semaphore: u32) -> FakeMemory {
        let pending = V3_11.pending;
        let mut memory = FakeMemory::new()
            .with(BASE, &vec![0; 0x400])
            .with(LOCK, &semaphore.to_le_bytes());
        memory.put_word(BASE + pending.lock.offset(), LOCK);
        memory.put(BASE + pending.calls_to_do.offset(), &flag.to_le_bytes());
        memory.put(BASE + pending.first.offset(), &first.to_le_bytes());
        memory.put(BASE + pending.last.offset(), &last.to_le_bytes());
        memory
    }

    #[test]
    fn an_empty_ring_has_a_free_lock_and_equal_indices() {
        let state = ring(V3_11.pending).read(&indexed(5, 5, 0, 1));
        assert_eq!(
            state,
            Ok(Ok(RingState {
                lock_held: false,
                first: 5,
                last: 5,
                calls_to_do: 0
            }))
        );
    }

    #[test]
    fn a_semaphore_at_zero_is_a_held_lock() {
        let state = ring(V3_11.pending).read(&indexed(5, 5, 0, 0));
        assert!(state.is_ok_and(|state| state.is_ok_and(|state| state.lock_held)));
    }

    #[test]
    fn words_that_are_no_ring_are_refused() {
        for memory in [
            indexed(32, 0, 0, 1),
            indexed(0, -1, 0, 1),
            indexed(0, 0, 7, 1),
            indexed(0, 0, 0, 77),
        ] {
            let state = ring(V3_11.pending).read(&memory);
            assert!(matches!(state, Ok(Err(Refusal::QueueUnproven { .. }))));
        }
    }

    #[test]
    fn the_ring_is_full_one_slot_before_it_closes() {
        let ring = ring(V3_11.pending);
        let state = |first, last| RingState {
            lock_held: false,
            first,
            last,
            calls_to_do: 1,
        };
        assert!(ring.is_full(state(0, 31)));
        assert!(ring.is_full(state(7, 6)));
        assert!(!ring.is_full(state(0, 30)));
        assert_eq!((ring.next(31), ring.before(0)), (0, 31));
    }

    #[test]
    fn entries_are_found_across_the_end_of_the_ring() {
        let ring = ring(V3_11.pending);
        let mut memory = indexed(31, 2, 1, 1);
        memory.put_word(ring.slot(31).value(), 0x1111);
        memory.put_word(ring.slot(0).value(), 0x2222);
        memory.put_word(ring.slot(1).value(), 0x1111);
        let state = ring.read(&memory).expect("mapped").expect("a ring");
        let ours = |function| function == Address::new(0x1111);
        assert_eq!(ring.entries_calling(&memory, state, ours), Ok(vec![31, 1]));
    }

    #[test]
    fn a_counted_ring_must_agree_with_itself() {
        let pending = V3_13.pending;
        let memory = |count: i32, max: i32| {
            let mut memory = FakeMemory::new().with(BASE, &vec![0; 0x1c40]);
            memory.put(BASE + 4, &count.to_le_bytes());
            memory.put(BASE + 8, &max.to_le_bytes());
            memory.put(BASE + pending.first.offset(), &299i32.to_le_bytes());
            memory.put(BASE + pending.last.offset(), &1i32.to_le_bytes());
            memory
        };
        let read = |memory| ring(pending).read(&memory).expect("mapped");
        assert!(read(memory(2, 32)).is_ok());
        assert!(read(memory(1, 32)).is_err());
        assert!(read(memory(2, 100)).is_err());
    }
}
