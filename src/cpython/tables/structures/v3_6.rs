//! CPython 3.6: what the C structures of objects own, where it changed since 2.7.

use crate::cpython::layout_heap::{Structure, structure};

/// Structures that 3.6 has otherwise than the version before.
pub const CHANGED: &[Structure] = &[
    structure(
        "PyFunctionObject",
        112,
        "function",
        "func_code@16 func_globals@24 func_defaults@32 func_kwdefaults@40 func_closure@48 \
         func_doc@56 func_name@64 func_dict@72 func_module@88 func_annotations@96 \
         func_qualname@104",
    ),
    structure(
        "PyCFunctionObject",
        48,
        "builtin_function_or_method",
        "m_self@24 m_module@32",
    ),
    structure("PyMethodObject", 40, "method", "im_func@16 im_self@24"),
    structure("PyInstanceMethodObject", 24, "instancemethod", "func@16"),
    structure(
        "PyMethodDescrObject",
        48,
        "method_descriptor classmethod_descriptor",
        "d_common.d_type@16 d_common.d_name@24 d_common.d_qualname@32",
    ),
    structure(
        "PyMemberDescrObject",
        48,
        "member_descriptor",
        "d_common.d_type@16 d_common.d_name@24 d_common.d_qualname@32",
    ),
    structure(
        "PyGetSetDescrObject",
        48,
        "getset_descriptor",
        "d_common.d_type@16 d_common.d_name@24 d_common.d_qualname@32",
    ),
    structure(
        "PyWrapperDescrObject",
        56,
        "wrapper_descriptor",
        "d_common.d_type@16 d_common.d_name@24 d_common.d_qualname@32",
    ),
    structure("mappingproxyobject", 24, "mappingproxy", "mapping@16"),
    structure(
        "rangeobject",
        48,
        "range",
        "start@16 stop@24 step@32 length@40",
    ),
    structure(
        "classmethod",
        32,
        "classmethod",
        "cm_callable@16 cm_dict@24",
    ),
    structure(
        "staticmethod",
        32,
        "staticmethod",
        "sm_callable@16 sm_dict@24",
    ),
    structure(
        "_PyDictViewObject",
        24,
        "dict_keys dict_values dict_items",
        "dv_dict@16",
    ),
    structure(
        "odictiterobject",
        64,
        "odict_iterator",
        "di_odict@24 di_current@48 di_result@56",
    ),
    structure(
        "unicodeiterobject",
        32,
        "str_iterator str_ascii_iterator",
        "it_seq@24",
    ),
    structure("striterobject", 32, "bytes_iterator", "it_seq@24"),
    structure(
        "longrangeiterobject",
        48,
        "longrange_iterator",
        "index@16 start@24 step@32 len@40",
    ),
    structure(
        "PyCodeObject",
        144,
        "code",
        "co_code@40 co_consts@48 co_names@56 co_varnames@64 co_freevars@72 co_cellvars@80 \
         co_filename@96 co_name@104 co_lnotab@112",
    ),
    structure(
        "PyGenObject",
        64,
        "generator",
        "gi_frame@16 gi_code@32 gi_name@48 gi_qualname@56",
    ),
    structure(
        "PyCoroObject",
        64,
        "coroutine",
        "cr_frame@16 cr_code@32 cr_name@48 cr_qualname@56",
    ),
    structure(
        "PyAsyncGenObject",
        80,
        "async_generator",
        "ag_frame@16 ag_code@32 ag_name@48 ag_qualname@56 ag_finalizer@64",
    ),
    structure(
        "PyAsyncGenASend",
        40,
        "async_generator_asend",
        "ags_gen@16 ags_sendval@24",
    ),
    structure(
        "PyAsyncGenAThrow",
        40,
        "async_generator_athrow",
        "agt_gen@16 agt_args@24",
    ),
    structure(
        "_PyAsyncGenWrappedValue",
        24,
        "async_generator_wrapped_value",
        "agw_val@16",
    ),
    structure("PyCoroWrapper", 24, "coroutine_wrapper", "cw_coroutine@16"),
    structure(
        "_PyManagedBufferObject",
        112,
        "managedbuffer",
        "master.obj@40",
    ),
    structure("PyMemoryViewObject", 144, "memoryview", "mbuf@24"),
    structure(
        "PyBaseExceptionObject",
        64,
        "BaseException",
        "dict@16 args@24 traceback@32 context@40 cause@48",
    ),
    structure(
        "PySyntaxErrorObject",
        112,
        "SyntaxError",
        "dict@16 args@24 traceback@32 context@40 cause@48 msg@64 filename@72 lineno@80 \
         offset@88 text@96 print_file_and_line@104",
    ),
    structure(
        "PyUnicodeErrorObject",
        104,
        "UnicodeEncodeError UnicodeDecodeError UnicodeTranslateError",
        "dict@16 args@24 traceback@32 context@40 cause@48 encoding@64 object@72 reason@96",
    ),
    structure(
        "PyOSErrorObject",
        104,
        "OSError",
        "dict@16 args@24 traceback@32 context@40 cause@48 myerrno@64 strerror@72 \
         filename@80 filename2@88",
    ),
    structure(
        "PyEnvironmentErrorObject",
        104,
        "EnvironmentError",
        "dict@16 args@24 traceback@32 context@40 cause@48 myerrno@64 strerror@72 \
         filename@80 filename2@88",
    ),
    structure(
        "PyStopIterationObject",
        72,
        "StopIteration",
        "dict@16 args@24 traceback@32 context@40 cause@48 value@64",
    ),
    structure(
        "PySystemExitObject",
        72,
        "SystemExit",
        "dict@16 args@24 traceback@32 context@40 cause@48 code@64",
    ),
    structure(
        "PyImportErrorObject",
        88,
        "ImportError",
        "dict@16 args@24 traceback@32 context@40 cause@48 msg@64 name@72 path@80",
    ),
    structure(
        "_PyNamespaceObject",
        24,
        "types.SimpleNamespace",
        "ns_dict@16",
    ),
    structure("filterobject", 32, "filter", "func@16 it@24"),
    structure("mapobject", 32, "map", "iters@16 func@24"),
    structure("zipobject", 40, "zip", "ittuple@24 result@32"),
    structure("PyByteArrayObject", 56, "bytearray", ""),
    structure(
        "lru_cache_object",
        144,
        "functools._lru_cache_wrapper",
        "maxsize_O@64 func@72 cache@88 cache_info_type@96 dict@128",
    ),
    structure(
        "lru_list_elem",
        56,
        "functools._lru_list_elem",
        "key@40 result@48",
    ),
    structure("keyobject", 32, "functools.KeyWrapper", "cmp@16 object@24"),
    structure(
        "defdictobject",
        56,
        "collections.defaultdict",
        "default_factory@48",
    ),
    structure("cycleobject", 48, "itertools.cycle", "it@16 saved@24"),
    structure(
        "accumulateobject",
        40,
        "itertools.accumulate",
        "total@16 it@24 binop@32",
    ),
    structure(
        "filterfalseobject",
        32,
        "itertools.filterfalse",
        "func@16 it@24",
    ),
    structure(
        "ziplongestobject",
        56,
        "itertools.zip_longest",
        "ittuple@32 result@40 fillvalue@48",
    ),
    structure("lockobject", 40, "_thread.lock thread.lock", ""),
    structure("rlockobject", 48, "_thread.RLock", ""),
    structure(
        "stringio",
        120,
        "_io.StringIO",
        "accu.large@56 accu.small@64 decoder@80 readnl@88 writenl@96 dict@104",
    ),
    structure(
        "textio",
        192,
        "_io.TextIOWrapper",
        "buffer@32 encoding@40 encoder@48 decoder@56 readnl@64 errors@72 \
         decoded_chars@120 pending_bytes@136 snapshot@152 raw@168 dict@184",
    ),
    structure("fileio", 48, "_io.FileIO", "dict@40"),
    structure("bytesio", 64, "_io.BytesIO", "buf@16 dict@40"),
    structure(
        "PatternObject",
        96,
        "_sre.SRE_Pattern re.Pattern",
        "groupindex@32 indexgroup@40 pattern@48",
    ),
    structure(
        "ElementIterObject",
        64,
        "_elementtree._element_iterator",
        "root_element@40 sought_tag@48",
    ),
    structure(
        "PyScannerObject",
        72,
        "_json.Scanner",
        "strict@16 object_hook@24 object_pairs_hook@32 parse_float@40 parse_int@48 \
         parse_constant@56 memo@64",
    ),
    structure(
        "PyEncoderObject",
        96,
        "_json.Encoder",
        "markers@16 defaultfn@24 encoder@32 indent@40 key_separator@48 item_separator@56 \
         sort_keys@64 skipkeys@72",
    ),
    structure(
        "FutureObj",
        88,
        "_asyncio.Future",
        "fut_loop@16 fut_callbacks@24 fut_exception@32 fut_result@40 fut_source_tb@48 \
         dict@72",
    ),
    structure(
        "TaskObj",
        112,
        "_asyncio.Task",
        "task_loop@16 task_callbacks@24 task_exception@32 task_result@40 \
         task_source_tb@48 dict@72 task_fut_waiter@88 task_coro@96",
    ),
    structure("futureiterobject", 24, "_asyncio.FutureIter", "future@16"),
    structure(
        "TaskStepMethWrapper",
        32,
        "TaskStepMethWrapper _asyncio.TaskStepMethWrapper",
        "sw_task@16 sw_arg@24",
    ),
    structure(
        "TaskWakeupMethWrapper",
        24,
        "TaskWakeupMethWrapper",
        "ww_task@16",
    ),
    structure(
        "PyDateTime_TimeZone",
        32,
        "datetime.timezone",
        "offset@16 name@24",
    ),
    structure(
        "StgDictObject",
        192,
        "StgDict",
        "proto@96 argtypes@128 converters@136 restype@144 checker@152",
    ),
    structure(
        "ReaderObj",
        88,
        "_csv.reader",
        "input_iter@16 dialect@24 fields@32",
    ),
    structure("WriterObj", 64, "_csv.writer", "writeline@16 dialect@24"),
    structure("DialectObj", 56, "_csv.Dialect", "lineterminator@40"),
    structure(
        "unpackiterobject",
        112,
        "unpack_iterator _struct.unpack_iterator",
        "so@16 buf.obj@32",
    ),
    structure(
        "DirEntry",
        64,
        "posix.DirEntry",
        "name@16 path@24 stat@32 lstat@40",
    ),
    structure("AST_object", 24, "_ast.AST ast.AST", "dict@16"),
];
