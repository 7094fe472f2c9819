//! CPython 3.11. What changed since 3.10.

use super::v3_10::V3_10;
use super::variants::with_trace_refs;
use super::{keepers, structures};
#[allow(clippy::wildcard_imports)]
use crate::cpython::layout::*;

/// Offsets of CPython 3.11, x86-64 Linux, default build.
pub const V3_11: Layout = Layout {
    python: (3, 11),
    // The main interpreter and the static objects became part of it; `_initialized` is first.
    runtime: Some(Runtime {
        size: 166688,
        initialized: at(16),
        finalizing: at(24),
        interpreters_head: at(40),
        interpreters_main: at(48),
        main_thread: at(80),
    }),
    // Everything about threads is in `threads`.
    interpreter: Interpreter {
        id: some(48),
        threads_head: at(16),
        modules: at(888),
        sysdict: at(904),
        finalizing: some(84),
        ..V3_10.interpreter
    },
    // `native_thread_id`; the frame is reached through `cframe`.
    thread: ThreadState {
        thread_id: at(152),
        native_thread_id: some(160),
        ..V3_10.thread
    },
    // Moved with the interpreter.
    collector: Collector {
        place: Place::Interpreter(648),
        ..V3_10.collector
    },
    // Moved with the interpreter.
    pending: Pending {
        place: Place::Interpreter(0x70),
        wake: Wake::Interpreter(0x64),
        ..V3_10.pending
    },
    // `_ht_tpname` and the specialiser's cache, in heap types.
    class: Class {
        heap_size: 904,
        ..V3_10.class
    },
    // Keys state sizes as powers of two; tables of nothing but strings keep no hashes.
    dict: Dict {
        keys_form: DictKeysForm::Logged {
            log2_slots: at(8),
            log2_index_bytes: at(9),
            kind: at(10),
        },
        keys_usable: at(16),
        keys_entries: at(24),
        keys_indices: 32,
        ..V3_10.dict
    },
    // `func_version`.
    function: Function {
        size: 136,
        ..V3_10.function
    },
    // Frames are no objects; attributes need no dict.
    heap: Heap {
        structures: structures::V3_11,
        attributes: AttributesForm::Before {
            dict: 24,
            values: 32,
        },
        code: Code {
            stack_size: at(68),
            locals_plus: some(76),
            local_names: at(96),
            cell_names: None,
            name: at(120),
            cached: None,
        },
        frame: FrameForm::Structures(FRAMES),
        generator: Some(Generator {
            frame: 80,
            state: at(75),
            running: 0,
            ended: 4,
            keeps_code: false,
        }),
        interpreter: InterpreterState {
            size: 107752,
            ..V3_10.heap.interpreter
        },
        keepers: keepers::V3_11,
        thread_size: 360,
        ..V3_10.heap
    },
    ..V3_10
};

/// 3.11 with TRACE_REFS: the static objects in the runtime are longer as well.
pub const V3_11_TRACE_REFS: Layout = Layout {
    runtime: match V3_11.runtime {
        Some(runtime) => Some(Runtime {
            size: 184304,
            ..runtime
        }),
        None => None,
    },
    ..with_trace_refs(V3_11)
};

/// Frames of 3.11.
pub(super) const FRAMES: FrameStructures = FrameStructures {
    thread: at(56),
    cframe: some(8),
    code: at(32),
    function: at(0),
    locals: at(24),
    object: at(40),
    previous: at(48),
    top: StackTop::Count(at(64)),
    owner: at(69),
    entry_owner: 3,
    localsplus: 72,
    object_frame: at(24),
    object_members: structure("PyFrameObject", 56, "frame", "f_back@16 f_trace@32"),
};
