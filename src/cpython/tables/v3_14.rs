//! CPython 3.14.

use super::v3_13::V3_13;
use super::variants::without_gil;
#[allow(clippy::wildcard_imports)]
use crate::cpython::layout::*;

/// Offsets of CPython 3.14, x86-64 Linux, default build.
pub const V3_14: Layout = Layout {
    python: (3, 14),
    runtime: Some(Runtime {
        size: 316616,
        initialized: at(776),
        finalizing: at(784),
        interpreters_head: at(808),
        interpreters_main: at(816),
        main_thread: at(832),
    }),
    interpreter: Interpreter {
        next: at(7272),
        id: some(7280),
        modules: at(7688),
        sysdict: at(7672),
        finalizing: some(7392),
        ..V3_13.interpreter
    },
    collector: Collector {
        place: Place::Interpreter(7408),
        generation0: some(256),
        permanent: some(96),
        collecting: some(192),
        ..V3_13.collector
    },
    pending: Pending {
        place: Place::Runtime(0xb28),
        ..V3_13.pending
    },
    dict: Dict {
        version_tag: None,
        ..V3_13.dict
    },
    header: Header {
        form: RefcountForm::Half,
        ..V3_13.header
    },
    class: Class {
        heap_size: 936,
        ..V3_13.class
    },
    tuple: Tuple { items: 32 },
    function: Function {
        size: 152,
        ..V3_13.function
    },
    ..V3_13
};

/// 3.14 with `Py_DEBUG`: the debug allocator's state lies before the pending calls.
pub const V3_14_DEBUG: Layout = Layout {
    runtime: sized(332632),
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
