//! CPython 3.9. What changed since 3.8.

use super::v3_8::V3_8;
use super::{keepers, structures};
#[allow(clippy::wildcard_imports)]
use crate::cpython::layout::*;

/// Offsets of CPython 3.9, x86-64 Linux, default build.
pub const V3_9: Layout = Layout {
    python: (3, 9),
    // Collector and evaluation state left for the interpreters.
    runtime: Some(Runtime {
        size: 656,
        initialized: at(12),
        finalizing: at(16),
        interpreters_head: at(32),
        interpreters_main: at(40),
        main_thread: at(72),
    }),
    // `runtime` before `id`; collector and evaluation state before `modules`.
    interpreter: Interpreter {
        id: some(24),
        modules: at(856),
        sysdict: at(872),
        finalizing: some(56),
        ..V3_8.interpreter
    },
    // One for each interpreter.
    collector: Collector {
        place: Place::Interpreter(616),
        ..V3_8.collector
    },
    // One queue for each interpreter, without `finishing`.
    pending: Pending {
        place: Place::Interpreter(0x50),
        wake: Wake::Interpreter(0x48),
        ..V3_8.pending
    },
    // `tp_print` is gone for good; `ht_module` (PEP 573) took its room in heap types.
    class: Class {
        size: 408,
        heap_name: at(840),
        ..V3_8.class
    },
    // `ht_module` (PEP 573).
    heap: Heap {
        structures: structures::V3_9,
        class: ClassMembers {
            slots: at(848),
            qualname: some(856),
            cached_keys: some(864),
            module: some(872),
            ..V3_8.heap.class
        },
        interpreter: InterpreterState {
            size: 5656,
            ..V3_8.heap.interpreter
        },
        keepers: keepers::V3_9,
        ..V3_8.heap
    },
    ..V3_8
};
