//! CPython 3.15.

use super::v3_14::V3_14;
#[allow(clippy::wildcard_imports)]
use crate::cpython::layout::*;

/// Offsets of CPython 3.15, x86-64 Linux, default build.
pub const V3_15: Layout = Layout {
    python: (3, 15),
    runtime: Some(Runtime {
        size: 346568,
        initialized: at(904),
        finalizing: at(912),
        interpreters_head: at(936),
        interpreters_main: at(944),
        main_thread: at(960),
    }),
    interpreter: Interpreter {
        next: at(7264),
        id: some(7272),
        threads_head: at(7336),
        modules: at(7592),
        sysdict: at(7576),
        finalizing: some(7384),
    },
    thread: ThreadState {
        thread_id: at(176),
        native_thread_id: some(184),
        ..V3_14.thread
    },
    collector: Collector {
        place: Place::Interpreter(7400),
        enabled: some(0),
        generations: at(8),
        generation0: some(168),
        permanent: some(80),
        collecting: some(112),
        ..V3_14.collector
    },
    pending: Pending {
        place: Place::Runtime(0xba8),
        ..V3_14.pending
    },
    class: Class {
        size: 424,
        heap_size: 944,
        heap_name: at(864),
        ..V3_14.class
    },
    module: Module {
        size: 104,
        definition: some(88),
        name: some(40),
        ..V3_14.module
    },
    ..V3_14
};
