//! CPython 3.14.

use super::v3_13::V3_13;
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
