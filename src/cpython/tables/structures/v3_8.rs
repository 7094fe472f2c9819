//! CPython 3.8: what the C structures of objects own, where it changed since 3.7.

use crate::cpython::layout_heap::{Structure, structure};

/// Structures that 3.8 has otherwise than the version before.
pub const CHANGED: &[Structure] = &[
    structure(
        "PyFunctionObject",
        120,
        "function",
        "func_code@16 func_globals@24 func_defaults@32 func_kwdefaults@40 func_closure@48 \
         func_doc@56 func_name@64 func_dict@72 func_module@88 func_annotations@96 \
         func_qualname@104",
    ),
    structure(
        "PyCFunctionObject",
        56,
        "builtin_function_or_method",
        "m_self@24 m_module@32",
    ),
    structure("PyMethodObject", 48, "method", "im_func@16 im_self@24"),
    structure(
        "PyMethodDescrObject",
        56,
        "method_descriptor classmethod_descriptor",
        "d_common.d_type@16 d_common.d_name@24 d_common.d_qualname@32",
    ),
    structure(
        "PyCodeObject",
        176,
        "code",
        "co_code@48 co_consts@56 co_names@64 co_varnames@72 co_freevars@80 co_cellvars@88 \
         co_filename@104 co_name@112 co_lnotab@120",
    ),
    structure(
        "PyAsyncGenObject",
        120,
        "async_generator",
        "ag_frame@16 ag_code@32 ag_name@48 ag_qualname@56 ag_exc_state.exc_type@64 \
         ag_exc_state.exc_value@72 ag_exc_state.exc_traceback@80 ag_finalizer@96",
    ),
    structure(
        "PyPickleBufferObject",
        104,
        "pickle.PickleBuffer",
        "view.obj@24",
    ),
    structure(
        "accumulateobject",
        48,
        "itertools.accumulate",
        "total@16 it@24 binop@32 initial@40",
    ),
    structure("itemgetterobject", 40, "operator.itemgetter", "item@24"),
    structure(
        "TaskObj",
        144,
        "_asyncio.Task",
        "task_loop@16 task_callback0@24 task_context0@32 task_callbacks@40 \
         task_exception@48 task_result@56 task_source_tb@64 dict@88 task_fut_waiter@104 \
         task_coro@112 task_name@120 task_context@128",
    ),
    structure("WriterObj", 64, "_csv.writer", "write@16 dialect@24"),
    structure("DialectObj", 48, "_csv.Dialect", "lineterminator@40"),
];
