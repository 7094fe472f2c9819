//! CPython 3.15: what the C structures of objects own, where it changed since 3.14.

use crate::cpython::layout_heap::{Structure, structure};

/// Structures that 3.15 has otherwise than the version before.
pub const CHANGED: &[Structure] = &[
    structure(
        "PyAsyncGenAThrow",
        56,
        "async_generator_athrow",
        "agt_gen@16 agt_typ@24 agt_tb@32 agt_val@40",
    ),
    structure(
        "typevartupleobject",
        56,
        "typing.TypeVarTuple",
        "name@16 bound@24 default_value@32 evaluate_default@40",
    ),
    structure(
        "typealiasobject",
        64,
        "typing.TypeAliasType",
        "name@16 qualname@24 type_params@32 compute_value@40 value@48 module@56",
    ),
    structure(
        "PyLazyImportObject",
        56,
        "lazy_import",
        "lz_builtins@16 lz_from@24 lz_attr@32 lz_code@40",
    ),
    structure(
        "sentinelobject",
        40,
        "sentinel",
        "name@16 module@24 repr@32",
    ),
    structure("PyByteArrayObject", 64, "bytearray", "ob_bytes_object@56"),
    structure(
        "PyScannerObject",
        72,
        "_json.Scanner",
        "object_hook@24 object_pairs_hook@32 array_hook@40 parse_float@48 parse_int@56 \
         parse_constant@64",
    ),
    structure("PyStructObject", 64, "Struct _struct.Struct", "s_format@40"),
];
