//! Whether a table fits a target: what its structures must say about each other if it does.
//!
//! Nothing here needs more of an object than its header and its type. A table that passes has its
//! runtime, interpreter, thread state, header and type members confirmed by memory; the place of
//! the collector's lists, which distributions move, is taken from memory rather than trusted.

use crate::address::Address;
use crate::cpython::layout::{Field, GcForm, Layout, Place, at};
use crate::cpython::pending_queue::{find_queue, is_queue};
use crate::target::cached::Cached;
use crate::target::memory::{ReadError, ReadMemory, ReadMemoryExt};
use std::fmt;

/// A running interpreter changes what is read here between two reads; a check that memory may
/// disturb is tried this often.
const TRIES: usize = 16;

/// No process has more interpreters; a longer list is a cycle.
const MOST_INTERPRETERS: usize = 10_000;

/// `Py_TPFLAGS_TYPE_SUBCLASS`, `_DICT_SUBCLASS`, `_TUPLE_SUBCLASS` (`Include/object.h`), the same
/// in every version.
const TYPE_FLAG: u64 = 1 << 31;
const DICT_FLAG: u64 = 1 << 29;
const TUPLE_FLAG: u64 = 1 << 26;

/// What memory said that does not agree with the table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{check}: {detail}")]
pub struct Mismatch {
    /// What was checked, in CPython's words.
    pub check: &'static str,
    /// What was found instead.
    pub detail: Detail,
}

/// How memory disagrees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Detail {
    /// It could not be read.
    Unreadable(ReadError),
    /// The value at an address is not the one the table leads to expect.
    Differs {
        /// Where it was read.
        at: Address,
        /// What stands there.
        found: u64,
        /// What should stand there.
        expected: u64,
    },
    /// The value at an address is impossible, whatever the build.
    Impossible {
        /// Where it was read.
        at: Address,
        /// What stands there.
        found: u64,
    },
    /// A type has another name.
    Named {
        /// Where the type is.
        at: Address,
        /// Its name, shortened.
        found: String,
    },
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Detail::Unreadable(error) => write!(f, "{error}"),
            Detail::Differs {
                at,
                found,
                expected,
            } => write!(f, "{found:#x} at {at}, expected {expected:#x}"),
            Detail::Impossible { at, found } => write!(f, "{found:#x} at {at} is impossible"),
            Detail::Named { at, found } => write!(f, "the type at {at} is named {found:?}"),
        }
    }
}

/// Checks a table against an interpreter in memory, and returns it with the place of the
/// collector's lists corrected. The queue of pending calls becomes unproven where memory does not
/// look like one; in a build that no row describes it is searched for, and proven when found.
///
/// `runtime` is `_PyRuntime` where there is one and it was found. Without it, what lies inside the
/// runtime is left unchecked, and a queue of pending calls there is unproven.
///
/// # Errors
/// The first check that memory does not pass: the table is not for this build.
pub fn self_check<M: ReadMemory + ?Sized>(
    memory: &M,
    table: &Layout,
    runtime: Option<Address>,
    interpreter: Address,
) -> Result<Layout, Mismatch> {
    let checks = Checks {
        memory,
        layout: table,
        runtime,
        interpreter,
    };
    checks.interpreter_is_listed()?;
    checks.thread_points_back()?;
    // Types do not change, and lie close together.
    let cached = Cached::new(memory);
    let types = Checks {
        memory: &cached,
        layout: table,
        runtime,
        interpreter,
    };
    types.types_describe_themselves()?;
    let mut layout = table.clone();
    layout.collector.generations = checks.generations()?;
    (layout.pending.place, layout.pending_proven) = checks.pending();
    Ok(layout)
}

struct Checks<'a, M: ?Sized> {
    memory: &'a M,
    layout: &'a Layout,
    runtime: Option<Address>,
    interpreter: Address,
}

type Checked<T = ()> = Result<T, Mismatch>;

impl<M: ReadMemory + ?Sized> Checks<'_, M> {
    /// The runtime's list of interpreters has this one.
    fn interpreter_is_listed(&self) -> Checked {
        let (Some(runtime), Some(members)) = (self.runtime, self.layout.runtime) else {
            return Ok(());
        };
        let check = "interpreters.head";
        let head = members.interpreters_head.of(runtime);
        let mut current = self.pointer(check, head)?;
        for _ in 0..MOST_INTERPRETERS {
            if current == self.interpreter {
                return Ok(());
            }
            if current.is_null() {
                break;
            }
            current = self.pointer(check, self.layout.interpreter.next.of(current))?;
        }
        Err(differs(check, head, current, self.interpreter))
    }

    /// The interpreter's newest thread state belongs to it.
    fn thread_points_back(&self) -> Checked {
        let check = "threads.head->interp";
        let head = self.layout.interpreter.threads_head.of(self.interpreter);
        let thread = self.object(check, head)?;
        let back = self.layout.thread.interpreter.of(thread);
        self.expect(check, back, self.interpreter)
    }

    /// From `sys.modules` to its type `dict`, on to `type`, `object` and `tuple`: names, sizes and
    /// flags are as the table says.
    fn types_describe_themselves(&self) -> Checked {
        let layout = self.layout;
        let interpreter = &layout.interpreter;
        let modules = self.object("modules", interpreter.modules.of(self.interpreter))?;
        let sysdict = self.object("sysdict", interpreter.sysdict.of(self.interpreter))?;
        let dict = self.object("modules' type", layout.header.class.of(modules))?;
        self.expect_type("dict", dict, layout.dict.size, DICT_FLAG)?;
        self.expect("sysdict's type", layout.header.class.of(sysdict), dict)?;
        let class = self.object("dict's type", layout.header.class.of(dict))?;
        self.expect_type("type", class, layout.class.heap_size, TYPE_FLAG)?;
        self.expect("type's type", layout.header.class.of(class), class)?;
        let namespace = layout.class.dictoffset.of(class);
        let expected = Address::new(layout.class.dict.offset());
        self.expect("type's tp_dictoffset", namespace, expected)?;
        let object = self.object("dict's tp_base", layout.class.base.of(dict))?;
        self.expect_type("object", object, layout.header.size, 0)?;
        self.mro_of_dict(dict, object)
    }

    /// `dict.__mro__` is the tuple `(dict, object)`.
    fn mro_of_dict(&self, dict: Address, object: Address) -> Checked {
        let check = "dict's tp_mro";
        let layout = self.layout;
        let mro = self.object(check, layout.class.mro.of(dict))?;
        let tuple = self.object(check, layout.header.class.of(mro))?;
        self.expect_type("tuple", tuple, layout.tuple.items, TUPLE_FLAG)?;
        self.expect(check, layout.header.length.of(mro), Address::new(2))?;
        let items = mro.offset(layout.tuple.items);
        self.expect(check, items, dict)?;
        self.expect(check, items.offset(8), object)
    }

    /// A type's `tp_name`, `tp_basicsize` and one of its `tp_flags`.
    fn expect_type(&self, name: &'static str, class: Address, size: u64, flag: u64) -> Checked {
        let members = &self.layout.class;
        let text = self.object_or_text(name, members.name.of(class))?;
        let found = read(name, self.memory.read_c_string_at(text, name.len() + 1))?;
        if found != name.as_bytes() {
            let found = String::from_utf8_lossy(&found).into_owned();
            let detail = Detail::Named { at: class, found };
            return Err(Mismatch {
                check: name,
                detail,
            });
        }
        let basicsize = members.basicsize.of(class);
        self.expect(name, basicsize, Address::new(size))?;
        let at = members.flags.of(class);
        let flags: u64 = read(name, self.memory.read_at(at))?;
        if flags & flag == flag {
            Ok(())
        } else {
            Err(impossible(name, at, flags))
        }
    }

    /// Where `generations[0]` is in the collector's state, taken from the pointer to it that the
    /// state has from 3.7 on; and that the lists there are lists. Free-threaded builds have none,
    /// and to 3.6 they are a static variable: see [`check_list`].
    fn generations(&self) -> Checked<Field<Address>> {
        let collector = &self.layout.collector;
        let Some(state) = self.place(collector.place) else {
            return Ok(collector.generations);
        };
        if self.layout.gc_head.form == GcForm::Unlisted {
            return Ok(collector.generations);
        }
        let generations = match collector.generation0 {
            Some(generation0) => self.derived_generations(state, generation0)?,
            None => collector.generations,
        };
        let first = generations.of(state);
        for index in 0..3 {
            let head = first.offset(index * collector.generation_size);
            match check_list(self.memory, self.layout, head) {
                Err(_) if self.is_collecting(state) => {}
                checked => checked?,
            }
        }
        if let Some(permanent) = collector.permanent {
            check_list(self.memory, self.layout, permanent.of(state))?;
        }
        Ok(generations)
    }

    /// Whether a collection is under way. From 3.8 on the links of the generation being collected
    /// then hold counts (`update_refs` of `Modules/gcmodule.c`), which may last for seconds.
    fn is_collecting(&self, state: Address) -> bool {
        let collecting = |member: Field<i32>| member.read(self.memory, state);
        let under_way = |_| self.layout.collector.collecting.map(collecting) == Some(Ok(1));
        (0..TRIES).any(under_way)
    }

    fn derived_generations(
        &self,
        state: Address,
        generation0: Field<Address>,
    ) -> Checked<Field<Address>> {
        let check = "gc.generation0";
        let first = self.pointer(check, generation0.of(state))?;
        // The lists stand before the pointer to the first of them, or at least in the same state.
        let inside = |&offset: &u64| (4..512).contains(&offset) && offset.is_multiple_of(4);
        match first.distance_from(state).filter(inside) {
            Some(offset) => Ok(at(offset as u32)),
            None => Err(impossible(check, generation0.of(state), first.value())),
        }
    }

    /// Where the queue of pending calls is, and whether that is proven: a row's place by what is
    /// there, any other by a search.
    fn pending(&self) -> (Place, bool) {
        let pending = &self.layout.pending;
        if self.layout.pending_proven {
            let looks_right = match (pending.place, self.place(pending.place)) {
                (Place::Static, _) => true,
                (_, None) => false,
                (_, Some(queue)) => (0..TRIES).any(|_| is_queue(self.memory, pending, queue)),
            };
            return (pending.place, looks_right);
        }
        let search = |runtime| find_queue(self.memory, self.layout, runtime, self.interpreter);
        match self.runtime.and_then(search) {
            Some(place) => (place, true),
            None => (pending.place, false),
        }
    }

    fn place(&self, place: Place) -> Option<Address> {
        match place {
            Place::Static => None,
            Place::Runtime(offset) => Some(self.runtime?.offset(u64::from(offset))),
            Place::Interpreter(offset) => Some(self.interpreter.offset(u64::from(offset))),
        }
    }

    fn pointer(&self, check: &'static str, at: Address) -> Checked<Address> {
        read(check, self.memory.read_at(at))
    }

    /// A pointer to something that begins at a multiple of 8.
    fn object(&self, check: &'static str, at: Address) -> Checked<Address> {
        let pointer = self.pointer(check, at)?;
        if pointer.may_be_object() {
            Ok(pointer)
        } else {
            Err(impossible(check, at, pointer.value()))
        }
    }

    /// A pointer that may have any alignment.
    fn object_or_text(&self, check: &'static str, at: Address) -> Checked<Address> {
        let pointer = self.pointer(check, at)?;
        if pointer.is_null() {
            Err(impossible(check, at, 0))
        } else {
            Ok(pointer)
        }
    }

    fn expect(&self, check: &'static str, at: Address, expected: Address) -> Checked {
        let found = self.pointer(check, at)?;
        if found == expected {
            Ok(())
        } else {
            Err(differs(check, at, found, expected))
        }
    }
}

/// Checks that `head` is the head of a collector's list: the way to the first object and back, or
/// the way to the last and back, returns. The lists of a running target change between two
/// reads, so this is tried several times.
///
/// # Errors
/// When the list never closes.
pub fn check_list(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    head: Address,
) -> Result<(), Mismatch> {
    let mut result = Ok(());
    for _ in 0..TRIES {
        result = closes(memory, layout, head);
        if result.is_ok() {
            break;
        }
    }
    result
}

fn closes(memory: &(impl ReadMemory + ?Sized), layout: &Layout, head: Address) -> Checked {
    let check = "PyGC_Head";
    let members = &layout.gc_head;
    let flags = match members.form {
        GcForm::Plain => 0,
        GcForm::Flagged | GcForm::Unlisted => 3,
    };
    let follow = |link: Field<Address>, from: Address| {
        let value = read(check, link.read(memory, from))?.value() & !flags;
        Ok(Address::new(value))
    };
    // Either way uses both members, so one that closes is proof. In a target that allocates, the
    // last object is another one every microsecond, and the first at every collection.
    let mut broken = Ok(());
    for (there, back) in [(members.next, members.prev), (members.prev, members.next)] {
        let neighbour = follow(there, head)?;
        let returned = follow(back, neighbour)?;
        if returned == head {
            return Ok(());
        }
        broken = Err(differs(check, back.of(neighbour), returned, head));
    }
    broken
}

fn read<T>(check: &'static str, result: Result<T, ReadError>) -> Checked<T> {
    result.map_err(|error| Mismatch {
        check,
        detail: Detail::Unreadable(error),
    })
}

fn differs(check: &'static str, at: Address, found: Address, expected: Address) -> Mismatch {
    Mismatch {
        check,
        detail: Detail::Differs {
            at,
            found: found.value(),
            expected: expected.value(),
        },
    }
}

fn impossible(check: &'static str, at: Address, found: u64) -> Mismatch {
    Mismatch {
        check,
        detail: Detail::Impossible { at, found },
    }
}

#[cfg(test)]
mod tests;
