//! Walks the collector's lists: every object that `gc.get_objects()` would give.
//!
//! Each generation is a ring of `PyGC_Head` links through its head (`Modules/gcmodule.c`, from 3.13
//! on `Python/gc.c`). A link counts only when its neighbour points back, so a walk cannot run in a
//! circle, and a list that was changed while it was read is told from a whole one. Only a target
//! that stands still, or a copy of one, gives lists that are all whole.

use crate::address::Address;
use crate::cpython::layout::{Collector, GcForm, GcHead};
use crate::cpython::python::{Interpreter, Python};
use crate::target::memory::{ReadError, word_in};
use crate::target::view::ViewMemory;

/// How many generations every version has, the permanent one not counted.
const GENERATIONS: u64 = 3;

/// Distributions have moved `generations` by this much at most, in bytes.
const MOVED_AT_MOST: u64 = 16;

/// The objects of one interpreter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Walk {
    /// Every object found, in the order of [`walk_each`].
    pub objects: Vec<Address>,
    /// How the walk went.
    pub walked: Walked,
}

/// How a walk went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Walked {
    /// How many objects were found.
    pub objects: usize,
    /// How many of them, the first ones, are in the permanent generation of `gc.freeze`.
    pub frozen: usize,
    /// Where lists broke off: what lies behind was not seen.
    pub torn: Vec<Torn>,
}

/// A place where a list could not be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Torn {
    /// The head of the list.
    pub list: Address,
    /// The last link that was good.
    pub at: Address,
}

/// Why no list could be walked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WalkError {
    /// Free-threaded builds keep no lists.
    #[error("this build keeps no lists of its objects")]
    Unlisted,
    /// The collector's state hangs on a symbol that was not found, or is not where it should be.
    #[error("the lists of the collector were not found")]
    NotFound,
    /// The collector is at work: its lists are taken apart.
    #[error("the collector is running")]
    Collecting,
    /// There are more objects than were allowed.
    #[error("there are more than {limit} objects")]
    TooMany {
        /// How many were allowed.
        limit: usize,
    },
    /// The source of memory failed.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl Walked {
    /// Whether every list was followed to its end.
    pub fn is_complete(&self) -> bool {
        self.torn.is_empty()
    }
}

/// Walks all lists of `interpreter` as [`walk_each`] does, and keeps the objects.
///
/// # Errors
/// As [`walk_each`].
pub fn walk(
    memory: &impl ViewMemory,
    python: &Python,
    interpreter: &Interpreter,
    limit: usize,
) -> Result<Walk, WalkError> {
    let mut objects = Vec::new();
    let walked = walk_each(memory, python, interpreter, limit, &mut |at| {
        objects.push(at)
    })?;
    Ok(Walk { objects, walked })
}

/// Gives all objects of all lists of `interpreter` (to 3.8 they are shared by all interpreters) to
/// `visit`, at most `limit` of them. They come roughly by age, the oldest generation first: what
/// survives a collection goes to the end of the next older list, so that lists keep the order in
/// which objects were made.
///
/// # Errors
/// [`WalkError`]; a list that breaks off is no error, it is in [`Walked::torn`].
pub fn walk_each(
    memory: &impl ViewMemory,
    python: &Python,
    interpreter: &Interpreter,
    limit: usize,
    visit: &mut impl FnMut(Address),
) -> Result<Walked, WalkError> {
    let head = python.layout.gc_head;
    if head.form == GcForm::Unlisted {
        return Err(WalkError::Unlisted);
    }
    let lists = find_lists(memory, python, interpreter)?;
    let mut walked = Walked::default();
    if let Some(list) = lists.permanent {
        walk_list(memory, &head, list, limit, &mut walked, visit)?;
        walked.frozen = walked.objects;
    }
    for list in lists.generations.into_iter().rev() {
        walk_list(memory, &head, list, limit, &mut walked, visit)?;
    }
    Ok(walked)
}

/// The heads of the lists.
struct Lists {
    generations: [Address; GENERATIONS as usize],
    permanent: Option<Address>,
}

fn find_lists(
    memory: &impl ViewMemory,
    python: &Python,
    interpreter: &Interpreter,
) -> Result<Lists, WalkError> {
    let collector = &python.layout.collector;
    let base = python.place(collector.place, interpreter);
    if let (Some(base), Some(field)) = (base, collector.collecting)
        && field.read(memory, base)? != 0
    {
        return Err(WalkError::Collecting);
    }
    let stated = python.generations(interpreter).ok_or(WalkError::NotFound)?;
    let first = match (base, collector.generation0) {
        (Some(base), Some(field)) => check_first(stated, field.read(memory, base)?)?,
        _ => stated,
    };
    Ok(Lists {
        generations: generations_from(first, collector),
        permanent: base.and_then(|base| Some(collector.permanent?.of(base))),
    })
}

/// The target's own pointer to its first generation, when it is near where the table has it.
fn check_first(stated: Address, pointer: Address) -> Result<Address, WalkError> {
    let near = pointer.value().abs_diff(stated.value()) <= MOVED_AT_MOST;
    near.then_some(pointer).ok_or(WalkError::NotFound)
}

fn generations_from(first: Address, collector: &Collector) -> [Address; GENERATIONS as usize] {
    std::array::from_fn(|number| first.offset(number as u64 * collector.generation_size))
}

/// Follows one list from its head back to its head.
fn walk_list(
    memory: &impl ViewMemory,
    head: &GcHead,
    list: Address,
    limit: usize,
    walked: &mut Walked,
    visit: &mut impl FnMut(Address),
) -> Result<(), WalkError> {
    let Some((mut next, _)) = links_of(memory, head, list) else {
        return Err(WalkError::NotFound);
    };
    let mut at = list;
    loop {
        let links = links_of(memory, head, next);
        let Some((behind, _)) = links.filter(|&(_, previous)| previous == at) else {
            walked.torn.push(Torn { list, at });
            return Ok(());
        };
        if next == list {
            return Ok(());
        }
        if walked.objects == limit {
            return Err(WalkError::TooMany { limit });
        }
        walked.objects += 1;
        visit(next.offset(head.size));
        at = next;
        next = behind;
    }
}

/// `_gc_next` and `_gc_prev` of one head without their flags; `None` when it is not there.
#[inline]
fn links_of(memory: &impl ViewMemory, head: &GcHead, at: Address) -> Option<(Address, Address)> {
    let bytes = memory.view(at, 16)?;
    let link = |offset: u64| -> Option<Address> {
        let word: u64 = word_in(bytes, offset as usize)?;
        Some(Address::new(match head.form {
            GcForm::Plain | GcForm::Unlisted => word,
            GcForm::Flagged => word & !3,
        }))
    };
    Some((link(head.next.offset())?, link(head.prev.offset())?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpython::layout::Place;
    use crate::cpython::python::Statics;
    use crate::cpython::tables::V3_11;
    use crate::cpython::version::{Build, Version};
    use crate::target::fake::FakeMemory;
    use proptest::prelude::*;

    const INTERPRETER: u64 = 0x10_0000;

    fn python() -> Python {
        Python {
            version: Version::from_hex(0x030b_07f0).expect("3.11.7"),
            build: Build::default(),
            layout: V3_11,
            runtime: Some(Address::new(0x20_0000)),
            statics: Statics::default(),
            hash_secret: None,
            finalizing: false,
            interpreters: vec![Interpreter {
                id: 0,
                address: Address::new(INTERPRETER),
                modules: Address::new(0x30_0000),
                sysdict: Address::new(0x30_1000),
            }],
        }
    }

    /// Memory with the four lists, the first of which has its objects at `heads`.
    fn memory(heads: &[u64]) -> FakeMemory {
        let collector = V3_11.collector;
        let Place::Interpreter(offset) = collector.place else {
            panic!("3.11 keeps its collector in the interpreter");
        };
        let base = INTERPRETER + u64::from(offset);
        let mut memory = FakeMemory::new().with(INTERPRETER, &vec![0; 0x1000]);
        let first = base + collector.generations.offset();
        for list in (0..3).map(|number| first + 24 * number) {
            link(&mut memory, &[list]);
        }
        let permanent = collector.permanent.expect("since 3.7").offset();
        link(&mut memory, &[base + permanent]);
        let pointer = collector.generation0.expect("since 3.7").offset();
        memory.put_word(base + pointer, first);
        let mut ring = vec![first];
        ring.extend(heads);
        link(&mut memory, &ring);
        memory
    }

    fn link(memory: &mut FakeMemory, ring: &[u64]) {
        for (number, &head) in ring.iter().enumerate() {
            let previous = ring[(number + ring.len() - 1) % ring.len()];
            let next = ring[(number + 1) % ring.len()];
            memory.put(
                head,
                [next.to_le_bytes(), (previous | 1).to_le_bytes()].as_flattened(),
            );
        }
    }

    fn walk_of(memory: &FakeMemory, limit: usize) -> Result<Walk, WalkError> {
        let python = python();
        walk(memory, &python, python.main(), limit)
    }

    #[test]
    fn every_object_of_a_list_is_found_behind_its_head() {
        let memory = memory(&[0x40_0000, 0x40_0100]).with(0x50_0000, &[0; 8]);
        let walk = walk_of(&memory, 10).expect("lists are there");
        let found = [0x40_0010, 0x40_0110].map(Address::new).to_vec();
        assert_eq!(walk.objects, found);
        assert!(walk.walked.is_complete());
    }

    #[test]
    fn the_oldest_list_comes_first_and_each_keeps_its_order() {
        let mut memory = memory(&[0x40_0000, 0x40_0100]);
        let collector = V3_11.collector;
        let Place::Interpreter(offset) = collector.place else {
            panic!("3.11 keeps its collector in the interpreter");
        };
        let base = INTERPRETER + u64::from(offset);
        let oldest = base + collector.generations.offset() + 48;
        link(&mut memory, &[oldest, 0x50_0000, 0x50_0100]);
        let permanent = base + collector.permanent.expect("since 3.7").offset();
        link(&mut memory, &[permanent, 0x60_0000]);
        let walk = walk_of(&memory, 10).expect("lists are there");
        let by_age = [0x60_0010, 0x50_0010, 0x50_0110, 0x40_0010, 0x40_0110];
        assert_eq!(walk.objects, by_age.map(Address::new));
        assert_eq!(walk.walked.frozen, 1);
    }

    #[test]
    fn a_link_without_an_answer_ends_the_list_and_is_named() {
        let mut memory = memory(&[0x40_0000, 0x40_0100, 0x40_0200]);
        memory.put_word(0x40_0100 + 8, 0x40_0200);
        let walk = walk_of(&memory, 10).expect("lists are there");
        assert_eq!(walk.objects.len(), 1);
        assert_eq!(walk.walked.torn[0].at, Address::new(0x40_0000));
    }

    #[test]
    fn a_list_that_runs_in_a_circle_is_cut() {
        let mut memory = memory(&[0x40_0000, 0x40_0100]);
        memory.put_word(0x40_0100, 0x40_0000);
        let walk = walk_of(&memory, 10).expect("lists are there");
        assert!(!walk.walked.is_complete());
    }

    #[test]
    fn more_objects_than_allowed_are_an_error() {
        let memory = memory(&[0x40_0000, 0x40_0100]);
        assert_eq!(walk_of(&memory, 1), Err(WalkError::TooMany { limit: 1 }));
    }

    #[test]
    fn lists_are_left_alone_while_the_collector_works() {
        let mut memory = memory(&[]);
        let Place::Interpreter(offset) = V3_11.collector.place else {
            panic!("3.11 keeps its collector in the interpreter");
        };
        let collecting = V3_11.collector.collecting.expect("since 3.7").offset();
        memory.put_word(INTERPRETER + u64::from(offset) + collecting, 1);
        assert_eq!(walk_of(&memory, 10), Err(WalkError::Collecting));
    }

    proptest! {
        #[test]
        fn random_memory_neither_hangs_nor_panics(words in proptest::collection::vec(any::<u64>(), 64)) {
            let mut memory = memory(&[0x40_0000, 0x40_0100, 0x40_0200]);
            for (number, word) in words.iter().enumerate() {
                let near = 0x40_0000 + (word % 64) * 16;
                memory.put_word(0x40_0000 + 16 * number as u64, near);
            }
            let _ = walk_of(&memory, 1000);
        }
    }
}
