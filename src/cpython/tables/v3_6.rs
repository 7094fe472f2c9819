//! CPython 3.6.

use super::v2_7::V2_7;
#[allow(clippy::wildcard_imports)]
use crate::cpython::layout::*;

/// Offsets of CPython 3.6, x86-64 Linux, default build.
pub const V3_6: Layout = Layout {
    python: (3, 6),
    interpreter: Interpreter {
        sysdict: at(32),
        ..V2_7.interpreter
    },
    thread: ThreadState {
        next: at(8),
        interpreter: at(16),
        thread_id: at(152),
        ..V2_7.thread
    },
    collector: Collector {
        generation_size: 48,
        ..V2_7.collector
    },
    class: Class {
        size: 400,
        heap_size: 864,
        heap_name: at(832),
        ..V2_7.class
    },
    module: Module {
        size: 56,
        definition: some(24),
        name: some(48),
        ..V2_7.module
    },
    dict: Dict {
        size: 48,
        used: at(16),
        version_tag: some(24),
        keys: some(32),
        values: some(40),
        keys_form: DictKeysForm::Sized { slots: at(8) },
        keys_usable: at(24),
        keys_entries: at(32),
        keys_indices: 40,
        ..V2_7.dict
    },
    text: Text {
        form: TextForm::Flexible {
            kind_shift: 2,
            compact_bit: 5,
            ascii_bit: 6,
        },
        state: at(32),
        ascii_size: 48,
        compact_size: 72,
        data: at(72),
        ..V2_7.text
    },
    bytes: Bytes { data: 32 },
    function: Function {
        size: 112,
        ..V2_7.function
    },
    ..V2_7
};
