//! CPython 3.9: what the C structures of objects own, where it changed since 3.8.

use crate::cpython::layout_heap::{Structure, structure};

/// Structures that 3.9 has otherwise than the version before.
pub const CHANGED: &[Structure] = &[
    structure(
        "PyCMethodObject",
        64,
        "builtin_method",
        "func.m_self@24 func.m_module@32 mm_class@56",
    ),
    structure(
        "gaobject",
        48,
        "types.GenericAlias",
        "origin@16 args@24 parameters@32",
    ),
    structure(
        "lru_cache_object",
        136,
        "functools._lru_cache_wrapper",
        "cache@72 func@88 cache_info_type@112 dict@120",
    ),
    structure(
        "FutureObj",
        144,
        "_asyncio.Future",
        "fut_loop@16 fut_callback0@24 fut_context0@32 fut_callbacks@40 fut_exception@48 \
         fut_result@56 fut_source_tb@64 fut_cancel_msg@72 dict@96 \
         fut_cancelled_exc_state.exc_type@112 fut_cancelled_exc_state.exc_value@120 \
         fut_cancelled_exc_state.exc_traceback@128",
    ),
    structure(
        "TaskObj",
        184,
        "_asyncio.Task",
        "task_loop@16 task_callback0@24 task_context0@32 task_callbacks@40 \
         task_exception@48 task_result@56 task_source_tb@64 task_cancel_msg@72 dict@96 \
         task_cancelled_exc_state.exc_type@112 task_cancelled_exc_state.exc_value@120 \
         task_cancelled_exc_state.exc_traceback@128 task_fut_waiter@144 task_coro@152 \
         task_name@160 task_context@168",
    ),
];
