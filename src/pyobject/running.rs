//! The Python functions that a thread is in, read word by word: of a process of which there is no copy.

use crate::address::{Address, AddressSet};
use crate::cpython::code_members::CodeMembers;
use crate::cpython::layout::{FrameForm, FrameObjects, FrameStructures, Layout};
use crate::pyobject::error::ObjectError;
use crate::pyobject::text::{self, Text};
use crate::target::memory::{ReadError, ReadMemory, ReadMemoryExt};
use std::iter::successors;

/// `owner` of a frame that lies on the stack of its thread (`FRAME_OWNED_BY_THREAD`).
pub(super) const OWNED_BY_THREAD: u8 = 0;

/// A call of a Python function that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Running {
    /// Its code object.
    pub code: Address,
    /// Its first local variable (of a method `self`), or null: a variable that inner functions share is a cell.
    pub first_local: Address,
}

/// The `most` youngest calls of the thread whose state is at `thread`, the youngest first.
///
/// # Errors
/// [`ObjectError::Unreadable`].
pub fn innermost(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    thread: Address,
    most: usize,
) -> Result<Vec<Running>, ObjectError> {
    let unreadable = ObjectError::reading(thread, "frame");
    let calls: Result<Vec<Running>, _> = match layout.heap.frame {
        FrameForm::Objects(form) => objects(memory, layout, &form, thread)
            .take(most)
            .map(|frame| {
                let code = form.code.offset() + layout.heap.later;
                let local = form.locals + layout.heap.later;
                running(memory, frame.offset(code), frame.offset(local))
            })
            .collect(),
        FrameForm::Structures(form) => structures(memory, &form, thread)
            .filter(|&(_, owner)| owner < form.entry_owner)
            .take(most)
            .map(|(frame, _)| {
                let local = frame.offset(form.localsplus);
                running(memory, form.code.of(frame), local)
            })
            .collect(),
    };
    calls.map_err(unreadable)
}

fn running(
    memory: &(impl ReadMemory + ?Sized),
    code: Address,
    local: Address,
) -> Result<Running, ReadError> {
    Ok(Running {
        code: tagless(memory.read_at(code)?),
        first_local: tagless(memory.read_at(local)?),
    })
}

/// A reference without its tag: the two low bits of a `_PyStackRef` (`Include/internal/pycore_stackref.h`, 3.14).
pub(super) const fn tagless(word: Address) -> Address {
    Address::new(word.value() & !3)
}

/// The frame objects of a thread, the youngest first. To 3.10.
fn objects<'m>(
    memory: &'m (impl ReadMemory + ?Sized),
    layout: &'m Layout,
    form: &FrameObjects,
    thread: Address,
) -> impl Iterator<Item = Address> + 'm {
    let back = form.back.offset() + layout.heap.later;
    chain(form.thread.read(memory, thread).ok(), move |frame| {
        memory.read_at(frame.offset(back)).ok()
    })
}

/// The frames of a thread with their `owner`, the youngest first. From 3.11 on.
pub(super) fn structures<'m>(
    memory: &'m (impl ReadMemory + ?Sized),
    form: &FrameStructures,
    thread: Address,
) -> impl Iterator<Item = (Address, u8)> + 'm {
    let form = *form;
    let first = form.thread.read(memory, thread).ok();
    let first = match form.cframe {
        Some(current) => first.and_then(|cframe| current.read(memory, cframe).ok()),
        None => first,
    };
    let frames = chain(first, move |frame| form.previous.read(memory, frame).ok());
    frames.map_while(move |frame| Some((frame, form.owner.read(memory, frame).ok()?)))
}

/// What `next` leads to, from `first` on, until that is null or was there already.
fn chain(
    first: Option<Address>,
    next: impl Fn(Address) -> Option<Address>,
) -> impl Iterator<Item = Address> {
    /// Deeper than any stack that a thread has memory for.
    const MOST: usize = 1 << 20;
    let mut seen = AddressSet::default();
    let is_frame = |frame: &Address| !frame.is_null();
    successors(first.filter(is_frame), move |&frame| {
        next(frame).filter(is_frame)
    })
    .take(MOST)
    .take_while(move |&frame| seen.insert(frame))
}

/// Name and file of the code object at `code`; `None` where they cannot be read, or the version is not known.
pub fn name_and_file(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    code: Address,
) -> Option<(Text, Text)> {
    let members = CodeMembers::of(layout.python)?;
    let read = |member: u32| {
        let at = code.offset(u64::from(member) + layout.heap.later);
        text::read(memory, layout, memory.read_at(at).ok()?).ok()
    };
    Some((read(members.name)?, read(members.file)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_ends_where_it_comes_back_to_itself() {
        let next = |at: Address| Some(Address::new((at.value() % 4 + 1) * 0x10));
        let seen: Vec<Address> = chain(Some(Address::new(1)), next).collect();
        assert_eq!(seen.len(), 3, "{seen:?}");
        assert_eq!(chain(Some(Address::NULL), next).count(), 0);
        assert_eq!(chain(None, next).count(), 0);
    }
}
