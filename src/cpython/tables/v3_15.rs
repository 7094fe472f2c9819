//! CPython 3.15. What changed since 3.14, and in what the builds differ.

use super::v3_14::{V3_14, V3_14_FREE_THREADED};
use super::variants::without_gil;
use super::{keepers, structures};
#[allow(clippy::wildcard_imports)]
use crate::cpython::layout::*;

/// Offsets of CPython 3.15, x86-64 Linux, default build.
pub const V3_15: Layout = Layout {
    python: (3, 15),
    // Longer debug offsets.
    runtime: Some(Runtime {
        size: 346568,
        initialized: at(904),
        finalizing: at(912),
        interpreters_head: at(936),
        interpreters_main: at(944),
        main_thread: at(960),
    }),
    // `_malloced` is gone.
    interpreter: Interpreter {
        next: at(7264),
        id: some(7272),
        threads_head: at(7336),
        modules: at(7592),
        sysdict: at(7576),
        finalizing: some(7384),
    },
    // Three members for profilers, before `thread_id`.
    thread: ThreadState {
        thread_id: at(176),
        native_thread_id: some(184),
        ..V3_14.thread
    },
    // `trash_delete_later` is gone; statistics are behind a pointer.
    collector: Collector {
        place: Place::Interpreter(7400),
        enabled: some(0),
        generations: at(8),
        generation0: some(168),
        permanent: some(80),
        collecting: some(112),
        ..V3_14.collector
    },
    // Moved with the runtime.
    pending: Pending {
        place: Place::Runtime(0xba8),
        ..V3_14.pending
    },
    // `_tp_iteritem`, at the end of types.
    class: Class {
        size: 424,
        heap_size: 944,
        heap_name: at(864),
        ..V3_14.class
    },
    // `md_def` became `md_token`, and what it said about the state is in the module.
    module: Module {
        size: 104,
        definition: some(88),
        name: some(40),
        ..V3_14.module
    },
    // The size of a module's state is in the module; states of generators are numbered anew.
    heap: Heap {
        structures: structures::V3_15,
        class: ClassMembers {
            slots: at(872),
            qualname: some(880),
            cached_keys: some(888),
            module: some(896),
            ..V3_14.heap.class
        },
        module_state: Some(ModuleState {
            state: at(24),
            size: StateSize::Module(at(56)),
        }),
        generator: Some(Generator {
            frame: 72,
            state: at(67),
            running: 4,
            ended: 5,
            keeps_code: true,
        }),
        interpreter: InterpreterState {
            size: 226240,
            types: Some(StaticTypes {
                cache: 81944,
                builtins: 180264,
                extensions: Some(190024),
                size: 48,
                dict: at(24),
                subclasses: at(32),
            }),
            interned: some(224896),
        },
        keepers: keepers::V3_15,
        thread_size: 1104,
        ..V3_14.heap
    },
    ..V3_14
};

/// 3.15 with `Py_DEBUG`: the state of the debug allocator lies before the pending calls.
pub const V3_15_DEBUG: Layout = Layout {
    runtime: sized(362592),
    heap: Heap {
        keepers: keepers::V3_15_DEBUG,
        ..V3_15.heap.with_interpreter(226256, 224912, 81960)
    },
    pending: Pending {
        place: Place::Runtime(0x4a28),
        ..V3_15.pending
    },
    ..V3_15
};

/// 3.15 without the GIL.
pub const V3_15_FREE_THREADED: Layout = {
    let table = without_gil(V3_15);
    Layout {
        runtime: sized(406016),
        heap: Heap {
            keepers: keepers::V3_15_FREE_THREADED,
            ..table
                .heap
                .with_interpreter(247040, 230952, 87992)
                .with_thread(15808)
                .with_owner(78)
        },
        // One list of young and two of old objects, which stay empty.
        collector: Collector {
            generation0: None,
            ..table.collector
        },
        // `unique_id`.
        class: Class {
            heap_size: 968,
            ..table.class
        },
        // `interned` is a byte of its own, as in 3.14.
        text: Text {
            form: V3_14_FREE_THREADED.text.form,
            ..table.text
        },
        ..table
    }
};

/// The runtime of 3.15 with another size.
const fn sized(size: u64) -> Option<Runtime> {
    match V3_15.runtime {
        Some(runtime) => Some(Runtime { size, ..runtime }),
        None => None,
    }
}
