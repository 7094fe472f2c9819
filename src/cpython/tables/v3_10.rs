//! CPython 3.10. What changed since 3.9.

use super::v3_6::FRAMES;
use super::v3_9::V3_9;
use super::{keepers, structures};
#[allow(clippy::wildcard_imports)]
use crate::cpython::layout::*;

/// Offsets of CPython 3.10, x86-64 Linux, default build.
pub const V3_10: Layout = Layout {
    python: (3, 10),
    // `unicode_ids`, at the end.
    runtime: Some(Runtime {
        size: 672,
        initialized: at(12),
        finalizing: at(16),
        interpreters_head: at(32),
        interpreters_main: at(40),
        main_thread: at(72),
    }),
    // `tracing_possible`, before `eval_breaker`, is gone.
    pending: Pending {
        wake: Wake::Interpreter(0x44),
        ..V3_9.pending
    },
    // `am_send`, among the slot tables of heap types.
    class: Class {
        heap_size: 888,
        heap_name: at(848),
        ..V3_9.class
    },
    // Sorted anew to begin with what a frame needs; `func_builtins`.
    function: Function {
        size: 128,
        globals: at(16),
        code: at(48),
    },
    // The stack of a frame is counted, not pointed to.
    heap: Heap {
        structures: structures::V3_10,
        class: ClassMembers {
            slots: at(856),
            qualname: some(864),
            cached_keys: some(872),
            module: some(880),
            ..V3_9.heap.class
        },
        frame: FrameForm::Objects(FrameObjects {
            top: StackTop::Depth(at(80)),
            trace: at(72),
            exceptions: None,
            locals: 352,
            ..FRAMES
        }),
        interpreter: InterpreterState {
            size: 113528,
            ..V3_9.heap.interpreter
        },
        keepers: keepers::V3_10,
        thread_size: 280,
        ..V3_9.heap
    },
    ..V3_9
};
