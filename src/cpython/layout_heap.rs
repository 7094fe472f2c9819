//! Where CPython keeps references: what it takes to follow every one of them out of an object.
//!
//! A part of [`Layout`](super::layout::Layout) with a file of its own. Offsets of members of
//! objects are those of the default build; [`Heap::later`] is how much later they all are in builds
//! with a longer header.

use super::layout::{Field, at, some};
use crate::address::Address;

/// Everything that only following references needs. All sizes and offsets are in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heap {
    /// How much later than stated every member of an object is: 0, or 16 for TRACE_REFS and
    /// free-threaded builds.
    pub later: u64,
    /// What plain C structures own.
    pub structures: Structures,
    /// Further members of classes.
    pub class: ClassMembers,
    /// `md_state` of modules, and how its size is known.
    pub module_state: Option<ModuleState>,
    /// Where attributes are that an instance keeps without a dict object.
    pub attributes: AttributesForm,
    /// Blocks of `collections.deque`.
    pub deque: Deque,
    /// `_queue.SimpleQueue` from 3.13 on; before, it keeps a list.
    pub ring: Option<Ring>,
    /// `ob_exports`, `ob_alloc` and so on do not matter: `list.allocated`.
    pub list_allocated: Field<i64>,
    /// Offset of the key in an entry of a set.
    pub set_key: u64,
    /// `PyCodeObject`.
    pub code: Code,
    /// How frames are kept.
    pub frame: FrameForm,
    /// What generators have besides their plain members; to 3.10 they refer to a frame object.
    pub generator: Option<Generator>,
    /// `ElementObjectExtra` of `xml.etree.ElementTree.Element`.
    pub element: Element,
    /// State of interpreters.
    pub interpreter: InterpreterState,
    /// What interpreters and threads keep of others.
    pub keepers: Keepers,
    /// `sizeof(PyThreadState)`, from 3.13 on `sizeof(_PyThreadStateImpl)`.
    pub thread_size: u64,
}

impl Heap {
    /// The same with a `PyInterpreterState` of another size, in which `interned_strings` and `types`
    /// are elsewhere.
    pub const fn with_interpreter(self, size: u64, interned: u32, types: u64) -> Self {
        let state = self.interpreter;
        Heap {
            interpreter: InterpreterState {
                size,
                interned: some(interned),
                types: match state.types {
                    Some(old) => Some(StaticTypes {
                        cache: types,
                        builtins: types + (old.builtins - old.cache),
                        extensions: match old.extensions {
                            Some(extensions) => Some(types + (extensions - old.cache)),
                            None => None,
                        },
                        ..old
                    }),
                    None => None,
                },
            },
            ..self
        }
    }

    /// The same with a thread state of another size.
    pub const fn with_thread(self, thread_size: u64) -> Self {
        Heap {
            thread_size,
            ..self
        }
    }

    /// The same with `owner` of a frame elsewhere.
    pub const fn with_owner(self, owner: u32) -> Self {
        let frame = match self.frame {
            FrameForm::Structures(frame) => FrameForm::Structures(FrameStructures {
                owner: at(owner),
                ..frame
            }),
            objects @ FrameForm::Objects(_) => objects,
        };
        Heap { frame, ..self }
    }
}

/// A C structure that begins as an object: the class it belongs to, and what it owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Structure {
    /// Its name in C.
    pub name: &'static str,
    /// `tp_basicsize` of its classes.
    pub size: u64,
    /// `tp_name` of its classes, separated by spaces.
    pub classes: &'static str,
    /// The members that own a reference, as `name@offset`, separated by spaces.
    pub owned: &'static str,
}

/// A [`Structure`].
pub const fn structure(
    name: &'static str,
    size: u64,
    classes: &'static str,
    owned: &'static str,
) -> Structure {
    Structure {
        name,
        size,
        classes,
        owned,
    }
}

impl Structure {
    /// The members that own a reference: names and offsets.
    pub fn members(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
        parse_members(self.owned)
    }

    /// Whether `tp_name` is that of one of its classes; 2.7 puts a module before exceptions.
    fn is_of(&self, class: &str) -> bool {
        let class = class.strip_prefix("exceptions.").unwrap_or(class);
        self.classes
            .split_ascii_whitespace()
            .any(|name| name == class)
    }
}

/// Members written as `name@offset`, separated by spaces.
fn parse_members(text: &'static str) -> impl Iterator<Item = (&'static str, u64)> {
    text.split_ascii_whitespace().filter_map(|member| {
        let (name, offset) = member.split_once('@')?;
        Some((name, offset.parse().ok()?))
    })
}

/// The structures of a version: those that changed, and those of the version before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Structures {
    /// What is otherwise than before.
    pub changed: &'static [Structure],
    /// The version before.
    pub before: Option<&'static Structures>,
}

impl Structures {
    /// The structure of the class with this `tp_name` and `tp_basicsize`.
    pub fn find(&self, class: &str, size: u64) -> Option<&'static Structure> {
        let versions = std::iter::successors(Some(*self), |version| version.before.copied());
        versions
            .flat_map(|version| version.changed)
            .find(|structure| structure.size == size && structure.is_of(class))
    }

    /// Every structure as this version has it, with every size that its releases have.
    pub fn current(&self) -> Vec<&'static Structure> {
        let mut current: Vec<&'static Structure> = Vec::new();
        for version in std::iter::successors(Some(*self), |version| version.before.copied()) {
            let known = current.len();
            for structure in version.changed {
                let newer = &current[..known];
                if !newer.iter().any(|other| other.name == structure.name) {
                    current.push(structure);
                }
            }
        }
        current
    }
}

/// `PyTypeObject` and `PyHeapTypeObject` (`Include/cpython/object.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClassMembers {
    /// `tp_itemsize`.
    pub itemsize: Field<i64>,
    /// `tp_weaklistoffset`.
    pub weaklistoffset: Field<i64>,
    /// `tp_members`.
    pub members: Field<Address>,
    /// `tp_bases`.
    pub bases: Field<Address>,
    /// `tp_cache`.
    pub cache: Field<Address>,
    /// `tp_subclasses`: of static builtin types, from 3.12 on, a number.
    pub subclasses: Field<Address>,
    /// `ht_slots`.
    pub slots: Field<Address>,
    /// `ht_qualname`. Absent on 2.7.
    pub qualname: Option<Field<Address>>,
    /// `ht_cached_keys`. Absent on 2.7.
    pub cached_keys: Option<Field<Address>>,
    /// `ht_module`, from 3.9 on.
    pub module: Option<Field<Address>>,
}

/// `md_state`, the block that a module made from C keeps for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModuleState {
    /// `md_state`.
    pub state: Field<Address>,
    /// Where its size is.
    pub size: StateSize,
}

/// Where the size of the state of a module is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateSize {
    /// `m_size` of the definition (`PyModuleDef`).
    Definition(Field<i64>),
    /// `md_state_size` of the module. From 3.15 on.
    Module(Field<i64>),
}

/// Where instances keep attributes besides `tp_dictoffset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttributesForm {
    /// Nowhere. To 3.10.
    Dict,
    /// Pointers to a dict and to values before the object (3.11).
    Before {
        /// Bytes before the object of the dict.
        dict: u64,
        /// Bytes before the object of the values.
        values: u64,
    },
    /// One pointer before the object: to values + 1 when its lowest bit is set, else to a dict
    /// (3.12).
    Tagged {
        /// Bytes before the object.
        word: u64,
    },
    /// A pointer to a dict before the object, and values behind the object (from 3.13 on).
    Inline {
        /// Bytes before the object of the dict.
        dict: u64,
    },
}

/// `dequeobject` and `struct BLOCK` (`Modules/_collectionsmodule.c`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deque {
    /// `leftblock`.
    pub left_block: Field<Address>,
    /// `rightblock`.
    pub right_block: Field<Address>,
    /// `leftindex`.
    pub left_index: Field<i64>,
    /// `rightindex`.
    pub right_index: Field<i64>,
    /// Offset of the items in a block.
    pub items: u64,
    /// Items in a block.
    pub block_length: u64,
    /// Offset of the link to the next block in a block.
    pub right_link: u64,
}

/// `RingBuf` of `simplequeueobject` (`Modules/_queuemodule.c`, from 3.13 on).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ring {
    /// `get_idx`: the oldest item.
    pub first: Field<i64>,
    /// `items`.
    pub items: Field<Address>,
    /// `items_cap`.
    pub capacity: Field<i64>,
    /// `num_items`.
    pub count: Field<i64>,
}

/// `PyCodeObject` (`Include/cpython/code.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// `co_stacksize`.
    pub stack_size: Field<i32>,
    /// `co_nlocalsplus`, from 3.11 on.
    pub locals_plus: Option<Field<i32>>,
    /// `co_localsplusnames`, from 3.11 on; before, `co_varnames`.
    pub local_names: Field<Address>,
    /// `co_cellvars` and `co_freevars`, to 3.10.
    pub cell_names: Option<(Field<Address>, Field<Address>)>,
    /// `co_name`.
    pub name: Field<Address>,
    /// `_co_cached` (from 3.12 on): a block of references to things computed from the code.
    pub cached: Option<Field<Address>>,
}

/// How frames are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameForm {
    /// Objects, chained from the thread state. To 3.10.
    Objects(FrameObjects),
    /// Structures on a stack of each thread, in generators or in frame objects. From 3.11 on.
    Structures(FrameStructures),
}

/// `PyFrameObject` to 3.10 (`Include/frameobject.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameObjects {
    /// `frame` of the thread state.
    pub thread: Field<Address>,
    /// `f_back`; the members from here to `f_locals` are all owned.
    pub back: Field<Address>,
    /// `f_code`.
    pub code: Field<Address>,
    /// `f_valuestack`.
    pub value_stack: Field<Address>,
    /// How far the stack reaches.
    pub top: StackTop,
    /// `f_trace`.
    pub trace: Field<Address>,
    /// `f_exc_type`, `f_exc_value`, `f_exc_traceback`: 2.7 and 3.6.
    pub exceptions: Option<Field<Address>>,
    /// `f_localsplus`.
    pub locals: u64,
}

/// How far the stack of a frame reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StackTop {
    /// `f_stacktop`: a pointer, null while the frame runs and when it is finished. To 3.9.
    Pointer(Field<Address>),
    /// `f_stackdepth`: a number, -1 while it runs (3.10).
    Depth(Field<i32>),
    /// `stacktop`: counts locals, too; -1 while it runs (3.11 to 3.13).
    Count(Field<i32>),
    /// `stackpointer`, and words with tags. From 3.14 on.
    Tagged(Field<Address>),
}

/// `_PyInterpreterFrame` and `PyFrameObject` from 3.11 on (`Include/internal/pycore_frame.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameStructures {
    /// `cframe` (3.11, 3.12) or `current_frame` of the thread state.
    pub thread: Field<Address>,
    /// `current_frame` of `_PyCFrame` (3.11, 3.12).
    pub cframe: Option<Field<Address>>,
    /// `f_code`, from 3.13 on `f_executable`.
    pub code: Field<Address>,
    /// `f_func`, from 3.12 on `f_funcobj`.
    pub function: Field<Address>,
    /// `f_locals`.
    pub locals: Field<Address>,
    /// `frame_obj`.
    pub object: Field<Address>,
    /// `previous`.
    pub previous: Field<Address>,
    /// How far the stack reaches.
    pub top: StackTop,
    /// `owner`.
    pub owner: Field<u8>,
    /// The least `owner` of a frame without code of its own, on the C stack.
    pub entry_owner: u8,
    /// `localsplus`.
    pub localsplus: u64,
    /// `f_frame` of `PyFrameObject`.
    pub object_frame: Field<Address>,
    /// Members of `PyFrameObject` that own a reference, as in [`Structure`].
    pub object_members: Structure,
}

/// `PyGenObject` from 3.11 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Generator {
    /// `gi_iframe`.
    pub frame: u64,
    /// `gi_frame_state`.
    pub state: Field<i8>,
    /// The state while it runs.
    pub running: i8,
    /// The state in which there is no frame any more, `FRAME_CLEARED`; in the one before, the frame is
    /// over, but still has what it had.
    pub ended: i8,
    /// Whether the code object stays in the frame when it has ended. From 3.12 on.
    pub keeps_code: bool,
}

/// `ElementObject` and its `ElementObjectExtra` (`Modules/_elementtree.c`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element {
    /// `extra`.
    pub extra: Field<Address>,
    /// `length` of the extra block: 32 bits on 2.7.
    pub length: Field<u32>,
    /// `children` of the extra block. `attrib` is its first member.
    pub children: Field<Address>,
}

/// Parts of `PyInterpreterState` that hold references or must not be taken for such.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InterpreterState {
    /// `sizeof(PyInterpreterState)`.
    pub size: u64,
    /// State of static builtin types, from 3.12 on.
    pub types: Option<StaticTypes>,
    /// `cached_objects.interned_strings`, from 3.12 on: a dict whose references are not counted.
    pub interned: Option<Field<Address>>,
}

/// `struct types_state` (`Include/internal/pycore_typeobject.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StaticTypes {
    /// `types`: a cache of borrowed references begins here, and ends with `builtins`.
    pub cache: u64,
    /// `types.builtins.initialized`: an array, indexed by `tp_subclasses` - 1.
    pub builtins: u64,
    /// `types.for_extensions.initialized`, from 3.13 on.
    pub extensions: Option<u64>,
    /// Bytes of an entry. Its first word is the type.
    pub size: u64,
    /// `tp_dict` in an entry.
    pub dict: Field<Address>,
    /// `tp_subclasses` in an entry.
    pub subclasses: Field<Address>,
}

/// Hooks, callbacks and caches of others that interpreters and threads keep, written as in
/// [`Structure`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keepers {
    /// Members of `PyInterpreterState` (`Include/internal/pycore_interp.h`).
    pub interpreter: &'static str,
    /// Members of `PyThreadState` (`Include/cpython/pystate.h`).
    pub thread: &'static str,
    /// `signals.handlers` of `_PyRuntimeState`, from 3.12 on; before, a static array of the module
    /// `_signal`. Each entry has 16 bytes, of which the last eight are `func`.
    pub signals: Option<u64>,
}

/// `PY_MONITORING_TOOL_IDS` * `_PY_MONITORING_EVENTS` is not the same in all versions: what lies
/// between `monitoring_callables` and the names of the tools is all callbacks.
const ARRAYS: [(&str, &str); 1] = [("monitoring_callables", "monitoring_tool_names")];
/// Words of `exc_state` (to 3.10 three) and of `curexc_type`, which are followed by the others.
const TRIPLES: [&str; 2] = ["exc_state", "current_exception"];

impl Keepers {
    /// The member of the interpreter state in which the word at `offset` is.
    pub fn interpreter_member_at(&self, offset: u64) -> Option<&'static str> {
        let start_of = |wanted: &str| start_of(self.interpreter, wanted);
        let in_array = ARRAYS.into_iter().find(|(first, end)| {
            let range = start_of(first).zip(start_of(end));
            range.is_some_and(|(first, end)| (first..end).contains(&offset))
        });
        member_at(self.interpreter, offset).or(in_array.map(|(name, _)| name))
    }

    /// The member of the thread state in which the word at `offset` is.
    pub fn thread_member_at(&self, offset: u64) -> Option<&'static str> {
        let in_triple = TRIPLES.into_iter().find(|name| {
            let start = start_of(self.thread, name);
            start.is_some_and(|start| (start..start + 24).contains(&offset))
        });
        member_at(self.thread, offset).or(in_triple)
    }

    /// Bytes of the interpreter state that own nothing: functions by their version, 4096 pairs.
    pub fn borrowed(&self) -> std::ops::Range<u64> {
        let start = start_of(self.interpreter, "func_version_cache");
        start.map_or(0..0, |start| start..start + 4096 * 16)
    }

    /// Where a member of the interpreter state begins, in bytes.
    pub fn interpreter_member(&self, name: &str) -> Option<u64> {
        start_of(self.interpreter, name)
    }

    /// Where a member of the thread state begins, in bytes.
    pub fn thread_member(&self, name: &str) -> Option<u64> {
        start_of(self.thread, name)
    }
}

fn start_of(members: &'static str, wanted: &str) -> Option<u64> {
    let member = parse_members(members).find(|&(name, _)| name == wanted);
    member.map(|(_, offset)| offset)
}

fn member_at(members: &'static str, offset: u64) -> Option<&'static str> {
    let member = parse_members(members).find(|&(_, start)| start == offset);
    member.map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use crate::cpython::tables::{ROWS, V2_7, V3_11, V3_13};

    #[test]
    fn every_member_that_is_owned_is_a_word_inside_its_structure() {
        for row in ROWS {
            for structure in row.layout.heap.structures.current() {
                let named = structure.owned.split_ascii_whitespace().count();
                assert_eq!(structure.members().count(), named, "{}", structure.name);
                for (member, offset) in structure.members() {
                    let inside = offset % 8 == 0 && (16..structure.size).contains(&offset);
                    assert!(inside, "{}.{member}", structure.name);
                }
            }
        }
    }

    #[test]
    fn a_structure_is_found_by_its_class_and_size() {
        let owned = |heap: &super::Heap, class: &str, size| {
            let structure = heap.structures.find(class, size)?;
            Some(structure.owned)
        };
        assert_eq!(owned(&V3_13.heap, "cell", 24), Some("ob_ref@16"));
        assert_eq!(owned(&V3_13.heap, "cell", 32), None);
        assert_eq!(
            owned(&V3_11.heap, "enumerate", 56),
            owned(&V3_13.heap, "enumerate", 56)
        );
        assert!(owned(&V2_7.heap, "exceptions.SystemExit", 48).is_some());
    }
}
