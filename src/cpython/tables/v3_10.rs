//! CPython 3.10.

use super::v3_9::V3_9;
#[allow(clippy::wildcard_imports)]
use crate::cpython::layout::*;

/// Offsets of CPython 3.10, x86-64 Linux, default build.
pub const V3_10: Layout = Layout {
    python: (3, 10),
    runtime: Some(Runtime {
        size: 672,
        initialized: at(12),
        finalizing: at(16),
        interpreters_head: at(32),
        interpreters_main: at(40),
        main_thread: at(72),
    }),
    pending: Pending {
        wake: Wake::Interpreter(0x44),
        ..V3_9.pending
    },
    class: Class {
        heap_size: 888,
        heap_name: at(848),
        ..V3_9.class
    },
    function: Function {
        size: 128,
        globals: at(16),
        code: at(48),
    },
    ..V3_9
};
