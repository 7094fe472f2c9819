//! CPython 3.7: what the C structures of objects own, where it changed since 3.6.

use crate::cpython::layout_heap::{Structure, structure};

/// Structures that 3.7 has otherwise than the version before.
pub const CHANGED: &[Structure] = &[
    structure(
        "PyGenObject",
        96,
        "generator",
        "gi_frame@16 gi_code@32 gi_name@48 gi_qualname@56 gi_exc_state.exc_type@64 \
         gi_exc_state.exc_value@72 gi_exc_state.exc_traceback@80",
    ),
    structure(
        "PyCoroObject",
        104,
        "coroutine",
        "cr_frame@16 cr_code@32 cr_name@48 cr_qualname@56 cr_exc_state.exc_type@64 \
         cr_exc_state.exc_value@72 cr_exc_state.exc_traceback@80 cr_origin@96",
    ),
    structure(
        "PyAsyncGenObject",
        112,
        "async_generator",
        "ag_frame@16 ag_code@32 ag_name@48 ag_qualname@56 ag_exc_state.exc_type@64 \
         ag_exc_state.exc_value@72 ag_exc_state.exc_traceback@80 ag_finalizer@96",
    ),
    structure(
        "PyContext",
        48,
        "Context _contextvars.Context",
        "ctx_prev@16 ctx_vars@24",
    ),
    structure(
        "PyContextVar",
        64,
        "ContextVar _contextvars.ContextVar",
        "var_name@16 var_default@24",
    ),
    structure(
        "PyContextToken",
        48,
        "Token _contextvars.Token",
        "tok_ctx@16 tok_var@24 tok_oldval@32",
    ),
    structure("PyHamtObject", 40, "hamt", "h_root@16"),
    structure(
        "partialobject",
        64,
        "functools.partial",
        "fn@16 args@24 kw@32 dict@40",
    ),
    structure(
        "lru_cache_object",
        128,
        "functools._lru_cache_wrapper",
        "cache@72 func@88 cache_info_type@112 dict@120",
    ),
    structure(
        "groupbyobject",
        64,
        "itertools.groupby",
        "it@16 keyfunc@24 tgtkey@32 currkey@40 currvalue@48",
    ),
    structure("simplequeueobject", 56, "_queue.SimpleQueue", "lst@32"),
    structure(
        "PyScannerObject",
        72,
        "_json.Scanner",
        "object_hook@24 object_pairs_hook@32 parse_float@40 parse_int@48 \
         parse_constant@56 memo@64",
    ),
    structure(
        "PyEncoderObject",
        80,
        "_json.Encoder",
        "markers@16 defaultfn@24 encoder@32 indent@40 key_separator@48 item_separator@56",
    ),
    structure(
        "FutureObj",
        104,
        "_asyncio.Future",
        "fut_loop@16 fut_callback0@24 fut_context0@32 fut_callbacks@40 fut_exception@48 \
         fut_result@56 fut_source_tb@64 dict@88",
    ),
    structure(
        "TaskObj",
        136,
        "_asyncio.Task",
        "task_loop@16 task_callback0@24 task_context0@32 task_callbacks@40 \
         task_exception@48 task_result@56 task_source_tb@64 dict@88 task_fut_waiter@104 \
         task_coro@112 task_context@120",
    ),
    structure(
        "_abc_data",
        48,
        "_abc_data _abc._abc_data",
        "_abc_registry@16 _abc_cache@24 _abc_negative_cache@32",
    ),
    structure(
        "DirEntry",
        72,
        "posix.DirEntry",
        "name@16 path@24 stat@32 lstat@40",
    ),
];
