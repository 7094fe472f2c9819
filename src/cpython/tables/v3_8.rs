//! CPython 3.8.

use super::v3_7::V3_7;
#[allow(clippy::wildcard_imports)]
use crate::cpython::layout::*;

/// Offsets of CPython 3.8, x86-64 Linux, default build.
pub const V3_8: Layout = Layout {
    python: (3, 8),
    runtime: Some(Runtime {
        size: 1464,
        initialized: at(12),
        finalizing: at(16),
        interpreters_head: at(32),
        interpreters_main: at(40),
        main_thread: at(72),
    }),
    interpreter: Interpreter {
        modules: at(56),
        sysdict: at(72),
        finalizing: some(48),
        ..V3_7.interpreter
    },
    collector: Collector {
        place: Place::Runtime(344),
        generations: at(24),
        generation0: some(96),
        permanent: some(104),
        collecting: some(200),
        generation_size: 24,
        ..V3_7.collector
    },
    pending: Pending {
        place: Place::Runtime(0x260),
        wake: Wake::Runtime(0x250),
        ..V3_7.pending
    },
    gc_head: GcHead {
        size: 16,
        form: GcForm::Flagged,
        ..V3_7.gc_head
    },
    class: Class {
        size: 416,
        heap_size: 880,
        heap_name: at(848),
        ..V3_7.class
    },
    function: Function {
        size: 120,
        ..V3_7.function
    },
    ..V3_7
};
