//! Where CPython keeps its members, as data.
//!
//! A [`Layout`] is a table of offsets for one minor version and build. The tables in
//! [`tables`](super::tables) state each version as the difference from the one before. A member
//! that a version does not have is `None`, never 0; a change of *meaning* is one of the small
//! `*Form` enums here, each of which is matched in one place.

use crate::address::Address;
use crate::target::memory::{ReadError, ReadMemory, ReadMemoryExt, Word, word_in};
use std::marker::PhantomData;

pub use super::layout_heap::{
    AttributesForm, ClassMembers, Code, Deque, Element, FrameForm, FrameObjects, FrameStructures,
    Generator, Heap, InterpreterState, ModuleState, Ring, StackTop, StateSize, StaticTypes,
    structure,
};

/// Where one member lies in its structure, and the type of the value there.
#[derive(Debug)]
pub struct Field<T> {
    offset: u32,
    value: PhantomData<fn() -> T>,
}

impl<T> Clone for Field<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Field<T> {}
impl<T> PartialEq for Field<T> {
    fn eq(&self, other: &Self) -> bool {
        self.offset == other.offset
    }
}
impl<T> Eq for Field<T> {}

/// The member at `offset` bytes from the start of its structure.
pub const fn at<T>(offset: u32) -> Field<T> {
    Field {
        offset,
        value: PhantomData,
    }
}

/// As [`at`], for a member that some versions do not have.
pub const fn some<T>(offset: u32) -> Option<Field<T>> {
    Some(at(offset))
}

impl<T> Field<T> {
    /// Bytes from the start of the structure.
    pub const fn offset(self) -> u64 {
        self.offset as u64
    }

    /// Where the member lies in the structure at `base`.
    pub const fn of(self, base: Address) -> Address {
        base.offset(self.offset as u64)
    }
}

impl<T: Word> Field<T> {
    /// The member of the structure whose bytes are given; `None` when they end before it.
    pub fn get(self, structure: &[u8]) -> Option<T> {
        word_in(structure, self.offset as usize)
    }

    /// Reads the member of the structure at `base`.
    ///
    /// # Errors
    /// As [`ReadMemoryExt::read_exact_at`].
    pub fn read(self, memory: &(impl ReadMemory + ?Sized), base: Address) -> Result<T, ReadError> {
        memory.read_at(self.of(base))
    }
}

/// The whole table for one minor version and build. All sizes and offsets are in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Minor version the table is for, as (major, minor).
    pub python: (u8, u8),
    /// `_PyRuntimeState`; `None` before 3.7, which kept static variables instead.
    pub runtime: Option<Runtime>,
    /// `PyInterpreterState`.
    pub interpreter: Interpreter,
    /// `PyThreadState`.
    pub thread: ThreadState,
    /// `struct _gc_runtime_state` and its `struct gc_generation`.
    pub collector: Collector,
    /// The queue of pending calls of the main thread.
    pub pending: Pending,
    /// Whether `pending` has been proven for builds like this one. No header and no debug offset
    /// states it, so a build that is not among the rows leaves it open: then nothing may be queued.
    pub pending_proven: bool,
    /// `PyObject` and `PyVarObject`.
    pub header: Header,
    /// `PyGC_Head`, which lies before every tracked object.
    pub gc_head: GcHead,
    /// `PyTypeObject` and `PyHeapTypeObject`.
    pub class: Class,
    /// `PyModuleObject`.
    pub module: Module,
    /// `PyDictObject` with its keys, entries and values.
    pub dict: Dict,
    /// `PyUnicodeObject` and its shorter forms.
    pub text: Text,
    /// `PyBytesObject`; on 2.7 `PyStringObject`.
    pub bytes: Bytes,
    /// `PyLongObject`.
    pub int: Int,
    /// `PyListObject`.
    pub list: List,
    /// `PyTupleObject`.
    pub tuple: Tuple,
    /// `PyFunctionObject`.
    pub function: Function,
    /// What it takes to follow references.
    pub heap: Heap,
}

/// `_PyRuntimeState` (`Include/internal/pycore_runtime.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Runtime {
    /// `sizeof(_PyRuntimeState)`.
    pub size: u64,
    /// Non-zero after `Py_Initialize`.
    pub initialized: Field<i32>,
    /// `_finalizing`: the thread state that finalizes, else null.
    pub finalizing: Field<Address>,
    /// `interpreters.head`: newest interpreter first.
    pub interpreters_head: Field<Address>,
    /// `interpreters.main`.
    pub interpreters_main: Field<Address>,
    /// `main_thread`: the `pthread_t` of the main thread.
    pub main_thread: Field<u64>,
}

/// `PyInterpreterState` (`Include/internal/pycore_interp.h`; 2.7 and 3.6: `Include/pystate.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interpreter {
    /// The next, older interpreter.
    pub next: Field<Address>,
    /// `id`, from 3.7 on.
    pub id: Option<Field<i64>>,
    /// `threads.head` (`tstate_head` to 3.10).
    pub threads_head: Field<Address>,
    /// `imports.modules` (`modules` to 3.11): the dict that is `sys.modules`.
    pub modules: Field<Address>,
    /// `sysdict`: the namespace of `sys`.
    pub sysdict: Field<Address>,
    /// `finalizing`: an `int` to 3.11, then a pointer; non-zero means ending. From 3.8 on.
    pub finalizing: Option<Field<u32>>,
}

/// `PyThreadState` (`Include/cpython/pystate.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThreadState {
    /// The next, older thread state of the interpreter.
    pub next: Field<Address>,
    /// `interp`.
    pub interpreter: Field<Address>,
    /// `thread_id`: the `pthread_t`, which on glibc is the thread's `fs_base`.
    pub thread_id: Field<u64>,
    /// `native_thread_id`, from 3.11 on: the kernel's tid in the thread's own pid namespace.
    pub native_thread_id: Option<Field<u64>>,
    /// `eval_breaker`, from 3.13 on.
    pub eval_breaker: Option<Field<u64>>,
}

/// Which structure a part of the interpreter lives in, with its offset there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A static variable of its own (2.7 and 3.6).
    Static,
    /// Inside `_PyRuntimeState`.
    Runtime(u32),
    /// Inside `PyInterpreterState`.
    Interpreter(u32),
}

/// `struct _gc_runtime_state` (`Include/internal/pycore_mem.h`, later `pycore_interp_structs.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Collector {
    /// Where the structure is.
    pub place: Place,
    /// `enabled`.
    pub enabled: Option<Field<i32>>,
    /// `generations[0]`; distributions move it, so it is checked against `generation0`.
    pub generations: Field<Address>,
    /// `generation0`: a pointer to `generations[0]`. `None` where it is a static of its own.
    pub generation0: Option<Field<Address>>,
    /// `permanent_generation`, for `gc.freeze`. From 3.7 on.
    pub permanent: Option<Field<Address>>,
    /// `collecting`, from 3.7 on.
    pub collecting: Option<Field<i32>>,
    /// `sizeof(struct gc_generation)`.
    pub generation_size: u64,
}

/// How the ring of pending calls is kept (`Python/ceval.c`, from 3.12 `Python/ceval_gil.c`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PendingForm {
    /// 16-byte entries in 32 slots; `first` and `last` are indices. To 3.12.
    Indexed,
    /// 24-byte entries with flags in 300 slots; a count besides `first` and `next`. From 3.13 on.
    Counted,
}

/// The pending calls of the main thread. Offsets are from `place`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// Where `struct _pending_calls` of the main thread is.
    pub place: Place,
    /// How the ring is kept.
    pub form: PendingForm,
    /// `lock`: a `PyThread_type_lock` to 3.12, then a one-byte `PyMutex`.
    pub lock: Field<Address>,
    /// `calls_to_do`: a flag to 3.12; from 3.13 `npending`, a count.
    pub calls_to_do: Field<i32>,
    /// `calls`, the array of entries.
    pub calls: Field<Address>,
    /// `first`: index of the oldest entry.
    pub first: Field<i32>,
    /// `last`, from 3.13 `next`: index of the first free entry.
    pub last: Field<i32>,
    /// The word that makes the main thread look at its queue.
    pub wake: Wake,
}

/// What to set so that the evaluation loop looks at its pending calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// Static `eval_breaker` = 1 (3.6), `_Py_Ticker` = 0 (2.7).
    Static,
    /// An `int` at this offset of `_PyRuntimeState` = 1 (3.7, 3.8).
    Runtime(u32),
    /// An `int` at this offset of `PyInterpreterState` = 1 (3.9 to 3.12).
    Interpreter(u32),
    /// Bit 2 of `PyThreadState.eval_breaker` (3.13 on).
    ThreadBit,
}

/// How a reference count is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefcountForm {
    /// A signed word; no object is immortal. To 3.11.
    Word,
    /// A signed word whose low 32 bits are negative for immortal objects. 3.12 and 3.13.
    WordImmortal,
    /// 32 bits; a count with the top bit set is immortal. From 3.14 on.
    Half,
    /// Free-threaded builds: a local count, and a shared one in the upper bits of a word.
    Split {
        /// `ob_ref_local`.
        local: Field<u32>,
        /// `ob_ref_shared`, shifted left by 2.
        shared: Field<i64>,
    },
}

/// `PyObject` and `PyVarObject` (`Include/object.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// `sizeof(PyObject)`: 16, and 32 for TRACE_REFS and free-threaded builds.
    pub size: u64,
    /// How the count is kept.
    pub form: RefcountForm,
    /// `ob_refcnt`.
    pub refcount: Field<u64>,
    /// `ob_type`.
    pub class: Field<Address>,
    /// `ob_size` of objects with a length.
    pub length: Field<i64>,
}

/// Whether the collector keeps flags in its links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GcForm {
    /// Plain links, and a count behind them. To 3.7.
    Plain,
    /// The two low bits of `prev` and the lowest of `next` are flags. From 3.8 on.
    Flagged,
    /// No lists: objects are found through the allocator's pages. Free-threaded builds.
    Unlisted,
}

/// `PyGC_Head` (`Include/internal/pycore_gc.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GcHead {
    /// `sizeof(PyGC_Head)`: the object begins this far behind.
    pub size: u64,
    /// How links are kept.
    pub form: GcForm,
    /// `_gc_next`.
    pub next: Field<Address>,
    /// `_gc_prev`.
    pub prev: Field<Address>,
}

/// `PyTypeObject` (`Include/cpython/object.h`) and the names of `PyHeapTypeObject`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Class {
    /// `sizeof(PyTypeObject)`.
    pub size: u64,
    /// `sizeof(PyHeapTypeObject)`: `tp_basicsize` of `type`.
    pub heap_size: u64,
    /// `tp_name`, a C string.
    pub name: Field<Address>,
    /// `tp_basicsize`.
    pub basicsize: Field<i64>,
    /// `tp_flags`.
    pub flags: Field<u64>,
    /// `tp_base`.
    pub base: Field<Address>,
    /// `tp_dict`; null for static builtin types from 3.12 on.
    pub dict: Field<Address>,
    /// `tp_dictoffset`.
    pub dictoffset: Field<i64>,
    /// `tp_mro`.
    pub mro: Field<Address>,
    /// `ht_name` of heap types.
    pub heap_name: Field<Address>,
}

/// `PyModuleObject` (`Objects/moduleobject.c`, later `Include/internal/pycore_moduleobject.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Module {
    /// `sizeof(PyModuleObject)`.
    pub size: u64,
    /// `md_dict`: the globals.
    pub dict: Field<Address>,
    /// `md_def` (3.15: `md_token`): not null for modules made from C. Absent on 2.7.
    pub definition: Option<Field<Address>>,
    /// `md_name`. Absent on 2.7.
    pub name: Option<Field<Address>>,
}

/// How a dict keeps its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DictKeysForm {
    /// One open table of 24-byte entries in the dict itself (2.7).
    Table {
        /// `ma_table`.
        table: Field<Address>,
        /// `ma_mask`: slots - 1.
        mask: Field<i64>,
    },
    /// `PyDictKeysObject` with `dk_size` slots and 24-byte entries (3.6 to 3.10).
    Sized {
        /// `dk_size`.
        slots: Field<i64>,
    },
    /// `PyDictKeysObject` with sizes as powers of two; string-only tables have 16-byte entries
    /// (from 3.11 on).
    Logged {
        /// `dk_log2_size`.
        log2_slots: Field<u8>,
        /// `dk_log2_index_bytes`.
        log2_index_bytes: Field<u8>,
        /// `dk_kind`: 0 general, 1 unicode, 2 split.
        kind: Field<u8>,
    },
}

/// How the values of a split dict are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DictValuesForm {
    /// `PyObject **` (to 3.10) or `PyDictValues` with the values first (3.11, 3.12).
    First,
    /// `PyDictValues` with a header before the values (from 3.13 on).
    Behind(u32),
}

/// `PyDictObject` (`Objects/dictobject.c`, `Include/internal/pycore_dict.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dict {
    /// `sizeof(PyDictObject)`.
    pub size: u64,
    /// `ma_used`: how many items.
    pub used: Field<i64>,
    /// `ma_version_tag`: changes with every change of the dict. 3.6 to 3.13; its low bits
    /// belong to watchers from 3.12 on.
    pub version_tag: Option<Field<u64>>,
    /// `ma_keys`. Absent on 2.7.
    pub keys: Option<Field<Address>>,
    /// `ma_values`: not null for split dicts. Absent on 2.7.
    pub values: Option<Field<Address>>,
    /// How keys are kept.
    pub keys_form: DictKeysForm,
    /// How values of split dicts are kept.
    pub values_form: DictValuesForm,
    /// `dk_usable`: entries still free.
    pub keys_usable: Field<i64>,
    /// `dk_nentries`: entries taken, dead ones included.
    pub keys_entries: Field<i64>,
    /// Offset of `dk_indices` in the keys object.
    pub keys_indices: u64,
}

/// How text is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextForm {
    /// 2.7: a pointer to 4-byte (or, in narrow builds, 2-byte) units.
    Units,
    /// PEP 393: kind, compact and ascii bits in the state word.
    Flexible {
        /// Lowest bit of the three bits of `kind`.
        kind_shift: u8,
        /// Bit of `compact`.
        compact_bit: u8,
        /// Bit of `ascii`.
        ascii_bit: u8,
    },
}

/// `PyUnicodeObject` (`Include/cpython/unicodeobject.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text {
    /// How text is kept.
    pub form: TextForm,
    /// `length` in code points (2.7: in units).
    pub length: Field<i64>,
    /// `state`.
    pub state: Field<u32>,
    /// `sizeof(PyASCIIObject)`: where the characters of compact ASCII text begin.
    pub ascii_size: u64,
    /// `sizeof(PyCompactUnicodeObject)`: where those of other compact text begin.
    pub compact_size: u64,
    /// `data` (2.7 `str`): pointer to the characters of text that is not compact.
    pub data: Field<Address>,
}

/// `PyBytesObject` (`Include/cpython/bytesobject.h`; 2.7 `PyStringObject`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes {
    /// Offset of the first byte, `ob_sval`.
    pub data: u64,
}

/// How the size and sign of an `int` are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntForm {
    /// `ob_size`: its absolute value counts digits, its sign is the sign. To 3.11.
    SignedLength,
    /// `lv_tag`: digits in the bits from 3 on, sign in the lowest two (0 plus, 1 zero, 2 minus).
    Tag(Field<u64>),
}

/// `PyLongObject` (`Include/cpython/longintrepr.h`): 30-bit digits in 32-bit words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Int {
    /// How size and sign are kept.
    pub form: IntForm,
    /// Offset of the first digit, `ob_digit`.
    pub digits: u64,
}

/// `PyListObject`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct List {
    /// `ob_item`: pointer to the items.
    pub items: Field<Address>,
}

/// `PyTupleObject`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tuple {
    /// Offset of the first item, `ob_item`.
    pub items: u64,
}

/// `PyFunctionObject` (`Include/cpython/funcobject.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Function {
    /// `sizeof(PyFunctionObject)`.
    pub size: u64,
    /// `func_globals`.
    pub globals: Field<Address>,
    /// `func_code`.
    pub code: Field<Address>,
}
