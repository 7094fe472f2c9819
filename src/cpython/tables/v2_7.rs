//! CPython 2.7: the table from which the others are told as differences.

use super::{keepers, structures};
#[allow(clippy::wildcard_imports)]
use crate::cpython::layout::*;

/// Offsets of CPython 2.7, x86-64 Linux, default build.
pub const V2_7: Layout = Layout {
    python: (2, 7),
    // There is no runtime structure: what later is in it are static variables.
    runtime: None,
    // The list of interpreters is linked through the first member.
    interpreter: Interpreter {
        next: at(0),
        id: None,
        threads_head: at(8),
        modules: at(16),
        sysdict: at(24),
        finalizing: None,
    },
    // `thread_id` is what `thread.get_ident` returns; the kernel's number is not kept.
    thread: ThreadState {
        next: at(0),
        interpreter: at(8),
        thread_id: at(144),
        native_thread_id: None,
        eval_breaker: None,
    },
    // Static `generations[3]`, each a list head, a threshold and a count.
    collector: Collector {
        place: Place::Static,
        enabled: None,
        generations: at(0),
        generation0: None,
        permanent: None,
        collecting: None,
        generation_size: 40,
    },
    // Static `pendingcalls`, `pendingfirst` and so on, which only `.symtab` names.
    pending: Pending {
        place: Place::Static,
        form: PendingForm::Indexed,
        lock: at(0),
        calls_to_do: at(0),
        calls: at(0),
        first: at(0x0),
        last: at(0x0),
        wake: Wake::Static,
    },
    pending_proven: true,
    header: Header {
        size: 16,
        form: RefcountForm::Word,
        refcount: at(0),
        class: at(8),
        length: at(16),
    },
    // Two links, then the count `gc_refs`.
    gc_head: GcHead {
        size: 32,
        form: GcForm::Plain,
        next: at(0),
        prev: at(8),
    },
    // Slot tables of heap types still have the operators of old-style numbers.
    class: Class {
        size: 392,
        heap_size: 872,
        name: at(24),
        basicsize: at(32),
        flags: at(168),
        base: at(256),
        dict: at(264),
        dictoffset: at(288),
        mro: at(344),
        heap_name: at(856),
    },
    // Nothing but the namespace.
    module: Module {
        size: 24,
        dict: at(16),
        definition: None,
        name: None,
    },
    // One open table of hash, key and value; small dicts keep eight entries in themselves.
    dict: Dict {
        size: 248,
        used: at(24),
        version_tag: None,
        keys: None,
        values: None,
        keys_form: DictKeysForm::Table {
            table: at(40),
            mask: at(32),
        },
        values_form: DictValuesForm::First,
        keys_usable: at(0),
        keys_entries: at(0),
        keys_indices: 0,
    },
    // `unicode`: a pointer to code units.
    text: Text {
        form: TextForm::Units,
        length: at(16),
        state: at(0),
        ascii_size: 0,
        compact_size: 0,
        data: at(24),
    },
    // `str`: cached hash and interning state, four of its bytes, stand before the text.
    bytes: Bytes { data: 36 },
    // `long`; `int` is a type of its own here and is not in this table.
    int: Int {
        form: IntForm::SignedLength,
        digits: 24,
    },
    list: List { items: at(24) },
    tuple: Tuple { items: 24 },
    function: Function {
        size: 88,
        globals: at(24),
        code: at(16),
    },
    heap: Heap {
        later: 0,
        structures: structures::V2_7,
        class: ClassMembers {
            itemsize: at(40),
            weaklistoffset: at(208),
            members: at(240),
            bases: at(336),
            cache: at(352),
            subclasses: at(360),
            slots: at(864),
            qualname: None,
            cached_keys: None,
            module: None,
        },
        module_state: None,
        attributes: AttributesForm::Dict,
        // Items first, then the links.
        deque: Deque {
            left_block: at(16),
            right_block: at(24),
            left_index: at(32),
            right_index: at(40),
            items: 0,
            block_length: 62,
            right_link: 496,
        },
        ring: None,
        list_allocated: at(32),
        // The hash is first.
        set_key: 8,
        code: Code {
            stack_size: at(24),
            locals_plus: None,
            local_names: at(56),
            cell_names: Some((at(72), at(64))),
            name: at(88),
            cached: None,
        },
        frame: FrameForm::Objects(FrameObjects {
            thread: at(16),
            back: at(24),
            code: at(32),
            value_stack: at(64),
            top: StackTop::Pointer(at(72)),
            trace: at(80),
            exceptions: some(88),
            locals: 376,
        }),
        generator: None,
        element: Element {
            extra: at(40),
            length: at(8),
            children: at(16),
        },
        interpreter: InterpreterState {
            size: 80,
            types: None,
            interned: None,
        },
        keepers: keepers::V2_7,
        thread_size: 168,
    },
};
