//! The queue of pending calls of the main thread: whether memory looks like one, and where it is
//! in a build that no row describes.
//!
//! Neither headers' sizes nor debug offsets state where the queue is. From 3.13 on its shape does:
//! 7 KiB with limits that no other structure has (`Include/internal/pycore_ceval_state.h`). The
//! queue of the interpreter, whose place is the same in every build, shows first that the shape is
//! still the known one; then exactly one place in the runtime may have it. Two or none leave the
//! queue unproven.

use crate::address::Address;
use crate::cpython::layout::{Layout, Pending, PendingForm, Place};
use crate::target::memory::{ReadMemory, ReadMemoryExt, word_in};

/// `NPENDINGCALLS`, to 3.12.
const INDEXED_SLOTS: i32 = 32;

/// `PENDINGCALLSARRAYSIZE`, from 3.13 on.
const COUNTED_SLOTS: i32 = 300;

/// `sizeof(struct _pending_call)` from 3.13 on: function, argument, flags.
const COUNTED_SLOT_SIZE: usize = 24;

/// `MAXPENDINGCALLS_MAIN` and `MAXPENDINGCALLSLOOP_MAIN`: no limit of calls in one go.
const MAIN_LIMITS: (i32, i32) = (32, 0);

/// Where the lock of the queue of an interpreter is in it: `ceval.pending.mutex`, from 3.13 on.
const OWN_QUEUE: u64 = 40;

/// A runtime that claims to be larger is not searched.
const LARGEST_RUNTIME: u64 = 1 << 22;

/// Whether memory looks like the queue of the main thread at `queue`, the address of its lock.
pub(super) fn is_queue(
    memory: &(impl ReadMemory + ?Sized),
    pending: &Pending,
    queue: Address,
) -> bool {
    let read = |length| memory.read_bytes_at(queue, length).ok();
    match pending.form {
        PendingForm::Indexed => read(pending.last.offset() as usize + 4)
            .and_then(|bytes| is_indexed(pending, &bytes))
            .unwrap_or(false),
        PendingForm::Counted => read(counted_size(pending))
            .and_then(|bytes| counted_limits(pending, &bytes))
            .is_some_and(|limits| limits == MAIN_LIMITS),
    }
}

/// Where the queue is in a build of 3.13 or later whose row does not say. `None` also when it is
/// being changed just now.
pub(super) fn find_queue(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    runtime: Address,
    interpreter: Address,
) -> Option<Place> {
    let pending = &layout.pending;
    let size = layout.runtime?.size;
    if pending.form != PendingForm::Counted || size > LARGEST_RUNTIME {
        return None;
    }
    let length = counted_size(pending);
    let own = memory
        .read_bytes_at(interpreter.offset(OWN_QUEUE), length)
        .ok()?;
    let (max, at_once) = counted_limits(pending, &own)?;
    if max != COUNTED_SLOTS || !(1..=COUNTED_SLOTS).contains(&at_once) {
        return None;
    }
    let bytes = memory.read_bytes_at(runtime, size as usize).ok()?;
    let is_here = |&start: &usize| {
        let limits = bytes
            .get(start..start.saturating_add(length))
            .and_then(|queue| counted_limits(pending, queue));
        limits == Some(MAIN_LIMITS)
    };
    let mut places = (0..bytes.len()).step_by(8).filter(is_here);
    match (places.next(), places.next()) {
        (Some(only), None) => Some(Place::Runtime(only as u32)),
        _ => None,
    }
}

/// Bytes from the lock to the end of the queue.
fn counted_size(pending: &Pending) -> usize {
    pending.last.offset() as usize + 4
}

fn is_indexed(pending: &Pending, queue: &[u8]) -> Option<bool> {
    let slots = 0..INDEXED_SLOTS;
    let in_ring =
        slots.contains(&pending.first.get(queue)?) && slots.contains(&pending.last.get(queue)?);
    let is_flag = (0..=1).contains(&pending.calls_to_do.get(queue)?);
    Some(in_ring && is_flag && pending.lock.get(queue)?.may_be_object())
}

/// The two limits of a queue from 3.13 on, `max` and `maxloop`; `None` when the bytes from its lock
/// on are no queue: its length has to be its count, which is within the limit, its full slots have
/// a function, and its empty slots are zero.
fn counted_limits(pending: &Pending, queue: &[u8]) -> Option<(i32, i32)> {
    let behind_count = pending.calls_to_do.offset() as usize + 4;
    let max: i32 = word_in(queue, behind_count)?;
    let at_once: i32 = word_in(queue, behind_count + 4)?;
    let count = pending.calls_to_do.get(queue)?;
    if max < 1 || !(0..=max).contains(&count) {
        return None;
    }
    let first = pending.first.get(queue)?;
    let next = pending.last.get(queue)?;
    let slots = 0..COUNTED_SLOTS;
    let in_ring = slots.contains(&first) && slots.contains(&next);
    if !in_ring || (next - first).rem_euclid(COUNTED_SLOTS) != count {
        return None;
    }
    let start = pending.calls.offset() as usize;
    let calls = queue.get(start..pending.first.offset() as usize)?;
    let fits = |(slot, call): (i32, &[u8])| {
        if (slot - first).rem_euclid(COUNTED_SLOTS) < count {
            word_in::<u64>(call, 0) != Some(0)
        } else {
            call.iter().all(|&byte| byte == 0)
        }
    };
    (0..)
        .zip(calls.chunks_exact(COUNTED_SLOT_SIZE))
        .all(fits)
        .then_some((max, at_once))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpython::tables::V3_13_15;
    use crate::target::fake::FakeMemory;

    const RUNTIME: u64 = 0x10_0000;
    const INTERPRETER: u64 = 0x80_0000;

    /// The bytes of a queue from its lock on.
    fn queue(limits: (i32, i32), first: i32, calls: i32) -> Vec<u8> {
        let mut bytes = vec![0; counted_size(&V3_13_15.pending)];
        let mut put =
            |at: usize, value: i32| bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        put(4, calls);
        put(8, limits.0);
        put(12, limits.1);
        put(0x1c30, first);
        put(0x1c34, (first + calls) % 300);
        for call in 0..calls {
            put(16 + 24 * ((first + call) % 300) as usize, 0x1234_5678);
        }
        bytes
    }

    fn memory(places: &[u64], main: &[u8], own: &[u8]) -> FakeMemory {
        let mut memory = FakeMemory::new()
            .with(
                RUNTIME,
                &vec![0; V3_13_15.runtime.expect("one").size as usize],
            )
            .with(INTERPRETER, &[0; 0x3000]);
        memory.put(INTERPRETER + OWN_QUEUE, own);
        for place in places {
            memory.put(RUNTIME + place, main);
        }
        memory
    }

    fn find(memory: &FakeMemory) -> Option<Place> {
        let runtime = Address::new(RUNTIME);
        find_queue(memory, &V3_13_15, runtime, Address::new(INTERPRETER))
    }

    #[test]
    fn the_only_queue_of_the_main_thread_is_found() {
        let own = queue((300, 100), 0, 0);
        for main in [queue((32, 0), 0, 0), queue((32, 0), 290, 20)] {
            let memory = memory(&[0x4000], &main, &own);
            assert_eq!(find(&memory), Some(Place::Runtime(0x4000)));
        }
    }

    #[test]
    fn none_or_two_queues_are_no_proof() {
        let (main, own) = (queue((32, 0), 5, 0), queue((300, 100), 7, 1));
        assert_eq!(find(&memory(&[], &main, &own)), None);
        assert_eq!(find(&memory(&[0x4000, 0x8000], &main, &own)), None);
    }

    #[test]
    fn without_the_queue_of_the_interpreter_the_shape_is_no_proof() {
        let main = queue((32, 0), 0, 0);
        for own in [vec![0; 8], queue((32, 0), 0, 0), queue((300, 0), 0, 0)] {
            assert_eq!(find(&memory(&[0x4000], &main, &own)), None);
        }
    }

    #[test]
    fn a_queue_with_bytes_in_an_empty_slot_is_none() {
        let pending = &V3_13_15.pending;
        let mut bytes = queue((32, 0), 3, 2);
        assert_eq!(counted_limits(pending, &bytes), Some((32, 0)));
        bytes[16 + 24 * 5] = 1;
        assert_eq!(counted_limits(pending, &bytes), None);
    }

    #[test]
    fn a_full_slot_without_a_function_is_no_queue() {
        let mut bytes = queue((32, 0), 3, 2);
        bytes[16 + 24 * 3..16 + 24 * 4].fill(0);
        assert_eq!(counted_limits(&V3_13_15.pending, &bytes), None);
    }
}
