//! CPython 3.11. What changed since 3.10.

use super::v3_10::V3_10;
use super::variants::with_trace_refs;
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
