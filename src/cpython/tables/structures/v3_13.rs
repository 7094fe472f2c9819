//! CPython 3.13: what the C structures of objects own, where it changed since 3.12.

use crate::cpython::layout_heap::{Structure, structure};

/// Structures that 3.13 has otherwise than the version before.
pub const CHANGED: &[Structure] = &[
    structure(
        "PyCodeObject",
        200,
        "code",
        "co_consts@24 co_names@32 co_exceptiontable@40 co_localsplusnames@96 \
         co_localspluskinds@104 co_filename@112 co_name@120 co_qualname@128 \
         co_linetable@136",
    ),
    structure(
        "PyFrameLocalsProxyObject",
        24,
        "FrameLocalsProxy",
        "frame@16",
    ),
    structure(
        "typevarobject",
        80,
        "typing.TypeVar",
        "name@16 bound@24 evaluate_bound@32 constraints@40 evaluate_constraints@48 \
         default_value@56 evaluate_default@64",
    ),
    structure(
        "typevartupleobject",
        40,
        "typing.TypeVarTuple",
        "name@16 default_value@24 evaluate_default@32",
    ),
    structure(
        "paramspecobject",
        56,
        "typing.ParamSpec",
        "name@16 bound@24 default_value@32 evaluate_default@40",
    ),
    structure("PyCapsule", 64, "PyCapsule", ""),
    structure(
        "pairwiseobject",
        40,
        "itertools.pairwise",
        "it@16 old@24 result@32",
    ),
    structure("batchedobject", 40, "itertools.batched", "it@16"),
    structure(
        "methodcallerobject",
        64,
        "operator.methodcaller",
        "name@16 xargs@24 kwds@32",
    ),
    structure("simplequeueobject", 72, "_queue.SimpleQueue", ""),
    structure(
        "localobject",
        56,
        "_thread._local thread._local",
        "args@16 kw@24 localdicts@40 thread_watchdogs@48",
    ),
    structure(
        "localdummyobject",
        24,
        "_thread._localdummy thread._localdummy",
        "",
    ),
    structure(
        "PyScannerObject",
        64,
        "_json.Scanner",
        "object_hook@24 object_pairs_hook@32 parse_float@40 parse_int@48 \
         parse_constant@56",
    ),
    structure(
        "FutureObj",
        104,
        "_asyncio.Future",
        "fut_loop@16 fut_callback0@24 fut_context0@32 fut_callbacks@40 fut_exception@48 \
         fut_exception_tb@56 fut_result@64 fut_source_tb@72 fut_cancel_msg@80 \
         fut_cancelled_exc@88",
    ),
    structure(
        "TaskObj",
        144,
        "_asyncio.Task",
        "task_loop@16 task_callback0@24 task_context0@32 task_callbacks@40 \
         task_exception@48 task_exception_tb@56 task_result@64 task_source_tb@72 \
         task_cancel_msg@80 task_cancelled_exc@88 task_fut_waiter@112 task_coro@120 \
         task_name@128 task_context@136",
    ),
    // Later patch releases, and debug builds.
    structure(
        "PyBaseExceptionGroupObject",
        96,
        "BaseExceptionGroup",
        "dict@16 args@24 notes@32 traceback@40 context@48 cause@56 msg@72 excs@80 \
         excs_str@88",
    ),
    structure("lockobject", 24, "_thread.lock thread.lock", ""),
    structure(
        "PatternObject",
        104,
        "_sre.SRE_Pattern re.Pattern",
        "groupindex@32 indexgroup@40 pattern@48",
    ),
];
