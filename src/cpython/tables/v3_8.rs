//! CPython 3.8. What changed since 3.7.

use super::v3_7::V3_7;
use super::{keepers, structures};
#[allow(clippy::wildcard_imports)]
use crate::cpython::layout::*;

/// Offsets of CPython 3.8, x86-64 Linux, default build.
pub const V3_8: Layout = Layout {
    python: (3, 8),
    // Flags of pre-initialisation come first (PEP 587).
    runtime: Some(Runtime {
        size: 1464,
        initialized: at(12),
        finalizing: at(16),
        interpreters_head: at(32),
        interpreters_main: at(40),
        main_thread: at(72),
    }),
    // `requires_idref` and `finalizing`, before `modules`.
    interpreter: Interpreter {
        modules: at(56),
        sysdict: at(72),
        finalizing: some(48),
        ..V3_7.interpreter
    },
    // Lists are two words (see `gc_head`), so a generation is three.
    collector: Collector {
        place: Place::Runtime(344),
        generations: at(24),
        generation0: some(96),
        permanent: some(104),
        collecting: some(200),
        generation_size: 24,
        ..V3_7.collector
    },
    // `finishing` stands where the identity of the main thread was.
    pending: Pending {
        place: Place::Runtime(0x260),
        wake: Wake::Runtime(0x250),
        ..V3_7.pending
    },
    // The count `gc_refs` moved into the links, whose low bits became flags.
    gc_head: GcHead {
        size: 16,
        form: GcForm::Flagged,
        ..V3_7.gc_head
    },
    // `tp_vectorcall` (PEP 590), and `tp_print` kept at the end for compatibility.
    class: Class {
        size: 416,
        heap_size: 880,
        heap_name: at(848),
        ..V3_7.class
    },
    // `vectorcall` (PEP 590).
    function: Function {
        size: 120,
        ..V3_7.function
    },
    // `co_posonlyargcount`; `tp_vectorcall` before the names of classes.
    heap: Heap {
        structures: structures::V3_8,
        class: ClassMembers {
            slots: at(856),
            qualname: some(864),
            cached_keys: some(872),
            ..V3_7.heap.class
        },
        code: Code {
            stack_size: at(32),
            local_names: at(72),
            cell_names: Some((at(88), at(80))),
            name: at(112),
            ..V3_7.heap.code
        },
        interpreter: InterpreterState {
            size: 2720,
            ..V3_7.heap.interpreter
        },
        keepers: keepers::V3_8,
        thread_size: 264,
        ..V3_7.heap
    },
    ..V3_7
};
