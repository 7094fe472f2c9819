//! Where an ordinary instance keeps its attributes.
//!
//! To 3.10 a pointer to a dict at `tp_dictoffset`. 3.11: two words before the object, values or a
//! dict. 3.12: one word, whose lowest bit says which. From 3.13 on: a dict before the object, and
//! until it is needed the values behind it (`Include/internal/pycore_object.h`).

use crate::address::Address;
use crate::cpython::layout::{GcForm, Layout};
use crate::pyobject::batch::{self, Window};
use crate::pyobject::class::Class;
use crate::pyobject::dict::Source;
use crate::target::memory::{ReadError, ReadMemory, word_in};

/// How much before an object is read, in bytes.
pub const BEFORE: u64 = 32;

/// Finds the attributes of each instance of the class beside it; `None` where it has none, or where
/// its memory cannot be read. `at_hand` has bytes of and around each instance, where they were read
/// already.
///
/// # Errors
/// As [`ReadMemory::read_some_at`]: the source as a whole is out of reach.
pub fn find_attributes(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    instances: &[(Address, &Class)],
    at_hand: &[Option<Window<'_>>],
) -> Result<Vec<Option<Source>>, ReadError> {
    let spans_of = |&(at, class): &(Address, &Class)| {
        let member = member_offset(layout, class);
        [(at.before(BEFORE), BEFORE as usize), (at.offset(member), 8)]
    };
    let mut sources = vec![None; instances.len()];
    let mut outside = Vec::new();
    for (index, instance) in instances.iter().enumerate() {
        let [before, member] = spans_of(instance)
            .map(|(at, size)| at_hand[index].and_then(|window| window.get(at, size)));
        match (before, member) {
            (Some(before), Some(member)) => {
                sources[index] = source(layout, instance.0, instance.1, before, member);
            }
            _ => outside.push(index),
        }
    }
    let spans = outside
        .iter()
        .flat_map(|&index| spans_of(&instances[index]));
    let blocks = batch::read_spans(memory, &spans.collect::<Vec<_>>())?;
    for (block, index) in outside.into_iter().enumerate() {
        let (before, member) = (blocks.get(2 * block), blocks.get(2 * block + 1));
        let (at, class) = instances[index];
        sources[index] = source(layout, at, class, before, member);
    }
    Ok(sources)
}

/// Where in the object the dict pointer, or the header of its inline values, lies.
fn member_offset(layout: &Layout, class: &Class) -> u64 {
    if class.has_managed_dict(layout) {
        class.basicsize as u64
    } else {
        class.dictoffset as u64
    }
}

fn source(
    layout: &Layout,
    at: Address,
    class: &Class,
    before: &[u8],
    member: &[u8],
) -> Option<Source> {
    let dict = |at: Address| (!at.is_null()).then_some(Source::Dict(at));
    let keys = class.cached_keys;
    let values = |values| (!keys.is_null()).then_some(Source::Values { keys, values });
    if !class.has_managed_dict(layout) {
        // A negative offset counts from the end of an object of variable size: none that is read.
        return (class.dictoffset > 0)
            .then(|| word_in(member, 0))
            .flatten()
            .and_then(dict);
    }
    let word = |words: u64| word_in::<Address>(before, (BEFORE - words * 8) as usize);
    match layout.python {
        (3, 11) => match word(4)? {
            Address::NULL => dict(word(3)?),
            own => values(own),
        },
        (3, 12) => match word(3)? {
            tagged if tagged.value() & 1 == 1 => values(tagged.offset(1)),
            untagged => dict(untagged),
        },
        _ => {
            let managed = word(if layout.gc_head.form == GcForm::Unlisted {
                1
            } else {
                3
            })?;
            let is_valid = member.get(3).is_some_and(|&valid| valid != 0);
            dict(managed).or_else(|| {
                let inline = class.has_inline_values(layout) && is_valid;
                inline
                    .then(|| values(at.offset(class.basicsize as u64)))
                    .flatten()
            })
        }
    }
}
