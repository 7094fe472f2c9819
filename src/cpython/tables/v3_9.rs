//! CPython 3.9.

use super::v3_8::V3_8;
#[allow(clippy::wildcard_imports)]
use crate::cpython::layout::*;

/// Offsets of CPython 3.9, x86-64 Linux, default build.
pub const V3_9: Layout = Layout {
    python: (3, 9),
    runtime: Some(Runtime {
        size: 656,
        initialized: at(12),
        finalizing: at(16),
        interpreters_head: at(32),
        interpreters_main: at(40),
        main_thread: at(72),
    }),
    interpreter: Interpreter {
        id: some(24),
        modules: at(856),
        sysdict: at(872),
        finalizing: some(56),
        ..V3_8.interpreter
    },
    collector: Collector {
        place: Place::Interpreter(616),
        ..V3_8.collector
    },
    pending: Pending {
        place: Place::Interpreter(0x50),
        wake: Wake::Interpreter(0x48),
        ..V3_8.pending
    },
    class: Class {
        size: 408,
        heap_name: at(840),
        ..V3_8.class
    },
    ..V3_8
};
