//! CPython 3.14. What changed since 3.13, and in what the patch releases and builds differ.

use super::v3_13::V3_13;
use super::variants::without_gil;
use super::{keepers, structures};
#[allow(clippy::wildcard_imports)]
use crate::cpython::layout::*;

/// Offsets of CPython 3.14.8, x86-64 Linux, default build.
pub const V3_14: Layout = Layout {
    python: (3, 14),
    // Longer debug offsets.
    runtime: Some(Runtime {
        size: 316616,
        initialized: at(776),
        finalizing: at(784),
        interpreters_head: at(808),
        interpreters_main: at(816),
        main_thread: at(832),
    }),
    // `_malloced` before `next`, `preallocated` among the threads; `id_mutex` is gone.
    interpreter: Interpreter {
        next: at(7272),
        id: some(7280),
        modules: at(7688),
        sysdict: at(7672),
        finalizing: some(7392),
        ..V3_13.interpreter
    },
    // `generation0` went from between the lists to the end. See [`V3_14_4`] for the first releases.
    collector: Collector {
        place: Place::Interpreter(7408),
        generation0: some(256),
        permanent: some(96),
        collecting: some(192),
        ..V3_13.collector
    },
    // Moved with the runtime.
    pending: Pending {
        place: Place::Runtime(0xb28),
        ..V3_13.pending
    },
    // Versions are gone; the word keeps the bits of watchers only.
    dict: Dict {
        version_tag: None,
        ..V3_13.dict
    },
    // The count is 32 bits; overflow and flags share the word.
    header: Header {
        form: RefcountForm::Half,
        ..V3_13.header
    },
    // `ht_token`, in heap types.
    class: Class {
        heap_size: 936,
        ..V3_13.class
    },
    // A cached hash before the items.
    tuple: Tuple { items: 32 },
    // `func_annotate` (PEP 649).
    function: Function {
        size: 152,
        ..V3_13.function
    },
    // Words of frames have tags.
    heap: Heap {
        structures: structures::V3_14,
        frame: FrameForm::Structures(FRAMES),
        interpreter: InterpreterState {
            size: 225864,
            types: Some(StaticTypes {
                cache: 81920,
                builtins: 180240,
                extensions: Some(189856),
                size: 48,
                dict: at(24),
                subclasses: at(32),
            }),
            interned: some(224624),
        },
        keepers: keepers::V3_14,
        thread_size: 936,
        ..V3_13.heap
    },
    ..V3_13
};

/// 3.14.4, with the incremental collector of the first 3.14 releases: one list of young and two of
/// old objects stand where the three generations do, and nothing points to the first.
pub const V3_14_4: Layout = Layout {
    runtime: sized(316592),
    heap: Heap {
        keepers: keepers::unasked(keepers::V3_14),
        ..V3_14.heap
    },
    interpreter: Interpreter {
        modules: at(7664),
        sysdict: at(7648),
        ..V3_14.interpreter
    },
    collector: Collector {
        generation0: None,
        ..V3_14.collector
    },
    ..V3_14
};

/// 3.14.4 with `Py_DEBUG`: the state of the debug allocator lies before the pending calls.
pub const V3_14_4_DEBUG: Layout = Layout {
    runtime: sized(332608),
    pending: V3_14_DEBUG.pending,
    ..V3_14_4
};

/// 3.14 with `Py_DEBUG`: the state of the debug allocator lies before the pending calls.
pub const V3_14_DEBUG: Layout = Layout {
    runtime: sized(332632),
    heap: Heap {
        keepers: keepers::V3_14_DEBUG,
        ..V3_14.heap.with_interpreter(225880, 224640, 81936)
    },
    pending: Pending {
        place: Place::Runtime(0x49a0),
        ..V3_14.pending
    },
    ..V3_14
};

/// 3.14 without the GIL.
pub const V3_14_FREE_THREADED: Layout = {
    let table = without_gil(V3_14);
    Layout {
        runtime: sized(362368),
        heap: Heap {
            keepers: keepers::V3_14_FREE_THREADED,
            ..table
                .heap
                .with_interpreter(246720, 230752, 88040)
                .with_thread(15608)
                .with_owner(78)
        },
        interpreter: Interpreter {
            modules: at(7712),
            sysdict: at(7696),
            ..table.interpreter
        },
        // One list of young and two of old objects, which stay empty.
        collector: Collector {
            generation0: None,
            ..table.collector
        },
        // `unique_id`.
        class: Class {
            heap_size: 960,
            ..table.class
        },
        // `md_gil`, before the name.
        module: Module {
            size: 80,
            ..table.module
        },
        // `interned` became a byte of its own.
        text: Text {
            form: TextForm::Flexible {
                kind_shift: 8,
                compact_bit: 11,
                ascii_bit: 12,
            },
            ..table.text
        },
        ..table
    }
};

/// The runtime of 3.14 with another size.
const fn sized(size: u64) -> Option<Runtime> {
    match V3_14.runtime {
        Some(runtime) => Some(Runtime { size, ..runtime }),
        None => None,
    }
}

/// Frames: a pointer to the top of the stack, which is always valid.
pub(super) const FRAMES: FrameStructures = FrameStructures {
    top: StackTop::Tagged(at(64)),
    owner: at(74),
    localsplus: 80,
    object_members: structure(
        "PyFrameObject",
        80,
        "frame",
        "f_back@16 f_trace@32 f_extra_locals@48 f_locals_cache@56 f_overwritten_fast_locals@64",
    ),
    ..super::v3_13::FRAMES
};
