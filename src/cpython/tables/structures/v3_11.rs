//! CPython 3.11: what the C structures of objects own, where it changed since 3.10.

use crate::cpython::layout_heap::{Structure, structure};

/// Structures that 3.11 has otherwise than the version before.
pub const CHANGED: &[Structure] = &[
    structure(
        "PyFunctionObject",
        136,
        "function",
        "func_globals@16 func_builtins@24 func_name@32 func_qualname@40 func_code@48 \
         func_defaults@56 func_kwdefaults@64 func_closure@72 func_doc@80 func_dict@88 \
         func_module@104 func_annotations@112",
    ),
    structure(
        "enumobject",
        56,
        "enumerate",
        "en_sit@24 en_result@32 en_longindex@40",
    ),
    structure(
        "PyCodeObject",
        184,
        "code",
        "co_consts@24 co_names@32 co_exceptiontable@40 co_localsplusnames@96 \
         co_localspluskinds@104 co_filename@112 co_name@120 co_qualname@128 \
         co_linetable@136 _co_code@152",
    ),
    structure(
        "PyGenObject",
        152,
        "generator",
        "gi_code@16 gi_name@32 gi_qualname@40 gi_exc_state.exc_value@48",
    ),
    structure(
        "PyCoroObject",
        152,
        "coroutine",
        "cr_code@16 cr_name@32 cr_qualname@40 cr_exc_state.exc_value@48 \
         cr_origin_or_finalizer@64",
    ),
    structure(
        "PyAsyncGenObject",
        152,
        "async_generator",
        "ag_code@16 ag_name@32 ag_qualname@40 ag_exc_state.exc_value@48 \
         ag_origin_or_finalizer@64",
    ),
    structure(
        "PyBaseExceptionObject",
        72,
        "BaseException",
        "dict@16 args@24 notes@32 traceback@40 context@48 cause@56",
    ),
    structure(
        "PySyntaxErrorObject",
        136,
        "SyntaxError",
        "dict@16 args@24 notes@32 traceback@40 context@48 cause@56 msg@72 filename@80 \
         lineno@88 offset@96 end_lineno@104 end_offset@112 text@120 \
         print_file_and_line@128",
    ),
    structure(
        "PyUnicodeErrorObject",
        112,
        "UnicodeEncodeError UnicodeDecodeError UnicodeTranslateError",
        "dict@16 args@24 notes@32 traceback@40 context@48 cause@56 encoding@72 object@80 \
         reason@104",
    ),
    structure(
        "PyOSErrorObject",
        112,
        "OSError",
        "dict@16 args@24 notes@32 traceback@40 context@48 cause@56 myerrno@72 strerror@80 \
         filename@88 filename2@96",
    ),
    structure(
        "PyStopIterationObject",
        80,
        "StopIteration",
        "dict@16 args@24 notes@32 traceback@40 context@48 cause@56 value@72",
    ),
    structure(
        "PySystemExitObject",
        80,
        "SystemExit",
        "dict@16 args@24 notes@32 traceback@40 context@48 cause@56 code@72",
    ),
    structure(
        "PyImportErrorObject",
        96,
        "ImportError",
        "dict@16 args@24 notes@32 traceback@40 context@48 cause@56 msg@72 name@80 path@88",
    ),
    structure(
        "PyNameErrorObject",
        80,
        "NameError",
        "dict@16 args@24 notes@32 traceback@40 context@48 cause@56 name@72",
    ),
    structure(
        "PyAttributeErrorObject",
        88,
        "AttributeError",
        "dict@16 args@24 notes@32 traceback@40 context@48 cause@56 obj@72 name@80",
    ),
    structure(
        "PyBaseExceptionGroupObject",
        88,
        "BaseExceptionGroup",
        "dict@16 args@24 notes@32 traceback@40 context@48 cause@56 msg@72 excs@80",
    ),
    structure(
        "gaobject",
        64,
        "types.GenericAlias",
        "origin@16 args@24 parameters@32",
    ),
    structure("gaiterobject", 24, "generic_alias_iterator", "obj@16"),
    structure("itemgetterobject", 48, "operator.itemgetter", "item@24"),
    structure("attrgetterobject", 40, "operator.attrgetter", "attr@24"),
    structure(
        "FutureObj",
        128,
        "_asyncio.Future",
        "fut_loop@16 fut_callback0@24 fut_context0@32 fut_callbacks@40 fut_exception@48 \
         fut_exception_tb@56 fut_result@64 fut_source_tb@72 fut_cancel_msg@80 dict@104 \
         fut_cancelled_exc@120",
    ),
    structure(
        "TaskObj",
        176,
        "_asyncio.Task",
        "task_loop@16 task_callback0@24 task_context0@32 task_callbacks@40 \
         task_exception@48 task_exception_tb@56 task_result@64 task_source_tb@72 \
         task_cancel_msg@80 dict@104 task_cancelled_exc@120 task_fut_waiter@128 \
         task_coro@136 task_name@144 task_context@152",
    ),
    structure(
        "PyWeakReference",
        64,
        "weakref weakproxy weakcallableproxy weakref.ReferenceType weakref.ProxyType \
         weakref.CallableProxyType",
        "wr_callback@24",
    ),
];
