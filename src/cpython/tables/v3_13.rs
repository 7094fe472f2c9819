//! CPython 3.13.

use super::v3_12::V3_12;
#[allow(clippy::wildcard_imports)]
use crate::cpython::layout::*;

/// Offsets of CPython 3.13, x86-64 Linux, default build.
pub const V3_13: Layout = Layout {
    python: (3, 13),
    runtime: Some(Runtime {
        size: 283320,
        initialized: at(600),
        finalizing: at(608),
        interpreters_head: at(632),
        interpreters_main: at(640),
        main_thread: at(656),
    }),
    interpreter: Interpreter {
        next: at(7264),
        id: some(7272),
        threads_head: at(7344),
        modules: at(7656),
        sysdict: at(7640),
        finalizing: some(7384),
    },
    thread: ThreadState {
        thread_id: at(152),
        native_thread_id: some(160),
        eval_breaker: some(24),
        ..V3_12.thread
    },
    collector: Collector {
        place: Place::Interpreter(7400),
        ..V3_12.collector
    },
    pending: Pending {
        place: Place::Runtime(0xa58),
        form: PendingForm::Counted,
        calls_to_do: at(4),
        first: at(0x1c30),
        last: at(0x1c34),
        wake: Wake::ThreadBit,
        ..V3_12.pending
    },
    class: Class {
        heap_size: 928,
        ..V3_12.class
    },
    dict: Dict {
        version_tag: None,
        values_form: DictValuesForm::Behind(8),
        ..V3_12.dict
    },
    ..V3_12
};
