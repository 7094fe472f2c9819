//! CPython 3.10: what the C structures of objects own, where it changed since 3.9.

use crate::cpython::layout_heap::{Structure, structure};

/// Structures that 3.10 has otherwise than the version before.
pub const CHANGED: &[Structure] = &[
    structure(
        "PyFunctionObject",
        128,
        "function",
        "func_globals@16 func_builtins@24 func_name@32 func_qualname@40 func_code@48 \
         func_defaults@56 func_kwdefaults@64 func_closure@72 func_doc@80 func_dict@88 \
         func_module@104 func_annotations@112",
    ),
    structure(
        "propertyobject",
        64,
        "property",
        "prop_get@16 prop_set@24 prop_del@32 prop_doc@40 prop_name@48",
    ),
    structure(
        "PyCodeObject",
        176,
        "code",
        "co_code@48 co_consts@56 co_names@64 co_varnames@72 co_freevars@80 co_cellvars@88 \
         co_filename@104 co_name@112 co_linetable@120",
    ),
    structure(
        "PyGenObject",
        88,
        "generator",
        "gi_frame@16 gi_code@24 gi_name@40 gi_qualname@48 gi_exc_state.exc_type@56 \
         gi_exc_state.exc_value@64 gi_exc_state.exc_traceback@72",
    ),
    structure(
        "PyCoroObject",
        96,
        "coroutine",
        "cr_frame@16 cr_code@24 cr_name@40 cr_qualname@48 cr_exc_state.exc_type@56 \
         cr_exc_state.exc_value@64 cr_exc_state.exc_traceback@72 cr_origin@88",
    ),
    structure(
        "PyAsyncGenObject",
        112,
        "async_generator",
        "ag_frame@16 ag_code@24 ag_name@40 ag_qualname@48 ag_exc_state.exc_type@56 \
         ag_exc_state.exc_value@64 ag_exc_state.exc_traceback@72 ag_finalizer@88",
    ),
    structure(
        "anextawaitableobject",
        32,
        "anext_awaitable",
        "wrapped@16 default_value@24",
    ),
    structure("memoryiterobject", 48, "memory_iterator", "it_seq@24"),
    structure(
        "PySyntaxErrorObject",
        128,
        "SyntaxError",
        "dict@16 args@24 traceback@32 context@40 cause@48 msg@64 filename@72 lineno@80 \
         offset@88 end_lineno@96 end_offset@104 text@112 print_file_and_line@120",
    ),
    structure(
        "PyNameErrorObject",
        72,
        "NameError",
        "dict@16 args@24 traceback@32 context@40 cause@48 name@64",
    ),
    structure(
        "PyAttributeErrorObject",
        80,
        "AttributeError",
        "dict@16 args@24 traceback@32 context@40 cause@48 obj@64 name@72",
    ),
    structure(
        "unionobject",
        32,
        "types.UnionType typing.Union",
        "args@16 parameters@24",
    ),
    structure("zipobject", 48, "zip", "ittuple@24 result@32"),
    structure(
        "lru_cache_object",
        152,
        "functools._lru_cache_wrapper",
        "cache@72 func@88 kwd_mark@112 lru_list_elem_type@120 cache_info_type@128 \
         dict@136",
    ),
    structure("pairwiseobject", 32, "itertools.pairwise", "it@16 old@24"),
    structure(
        "FutureObj",
        152,
        "_asyncio.Future",
        "fut_loop@16 fut_callback0@24 fut_context0@32 fut_callbacks@40 fut_exception@48 \
         fut_exception_tb@56 fut_result@64 fut_source_tb@72 fut_cancel_msg@80 dict@104 \
         fut_cancelled_exc_state.exc_type@120 fut_cancelled_exc_state.exc_value@128 \
         fut_cancelled_exc_state.exc_traceback@136",
    ),
    structure(
        "TaskObj",
        192,
        "_asyncio.Task",
        "task_loop@16 task_callback0@24 task_context0@32 task_callbacks@40 \
         task_exception@48 task_exception_tb@56 task_result@64 task_source_tb@72 \
         task_cancel_msg@80 dict@104 task_cancelled_exc_state.exc_type@120 \
         task_cancelled_exc_state.exc_value@128 \
         task_cancelled_exc_state.exc_traceback@136 task_fut_waiter@152 task_coro@160 \
         task_name@168 task_context@176",
    ),
    structure(
        "WriterObj",
        72,
        "_csv.writer",
        "write@16 dialect@24 error_obj@64",
    ),
];
