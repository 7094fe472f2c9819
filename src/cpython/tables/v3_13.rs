//! CPython 3.13. What changed since 3.12, and in what the patch releases and builds differ.

use super::v3_12::V3_12;
use super::variants::without_gil;
use super::{keepers, structures};
#[allow(clippy::wildcard_imports)]
use crate::cpython::layout::*;

/// Offsets of CPython 3.13, x86-64 Linux, default build.
pub const V3_13: Layout = Layout {
    python: (3, 13),
    // Begins with the debug offsets.
    runtime: Some(Runtime {
        size: 283320,
        initialized: at(600),
        finalizing: at(608),
        interpreters_head: at(632),
        interpreters_main: at(640),
        main_thread: at(656),
    }),
    // Begins with `ceval`, which holds a longer queue of pending calls.
    interpreter: Interpreter {
        next: at(7264),
        id: some(7272),
        threads_head: at(7344),
        modules: at(7656),
        sysdict: at(7640),
        finalizing: some(7384),
    },
    // `eval_breaker` is one word for each thread; the frame is in the thread state again.
    thread: ThreadState {
        thread_id: at(152),
        native_thread_id: some(160),
        eval_breaker: some(24),
        ..V3_12.thread
    },
    // Moved with the interpreter.
    collector: Collector {
        place: Place::Interpreter(7400),
        ..V3_12.collector
    },
    // 300 entries with flags, a count besides the indices, and a `PyMutex` of one byte.
    pending: Pending {
        place: Place::Runtime(0xa58),
        form: PendingForm::Counted,
        calls_to_do: at(4),
        first: at(0x1c30),
        last: at(0x1c34),
        wake: Wake::ThreadBit,
        ..V3_12.pending
    },
    // A longer specialiser's cache in heap types.
    class: Class {
        heap_size: 928,
        ..V3_12.class
    },
    // Values begin with four bytes about themselves, padded to eight.
    dict: Dict {
        values_form: DictValuesForm::Behind(8),
        ..V3_12.dict
    },
    // Values lie behind the instance; `SimpleQueue` keeps a ring.
    heap: Heap {
        structures: structures::V3_13,
        attributes: AttributesForm::Inline { dict: 24 },
        ring: Some(Ring {
            first: at(32),
            items: at(40),
            capacity: at(48),
            count: at(56),
        }),
        code: Code {
            cached: some(160),
            ..V3_12.heap.code
        },
        frame: FrameForm::Structures(FRAMES),
        interpreter: InterpreterState {
            size: 194968,
            types: Some(StaticTypes {
                cache: 84648,
                builtins: 182968,
                extensions: Some(192584),
                size: 48,
                dict: at(24),
                subclasses: at(32),
            }),
            interned: some(194328),
        },
        keepers: keepers::V3_13,
        thread_size: 336,
        ..V3_12.heap
    },
    ..V3_12
};

/// 3.13.3 to 3.13.7: the interpreter state is a word longer, near its end.
pub const V3_13_3: Layout = Layout {
    runtime: sized(283376),
    ..V3_13
};

/// 3.13.3 to 3.13.7 with `Py_DEBUG`: the state of the debug allocator lies before the pending
/// calls.
pub const V3_13_3_DEBUG: Layout = Layout {
    runtime: sized(299392),
    heap: Heap {
        keepers: keepers::V3_13_DEBUG,
        ..V3_13.heap
    },
    pending: Pending {
        place: Place::Runtime(0x48d0),
        ..V3_13.pending
    },
    ..V3_13
};

/// 3.13.15: the thread state is a word longer, and the pending calls of the main thread moved by
/// three.
pub const V3_13_15: Layout = Layout {
    runtime: sized(283408),
    pending: Pending {
        place: Place::Runtime(0xa70),
        ..V3_13.pending
    },
    heap: V3_13
        .heap
        .with_interpreter(194984, 194328, 84648)
        .with_thread(344),
    ..V3_13
};

/// 3.13.15 built where perf trampolines are not supported (musl): `ceval.perf` is empty.
pub const V3_13_15_MUSL: Layout = Layout {
    runtime: sized(283312),
    pending: Pending {
        place: Place::Runtime(0xa10),
        ..V3_13.pending
    },
    ..V3_13_15
};

/// 3.13.15 with `Py_DEBUG`: the state of the debug allocator lies before the pending calls.
pub const V3_13_15_DEBUG: Layout = Layout {
    runtime: sized(299424),
    heap: Heap {
        keepers: keepers::V3_13_DEBUG,
        ..V3_13_15.heap.with_interpreter(195000, 194344, 84664)
    },
    pending: Pending {
        place: Place::Runtime(0x48e8),
        ..V3_13.pending
    },
    ..V3_13_15
};

/// 3.13.15 without the GIL.
pub const V3_13_15_FREE_THREADED: Layout = {
    let table = without_gil(V3_13_15);
    Layout {
        runtime: sized(328384),
        heap: Heap {
            keepers: keepers::V3_13_FREE_THREADED,
            ..table
                .heap
                .with_interpreter(215616, 197416, 87736)
                .with_thread(17824)
        },
        interpreter: Interpreter {
            modules: at(7664),
            sysdict: at(7648),
            ..table.interpreter
        },
        // `md_gil`, before the name.
        module: Module {
            size: 80,
            ..table.module
        },
        pending_proven: true,
        ..table
    }
};

/// The runtime of 3.13 with another size.
const fn sized(size: u64) -> Option<Runtime> {
    match V3_13.runtime {
        Some(runtime) => Some(Runtime { size, ..runtime }),
        None => None,
    }
}

/// Frames: the thread state points to them; frame objects keep more (PEP 667).
pub(super) const FRAMES: FrameStructures = FrameStructures {
    thread: at(72),
    cframe: None,
    object_members: structure(
        "PyFrameObject",
        72,
        "frame",
        "f_back@16 f_trace@32 f_extra_locals@48 f_locals_cache@56",
    ),
    ..super::v3_12::FRAMES
};
