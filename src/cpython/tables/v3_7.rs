//! CPython 3.7. What changed since 3.6.

use super::v3_6::FRAMES;
use super::v3_6::V3_6;
use super::{keepers, structures};
#[allow(clippy::wildcard_imports)]
use crate::cpython::layout::*;

/// Offsets of CPython 3.7, x86-64 Linux, default build.
pub const V3_7: Layout = Layout {
    python: (3, 7),
    // `_PyRuntimeState` took up most static variables.
    runtime: Some(Runtime {
        size: 1520,
        initialized: at(0),
        finalizing: at(8),
        interpreters_head: at(24),
        interpreters_main: at(32),
        main_thread: at(720),
    }),
    // `id` and its reference count.
    interpreter: Interpreter {
        id: some(16),
        modules: at(40),
        sysdict: at(56),
        ..V3_6.interpreter
    },
    // Handled exceptions became a stack, `exc_info`, whose first item is in the thread state.
    thread: ThreadState {
        thread_id: at(176),
        ..V3_6.thread
    },
    // In the runtime; `gc.freeze` needs a permanent generation.
    collector: Collector {
        place: Place::Runtime(320),
        enabled: some(12),
        generations: at(32),
        generation0: some(176),
        permanent: some(192),
        collecting: some(312),
        ..V3_6.collector
    },
    // In the runtime, with the identity of the main thread before it.
    pending: Pending {
        place: Place::Runtime(0x2d8),
        calls_to_do: at(8),
        calls: at(16),
        first: at(0x210),
        last: at(0x214),
        wake: Wake::Runtime(0x2c8),
        ..V3_6.pending
    },
    // Exceptions being handled left frames.
    heap: Heap {
        structures: structures::V3_7,
        frame: FrameForm::Objects(FrameObjects {
            exceptions: None,
            locals: 360,
            ..FRAMES
        }),
        interpreter: InterpreterState {
            size: 2568,
            ..V3_6.heap.interpreter
        },
        keepers: keepers::V3_7,
        thread_size: 280,
        ..V3_6.heap
    },
    ..V3_6
};
