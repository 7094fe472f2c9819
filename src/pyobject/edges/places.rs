//! What is gathered once: where interpreters keep the state of static types, interned strings, and
//! which frames run.
//!
//! The end of `PyInterpreterState` moves by a few words from build to build, so the places that the
//! table states are checked, and looked for nearby.

use super::look::{Look, Shared};
use crate::address::{Address, AddressSet};
use crate::cpython::layout::{FrameForm, StaticTypes};
use crate::cpython::python::Python;
use crate::target::view::ViewMemory;

/// How far from where the table has it a part of an interpreter is looked for, in bytes.
const NEAR: u64 = 512;
/// No process has more threads, nor a thread more frames.
pub(super) const THREADS: usize = 1 << 20;

pub(super) fn gather<M: ViewMemory>(look: &Look<'_, M>, python: &Python) -> Shared {
    let mut shared = Shared::default();
    for interpreter in &python.interpreters {
        let class = look.word(look.layout.header.class.of(interpreter.modules));
        let class: Address = class.unwrap_or_default();
        let types = look.heap().interpreter.types;
        if let Some(types) = types
            && let Some(moved) = static_types_moved(look, interpreter.address, class, &types)
        {
            let at = |offset: u64| interpreter.address.offset(offset).offset(moved);
            shared
                .static_types
                .push((at(types.builtins), types.extensions.map(at)));
            shared
                .interned
                .extend(interned(look, interpreter.address, class));
        }
        if let FrameForm::Objects(form) = look.heap().frame {
            for thread in threads(look, interpreter.address) {
                let mut frame = look.field(thread, form.thread).unwrap_or(Address::NULL);
                while !frame.is_null()
                    && shared.running.len() < THREADS
                    && shared.running.insert(frame)
                {
                    frame = look.member(frame, form.back).unwrap_or_default();
                }
            }
        }
    }
    shared
}

/// The thread states of an interpreter.
pub(super) fn threads<M: ViewMemory>(look: &Look<'_, M>, interpreter: Address) -> Vec<Address> {
    let mut seen = AddressSet::default();
    let mut threads = Vec::new();
    let head = look.field(interpreter, look.layout.interpreter.threads_head);
    let mut thread: Address = head.unwrap_or_default();
    while !thread.is_null() && threads.len() < THREADS && seen.insert(thread) {
        threads.push(thread);
        let next = look.field(thread, look.layout.thread.next);
        thread = next.unwrap_or_default();
    }
    threads
}

/// Distances from 0 on to both sides, as numbers to add with wrapping.
fn nearby() -> impl Iterator<Item = u64> {
    (0..NEAR / 8).flat_map(|step| [step * 8, (step * 8).wrapping_neg()])
}

/// How far the state of static types is from where the table has it, told by that of `dict`.
fn static_types_moved<M: ViewMemory>(
    look: &Look<'_, M>,
    interpreter: Address,
    dict: Address,
    types: &StaticTypes,
) -> Option<u64> {
    let number: Address = look.member(dict, look.heap().class.subclasses)?;
    let index = number.value().checked_sub(1)?;
    let entry = interpreter
        .offset(types.builtins)
        .offset(index.checked_mul(types.size)?);
    nearby().find(|&moved| {
        let entry = entry.offset(moved);
        let names: Option<Address> = look.field(entry, types.dict);
        let class = |at| look.word::<Address>(look.layout.header.class.of(at));
        look.word(entry) == Some(dict) && names.and_then(class) == Some(dict)
    })
}

/// The dict of interned strings: it maps each string to itself.
fn interned<M: ViewMemory>(
    look: &Look<'_, M>,
    interpreter: Address,
    dict: Address,
) -> Option<Address> {
    let stated = look.heap().interpreter.interned?.of(interpreter);
    nearby().find_map(|moved| {
        let at: Address = look.word(stated.offset(moved))?;
        let class: Address = look.word(look.layout.header.class.of(at))?;
        let keys = look.layout.dict.keys.filter(|_| class == dict)?;
        let entries = look.entries(look.word(keys.of(at))?)?;
        let mut used = entries
            .iter()
            .filter(|(_, value)| !value.is_null())
            .peekable();
        used.peek()?;
        used.all(|(key, value)| key == value).then_some(at)
    })
}
