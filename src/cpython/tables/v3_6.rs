//! CPython 3.6. What changed since 2.7.

use super::v2_7::V2_7;
use super::{keepers, structures};
#[allow(clippy::wildcard_imports)]
use crate::cpython::layout::*;

/// Offsets of CPython 3.6, x86-64 Linux, default build.
pub const V3_6: Layout = Layout {
    python: (3, 6),
    // `modules_by_index` (PEP 3121) went in before `sysdict`.
    interpreter: Interpreter {
        sysdict: at(32),
        ..V2_7.interpreter
    },
    // Thread states became doubly linked; `prev` is first.
    thread: ThreadState {
        next: at(8),
        interpreter: at(16),
        thread_id: at(152),
        ..V2_7.thread
    },
    // `PyGC_Head` is aligned to 16 bytes.
    collector: Collector {
        generation_size: 48,
        ..V2_7.collector
    },
    // `tp_finalize` (PEP 442); the operators of old-style numbers are gone.
    class: Class {
        size: 400,
        heap_size: 864,
        heap_name: at(832),
        ..V2_7.class
    },
    // Definition, state, weak references, and the name kept for messages (PEP 3121, PEP 489).
    module: Module {
        size: 56,
        definition: some(24),
        name: some(48),
        ..V2_7.module
    },
    // Keys are an object of their own that dicts may share (PEP 412), in the order of insertion;
    // `ma_version_tag` (PEP 509).
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
    // `str` is as wide as its widest character (PEP 393).
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
    // `bytes` are not interned.
    bytes: Bytes { data: 32 },
    // Keyword-only defaults, annotations and a qualified name.
    function: Function {
        size: 112,
        ..V2_7.function
    },
    // Modules have a state; keys are shared; the links of a deque's blocks surround the items.
    heap: Heap {
        structures: structures::V3_6,
        class: ClassMembers {
            slots: at(840),
            qualname: some(848),
            cached_keys: some(856),
            ..V2_7.heap.class
        },
        module_state: Some(ModuleState {
            state: at(32),
            size: StateSize::Definition(at(56)),
        }),
        deque: Deque {
            left_block: at(24),
            right_block: at(32),
            left_index: at(40),
            right_index: at(48),
            items: 8,
            block_length: 64,
            right_link: 520,
        },
        set_key: 0,
        code: Code {
            stack_size: at(28),
            local_names: at(64),
            cell_names: Some((at(80), at(72))),
            name: at(104),
            ..V2_7.heap.code
        },
        frame: FrameForm::Objects(FrameObjects {
            thread: at(24),
            ..FRAMES
        }),
        element: Element {
            children: at(24),
            ..V2_7.heap.element
        },
        interpreter: InterpreterState {
            size: 120,
            ..V2_7.heap.interpreter
        },
        keepers: keepers::V3_6,
        thread_size: 2272,
        ..V2_7.heap
    },
    ..V2_7
};

/// Frame objects of 3.6, and to 3.10 with few changes.
pub(super) const FRAMES: FrameObjects = FrameObjects {
    thread: at(24),
    back: at(24),
    code: at(32),
    value_stack: at(64),
    top: StackTop::Pointer(at(72)),
    trace: at(80),
    exceptions: some(88),
    locals: 376,
};
