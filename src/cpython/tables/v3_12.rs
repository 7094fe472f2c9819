//! CPython 3.12.

use super::v3_11::V3_11;
use super::variants::with_trace_refs;
#[allow(clippy::wildcard_imports)]
use crate::cpython::layout::*;

/// Offsets of CPython 3.12, x86-64 Linux, default build.
pub const V3_12: Layout = Layout {
    python: (3, 12),
    runtime: Some(Runtime {
        size: 459944,
        initialized: at(16),
        finalizing: at(24),
        interpreters_head: at(40),
        interpreters_main: at(48),
        main_thread: at(64),
    }),
    interpreter: Interpreter {
        id: some(8),
        threads_head: at(72),
        modules: at(944),
        sysdict: at(352),
        finalizing: some(104),
        ..V3_11.interpreter
    },
    thread: ThreadState {
        thread_id: at(136),
        native_thread_id: some(144),
        ..V3_11.thread
    },
    collector: Collector {
        place: Place::Interpreter(112),
        ..V3_11.collector
    },
    pending: Pending {
        place: Place::Runtime(0x7e8),
        wake: Wake::Interpreter(0x170),
        ..V3_11.pending
    },
    header: Header {
        form: RefcountForm::WordImmortal,
        ..V3_11.header
    },
    class: Class {
        size: 416,
        heap_size: 920,
        heap_name: at(856),
        ..V3_11.class
    },
    text: Text {
        ascii_size: 40,
        compact_size: 56,
        data: at(56),
        ..V3_11.text
    },
    int: Int {
        form: IntForm::Tag(at(16)),
        ..V3_11.int
    },
    function: Function {
        size: 144,
        ..V3_11.function
    },
    ..V3_11
};

/// 3.12 with TRACE_REFS: the static objects in the runtime are longer as well.
pub const V3_12_TRACE_REFS: Layout = Layout {
    runtime: match V3_12.runtime {
        Some(runtime) => Some(Runtime {
            size: 483936,
            ..runtime
        }),
        None => None,
    },
    ..with_trace_refs(V3_12)
};
