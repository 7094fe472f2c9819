//! CPython 3.12: what the C structures of objects own, where it changed since 3.11.

use crate::cpython::layout_heap::{Structure, structure};

/// Structures that 3.12 has otherwise than the version before.
pub const CHANGED: &[Structure] = &[
    structure(
        "PyFunctionObject",
        144,
        "function",
        "func_globals@16 func_builtins@24 func_name@32 func_qualname@40 func_code@48 \
         func_defaults@56 func_kwdefaults@64 func_closure@72 func_doc@80 func_dict@88 \
         func_module@104 func_annotations@112 func_typeparams@120",
    ),
    structure("_PyListIterObject", 32, "list_iterator", "it_seq@24"),
    structure("_PyTupleIterObject", 32, "tuple_iterator", "it_seq@24"),
    structure(
        "longrangeiterobject",
        40,
        "longrange_iterator",
        "start@16 step@24 len@32",
    ),
    structure(
        "PyCodeObject",
        192,
        "code",
        "co_consts@24 co_names@32 co_exceptiontable@40 co_localsplusnames@96 \
         co_localspluskinds@104 co_filename@112 co_name@120 co_qualname@128 \
         co_linetable@136",
    ),
    structure(
        "PyGenObject",
        144,
        "generator",
        "gi_name@24 gi_qualname@32 gi_exc_state.exc_value@40",
    ),
    structure(
        "PyCoroObject",
        144,
        "coroutine",
        "cr_name@24 cr_qualname@32 cr_exc_state.exc_value@40 cr_origin_or_finalizer@56",
    ),
    structure(
        "PyAsyncGenObject",
        144,
        "async_generator",
        "ag_name@24 ag_qualname@32 ag_exc_state.exc_value@40 ag_origin_or_finalizer@56",
    ),
    structure(
        "PyImportErrorObject",
        104,
        "ImportError",
        "dict@16 args@24 notes@32 traceback@40 context@48 cause@56 msg@72 name@80 path@88 \
         name_from@96",
    ),
    structure(
        "typevarobject",
        64,
        "typing.TypeVar",
        "name@16 bound@24 evaluate_bound@32 constraints@40 evaluate_constraints@48",
    ),
    structure("typevartupleobject", 24, "typing.TypeVarTuple", "name@16"),
    structure(
        "paramspecobject",
        40,
        "typing.ParamSpec",
        "name@16 bound@24",
    ),
    structure(
        "paramspecattrobject",
        24,
        "typing.ParamSpecArgs typing.ParamSpecKwargs",
        "__origin__@16",
    ),
    structure(
        "typealiasobject",
        56,
        "typing.TypeAliasType",
        "name@16 type_params@24 compute_value@32 value@40 module@48",
    ),
    structure(
        "teeobject",
        48,
        "itertools._tee itertools.tee",
        "dataobj@16",
    ),
    structure(
        "groupbyobject",
        72,
        "itertools.groupby",
        "it@16 keyfunc@24 tgtkey@32 currkey@40 currvalue@48",
    ),
    structure(
        "accumulateobject",
        56,
        "itertools.accumulate",
        "total@16 it@24 binop@32 initial@40",
    ),
    structure("batchedobject", 32, "itertools.batched", "it@16"),
    structure(
        "stringio",
        168,
        "_io.StringIO",
        "writer.buffer@56 decoder@120 readnl@128 writenl@136 dict@144",
    ),
    structure(
        "textio",
        200,
        "_io.TextIOWrapper",
        "buffer@32 encoding@40 encoder@48 decoder@56 readnl@64 errors@72 \
         decoded_chars@120 pending_bytes@136 snapshot@152 raw@168 dict@184",
    ),
];
