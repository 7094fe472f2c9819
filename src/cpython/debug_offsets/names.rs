//! The fields of `_Py_DebugOffsets`, in order.

/// A group and its fields in order, each with the minor version of Python 3 that added it.
type Group = (&'static str, &'static [(&'static str, u8)]);

/// `Include/internal/pycore_debug_offsets.h` (3.13: `pycore_runtime.h`).
const GROUPS: &[Group] = &[
    (
        "runtime_state",
        &[("size", 13), ("finalizing", 13), ("interpreters_head", 13)],
    ),
    (
        "interpreter_state",
        &[
            ("size", 13),
            ("id", 13),
            ("next", 13),
            ("threads_head", 13),
            ("threads_main", 14),
            ("gc", 13),
            ("imports_modules", 13),
            ("sysdict", 13),
            ("builtins", 13),
            ("ceval_gil", 13),
            ("gil_runtime_state", 13),
            ("gil_runtime_state_enabled", 13),
            ("gil_runtime_state_locked", 13),
            ("gil_runtime_state_holder", 13),
            ("code_object_generation", 14),
            ("tlbc_generation", 14),
        ],
    ),
    (
        "thread_state",
        &[
            ("size", 13),
            ("prev", 13),
            ("next", 13),
            ("interp", 13),
            ("current_frame", 13),
            ("base_frame", 15),
            ("last_profiled_frame", 15),
            ("last_profiled_frame_seq", 15),
            ("thread_id", 13),
            ("native_thread_id", 13),
            ("datastack_chunk", 13),
            ("status", 13),
            ("holds_gil", 15),
            ("gil_requested", 15),
            ("current_exception", 15),
            ("exc_state", 15),
        ],
    ),
    ("err_stackitem", &[("exc_value", 15)]),
    (
        "interpreter_frame",
        &[
            ("size", 13),
            ("previous", 13),
            ("executable", 13),
            ("instr_ptr", 13),
            ("localsplus", 13),
            ("owner", 13),
            ("stackpointer", 14),
            ("tlbc_index", 14),
        ],
    ),
    (
        "code_object",
        &[
            ("size", 13),
            ("filename", 13),
            ("name", 13),
            ("qualname", 13),
            ("linetable", 13),
            ("firstlineno", 13),
            ("argcount", 13),
            ("localsplusnames", 13),
            ("localspluskinds", 13),
            ("co_code_adaptive", 13),
            ("co_tlbc", 14),
        ],
    ),
    ("pyobject", &[("size", 13), ("ob_type", 13)]),
    (
        "type_object",
        &[
            ("size", 13),
            ("tp_name", 13),
            ("tp_repr", 13),
            ("tp_flags", 13),
            ("tp_basicsize", 15),
            ("tp_dictoffset", 15),
        ],
    ),
    ("heap_type_object", &[("size", 15), ("ht_cached_keys", 15)]),
    (
        "tuple_object",
        &[("size", 13), ("ob_item", 13), ("ob_size", 13)],
    ),
    (
        "list_object",
        &[("size", 13), ("ob_item", 13), ("ob_size", 13)],
    ),
    (
        "set_object",
        &[("size", 14), ("used", 14), ("table", 14), ("mask", 14)],
    ),
    (
        "dict_object",
        &[("size", 13), ("ma_keys", 13), ("ma_values", 13)],
    ),
    ("float_object", &[("size", 13), ("ob_fval", 13)]),
    (
        "long_object",
        &[("size", 13), ("lv_tag", 13), ("ob_digit", 13)],
    ),
    (
        "bytes_object",
        &[("size", 13), ("ob_size", 13), ("ob_sval", 13)],
    ),
    (
        "unicode_object",
        &[
            ("size", 13),
            ("state", 13),
            ("length", 13),
            ("asciiobject_size", 13),
            ("compactunicodeobject_size", 15),
        ],
    ),
    (
        "gc",
        &[
            ("size", 13),
            ("collecting", 13),
            ("frame", 15),
            ("generation_stats_size", 15),
            ("generation_stats", 15),
        ],
    ),
    (
        "gen_object",
        &[
            ("size", 14),
            ("gi_name", 14),
            ("gi_iframe", 14),
            ("gi_frame_state", 14),
        ],
    ),
    ("llist_node", &[("next", 14), ("prev", 14)]),
    (
        "debugger_support",
        &[
            ("eval_breaker", 14),
            ("remote_debugger_support", 14),
            ("remote_debugging_enabled", 14),
            ("debugger_pending_call", 14),
            ("debugger_script_path", 14),
            ("debugger_script_path_size", 14),
        ],
    ),
];

/// The names of the numbers of a minor version, in order.
pub(super) fn names_in(minor: u8) -> impl Iterator<Item = (&'static str, &'static str)> {
    GROUPS.iter().flat_map(move |&(group, members)| {
        members
            .iter()
            .filter(move |&&(_, since)| since <= minor)
            .map(move |&(member, _)| (group, member))
    })
}
