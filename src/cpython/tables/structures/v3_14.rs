//! CPython 3.14: what the C structures of objects own, where it changed since 3.13.

use crate::cpython::layout_heap::{Structure, structure};

/// Structures that 3.14 has otherwise than the version before.
pub const CHANGED: &[Structure] = &[
    structure(
        "PyFunctionObject",
        152,
        "function",
        "func_globals@16 func_builtins@24 func_name@32 func_qualname@40 func_code@48 \
         func_defaults@56 func_kwdefaults@64 func_closure@72 func_doc@80 func_dict@88 \
         func_module@104 func_annotations@112 func_annotate@120 func_typeparams@128",
    ),
    structure(
        "PyCodeObject",
        208,
        "code",
        "co_consts@24 co_names@32 co_exceptiontable@40 co_localsplusnames@96 \
         co_localspluskinds@104 co_filename@112 co_name@120 co_qualname@128 \
         co_linetable@136",
    ),
    structure(
        "PyGenObject",
        152,
        "generator",
        "gi_name@24 gi_qualname@32 gi_exc_state.exc_value@40",
    ),
    structure(
        "PyCoroObject",
        152,
        "coroutine",
        "cr_name@24 cr_qualname@32 cr_exc_state.exc_value@40 cr_origin_or_finalizer@56",
    ),
    structure(
        "PyAsyncGenObject",
        152,
        "async_generator",
        "ag_name@24 ag_qualname@32 ag_exc_state.exc_value@40 ag_origin_or_finalizer@56",
    ),
    structure(
        "PySyntaxErrorObject",
        144,
        "SyntaxError",
        "dict@16 args@24 notes@32 traceback@40 context@48 cause@56 msg@72 filename@80 \
         lineno@88 offset@96 end_lineno@104 end_offset@112 text@120 \
         print_file_and_line@128 metadata@136",
    ),
    structure(
        "PyBaseExceptionGroupObject",
        96,
        "BaseExceptionGroup",
        "dict@16 args@24 notes@32 traceback@40 context@48 cause@56 msg@72 excs@80 \
         excs_str@88",
    ),
    structure(
        "unionobject",
        56,
        "types.UnionType typing.Union",
        "args@16 hashable_args@24 unhashable_args@32 parameters@40",
    ),
    structure("mapobject", 40, "map", "iters@16 func@24"),
    structure("constevaluatorobject", 24, "constevaluator", "value@16"),
    structure(
        "templateobject",
        32,
        "string.templatelib.Template",
        "strings@16 interpolations@24",
    ),
    structure(
        "interpolationobject",
        48,
        "string.templatelib.Interpolation",
        "value@16 expression@24 conversion@32 format_spec@40",
    ),
    structure(
        "templateiterobject",
        40,
        "string.templatelib.TemplateIter",
        "stringsiter@16 interpolationsiter@24",
    ),
    structure(
        "partialobject",
        80,
        "functools.partial",
        "fn@16 args@24 kw@32 dict@40",
    ),
    structure("cycleobject", 40, "itertools.cycle", "it@16 saved@24"),
    structure(
        "methodcallerobject",
        64,
        "operator.methodcaller",
        "name@16 args@24 kwds@32 vectorcall_args@40 vectorcall_kwnames@48",
    ),
    structure("lockobject", 24, "_thread.lock thread.lock", ""),
    structure("rlockobject", 40, "_thread.RLock", ""),
    structure(
        "stringio",
        120,
        "_io.StringIO",
        "decoder@72 readnl@80 writenl@88 dict@96",
    ),
    structure(
        "FutureObj",
        112,
        "_asyncio.Future",
        "fut_loop@16 fut_callback0@24 fut_context0@32 fut_callbacks@40 fut_exception@48 \
         fut_exception_tb@56 fut_result@64 fut_source_tb@72 fut_cancel_msg@80 \
         fut_cancelled_exc@88 fut_awaited_by@96",
    ),
    structure(
        "TaskObj",
        168,
        "_asyncio.Task",
        "task_loop@16 task_callback0@24 task_context0@32 task_callbacks@40 \
         task_exception@48 task_exception_tb@56 task_result@64 task_source_tb@72 \
         task_cancel_msg@80 task_cancelled_exc@88 task_awaited_by@96 task_fut_waiter@120 \
         task_coro@128 task_name@136 task_context@144",
    ),
    structure(
        "PyCArgObject",
        80,
        "CArgObject _ctypes.CArgObject",
        "obj@64",
    ),
    structure("CFieldObject", 80, "_ctypes.CField", "proto@40 name@72"),
];
