//! CPython 3.12. What changed since 3.11.

use super::v3_11::V3_11;
use super::variants::with_trace_refs;
use super::{keepers, structures};
#[allow(clippy::wildcard_imports)]
use crate::cpython::layout::*;

/// Offsets of CPython 3.12, x86-64 Linux, default build.
pub const V3_12: Layout = Layout {
    python: (3, 12),
    // Most state left for the interpreters (PEP 684).
    runtime: Some(Runtime {
        size: 459944,
        initialized: at(16),
        finalizing: at(24),
        interpreters_head: at(40),
        interpreters_main: at(48),
        main_thread: at(64),
    }),
    // Sorted anew; `imports` and `ceval` are structures.
    interpreter: Interpreter {
        id: some(8),
        threads_head: at(72),
        modules: at(944),
        sysdict: at(352),
        finalizing: some(104),
        ..V3_11.interpreter
    },
    // The exception being raised is one object, `current_exception`, not three.
    thread: ThreadState {
        thread_id: at(136),
        native_thread_id: some(144),
        ..V3_11.thread
    },
    // Moved with the interpreter.
    collector: Collector {
        place: Place::Interpreter(112),
        ..V3_11.collector
    },
    // Calls for the main thread have a queue of their own, `pending_mainthread` (PEP 684); both
    // begin with `busy`.
    pending: Pending {
        place: Place::Runtime(0x7e8),
        wake: Wake::Interpreter(0x170),
        ..V3_11.pending
    },
    // Immortal objects (PEP 683).
    header: Header {
        form: RefcountForm::WordImmortal,
        ..V3_11.header
    },
    // `tp_watched`; a longer specialiser's cache in heap types.
    class: Class {
        size: 416,
        heap_size: 920,
        heap_name: at(856),
        ..V3_11.class
    },
    // `wstr` is gone (PEP 623).
    text: Text {
        ascii_size: 40,
        compact_size: 56,
        data: at(56),
        ..V3_11.text
    },
    // `lv_tag` holds the count of digits and the sign.
    int: Int {
        form: IntForm::Tag(at(16)),
        ..V3_11.int
    },
    // `func_typeparams` (PEP 695).
    function: Function {
        size: 144,
        ..V3_11.function
    },
    // One word for dict or values; static types keep what differs in each interpreter there.
    heap: Heap {
        structures: structures::V3_12,
        class: ClassMembers {
            slots: at(864),
            qualname: some(872),
            cached_keys: some(880),
            module: some(888),
            ..V3_11.heap.class
        },
        attributes: AttributesForm::Tagged { word: 24 },
        code: Code {
            stack_size: at(64),
            locals_plus: some(72),
            cached: some(152),
            ..V3_11.heap.code
        },
        frame: FrameForm::Structures(FRAMES),
        generator: Some(Generator {
            frame: 72,
            state: at(67),
            running: 0,
            ended: 4,
            keeps_code: true,
        }),
        interpreter: InterpreterState {
            size: 383552,
            types: Some(StaticTypes {
                cache: 275384,
                builtins: 373704,
                extensions: None,
                size: 40,
                dict: at(16),
                subclasses: at(24),
            }),
            interned: some(382936),
        },
        keepers: keepers::V3_12,
        thread_size: 288,
        ..V3_11.heap
    },
    ..V3_11
};

/// 3.12 with TRACE_REFS: the static objects in the runtime are longer as well.
pub const V3_12_TRACE_REFS: Layout = {
    let table = with_trace_refs(V3_12);
    Layout {
        runtime: sized(483936),
        heap: Heap {
            keepers: keepers::V3_12_TRACE_REFS,
            ..table.heap.with_interpreter(383624, 382976, 275424)
        },
        ..table
    }
};

/// 3.12 built where perf trampolines are not supported (musl): `ceval.perf` is empty.
pub const V3_12_MUSL: Layout = Layout {
    runtime: sized(459880),
    pending: Pending {
        place: Place::Runtime(0x7a8),
        ..V3_12.pending
    },
    ..V3_12
};

/// 3.12 with `Py_DEBUG`: the state of the debug allocator lies before the pending calls.
pub const V3_12_DEBUG: Layout = Layout {
    runtime: sized(475960),
    pending: Pending {
        place: Place::Runtime(0x4660),
        ..V3_12.pending
    },
    heap: Heap {
        keepers: keepers::V3_12_DEBUG,
        ..V3_12.heap.with_interpreter(383568, 382952, 275400)
    },
    ..V3_12
};

/// The runtime of 3.12 with another size.
const fn sized(size: u64) -> Option<Runtime> {
    match V3_12.runtime {
        Some(runtime) => Some(Runtime { size, ..runtime }),
        None => None,
    }
}

/// Frames: the code is first, and the C stack has entry frames.
pub(super) const FRAMES: FrameStructures = FrameStructures {
    cframe: some(0),
    code: at(0),
    function: at(16),
    locals: at(40),
    object: at(48),
    previous: at(8),
    owner: at(70),
    ..super::v3_11::FRAMES
};
