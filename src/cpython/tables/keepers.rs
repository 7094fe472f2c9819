//! What interpreters and threads keep of others: hooks, callbacks, caches, by name and offset.
//!
//! One entry for each build whose headers were asked (`scripts/offsets`); the tests of the tables
//! ask them again. Built upon the next older only where nothing moved.

use crate::cpython::layout_heap::Keepers;

/// 2.7.
pub(super) const V2_7: Keepers = Keepers {
    interpreter: "builtins@32 codec_search_path@48 codec_search_cache@56 codec_error_registry@64",
    thread: "frame@16 dict@120 async_exc@136 c_profileobj@56 c_traceobj@64 \
        current_exception@72 exc_state@96",
    signals: None,
};

/// 3.6.
pub(super) const V3_6: Keepers = Keepers {
    interpreter: "modules_by_index@24 builtins@40 importlib@48 codec_search_path@56 \
        codec_search_cache@64 codec_error_registry@72 builtins_copy@96 import_func@104",
    thread: "frame@24 dict@128 async_exc@144 c_profileobj@64 c_traceobj@72 \
        current_exception@80 exc_state@104 coroutine_wrapper@192 \
        async_gen_firstiter@2256 async_gen_finalizer@2264",
    signals: None,
};

/// 3.7.
pub(super) const V3_7: Keepers = Keepers {
    interpreter: "modules_by_index@48 builtins@64 importlib@72 codec_search_path@104 \
        codec_search_cache@112 codec_error_registry@120 builtins_copy@448 \
        import_func@456 before_forkers@2520 after_forkers_parent@2528 \
        after_forkers_child@2536",
    thread: "frame@24 dict@152 async_exc@168 c_profileobj@72 c_traceobj@80 \
        current_exception@88 exc_state@112 coroutine_wrapper@224 async_gen_firstiter@240 \
        async_gen_finalizer@248 context@256",
    signals: None,
};

/// 3.8.
pub(super) const V3_8: Keepers = Keepers {
    interpreter: "modules_by_index@64 builtins@80 importlib@88 dict@544 codec_search_path@120 \
        codec_search_cache@128 codec_error_registry@136 builtins_copy@552 \
        import_func@560 before_forkers@2624 after_forkers_parent@2632 \
        after_forkers_child@2640 audit_hooks@2704",
    thread: "frame@24 dict@152 async_exc@168 c_profileobj@72 c_traceobj@80 \
        current_exception@88 exc_state@112 async_gen_firstiter@224 \
        async_gen_finalizer@232 context@240",
    signals: None,
};

/// 3.9.
pub(super) const V3_9: Keepers = Keepers {
    interpreter: "modules_by_index@864 builtins@880 importlib@888 dict@1376 codec_search_path@912 \
        codec_search_cache@920 codec_error_registry@928 builtins_copy@1384 \
        import_func@1392 before_forkers@3456 after_forkers_parent@3464 \
        after_forkers_child@3472 audit_hooks@3536",
    ..V3_8
};

/// 3.10.
pub(super) const V3_10: Keepers = Keepers {
    interpreter: "modules_by_index@864 builtins@880 importlib@888 dict@1344 codec_search_path@912 \
        codec_search_cache@920 codec_error_registry@928 builtins_copy@1352 \
        import_func@1360 before_forkers@3424 after_forkers_parent@3432 \
        after_forkers_child@3440 atexit_callbacks@3488 atexit_count@3496 \
        audit_hooks@3504 identifiers_size@9760 \
        identifiers@9768",
    ..V3_8
};

/// 3.11.
pub(super) const V3_11: Keepers = Keepers {
    interpreter: "modules_by_index@896 builtins@912 importlib@920 dict@1400 codec_search_path@936 \
        codec_search_cache@944 codec_error_registry@952 builtins_copy@1408 \
        import_func@1416 before_forkers@3480 after_forkers_parent@3488 \
        after_forkers_child@3496 atexit_callbacks@3536 atexit_count@3544 \
        audit_hooks@3552 identifiers_size@3592 \
        identifiers@3600",
    thread: "dict@128 async_exc@144 c_profileobj@80 c_traceobj@88 current_exception@96 \
        exc_state@320 async_gen_firstiter@208 async_gen_finalizer@216 context@224",
    signals: None,
};

/// 3.12.
pub(super) const V3_12: Keepers = Keepers {
    interpreter: "modules_by_index@952 builtins@360 importlib@960 dict@1720 codec_search_path@1248 \
        codec_search_cache@1256 codec_error_registry@1264 builtins_copy@1736 \
        import_func@984 before_forkers@3872 after_forkers_parent@3880 \
        after_forkers_child@3888 atexit_callbacks@3944 atexit_count@3952 \
        audit_hooks@267208 identifiers_size@267392 \
        identifiers@267400 monitoring_callables@381784 monitoring_tool_names@382872",
    thread: "dict@112 async_exc@128 c_profileobj@80 c_traceobj@88 current_exception@96 \
        exc_state@256 async_gen_firstiter@192 async_gen_finalizer@200 context@208",
    signals: Some(464),
};

/// 3.12 debug.
pub(super) const V3_12_DEBUG: Keepers = Keepers {
    interpreter: "modules_by_index@952 builtins@360 importlib@960 dict@1720 codec_search_path@1248 \
        codec_search_cache@1256 codec_error_registry@1264 builtins_copy@1736 \
        import_func@984 before_forkers@3872 after_forkers_parent@3880 \
        after_forkers_child@3888 atexit_callbacks@3944 atexit_count@3952 \
        audit_hooks@267208 identifiers_size@267408 \
        identifiers@267416 monitoring_callables@381800 monitoring_tool_names@382888",
    ..V3_12
};

/// 3.12 TRACE_REFS.
pub(super) const V3_12_TRACE_REFS: Keepers = Keepers {
    interpreter: "modules_by_index@952 builtins@360 importlib@960 dict@1720 codec_search_path@1248 \
        codec_search_cache@1256 codec_error_registry@1264 builtins_copy@1736 \
        import_func@984 before_forkers@3872 after_forkers_parent@3880 \
        after_forkers_child@3888 atexit_callbacks@3944 atexit_count@3952 \
        audit_hooks@267208 identifiers_size@267432 \
        identifiers@267440 monitoring_callables@381824 monitoring_tool_names@382912",
    ..V3_12
};

/// 3.13.
pub(super) const V3_13: Keepers = Keepers {
    interpreter: "modules_by_index@7664 builtins@7648 importlib@7672 dict@8448 \
        codec_search_path@7960 codec_search_cache@7968 codec_error_registry@7976 \
        builtins_copy@8464 import_func@7696 before_forkers@10632 \
        after_forkers_parent@10640 after_forkers_child@10648 atexit_callbacks@10712 \
        atexit_count@10720 audit_hooks@10808 identifiers_size@14536 \
        identifiers@14544 func_version_cache@17008 \
        monitoring_callables@193176 \
        monitoring_tool_names@194264",
    thread: "dict@128 async_exc@144 c_profileobj@96 c_traceobj@104 current_exception@112 \
        exc_state@256 async_gen_firstiter@192 async_gen_finalizer@200 context@208 threading_local_key@288",
    signals: Some(1080),
};

/// 3.13 debug.
pub(super) const V3_13_DEBUG: Keepers = Keepers {
    interpreter: "modules_by_index@7664 builtins@7648 importlib@7672 dict@8456 \
        codec_search_path@7960 codec_search_cache@7968 codec_error_registry@7976 \
        builtins_copy@8472 import_func@7696 before_forkers@10640 \
        after_forkers_parent@10648 after_forkers_child@10656 atexit_callbacks@10720 \
        atexit_count@10728 audit_hooks@10816 identifiers_size@14552 \
        identifiers@14560 func_version_cache@17024 \
        monitoring_callables@193192 \
        monitoring_tool_names@194280",
    ..V3_13
};

/// 3.13 free-threaded.
pub(super) const V3_13_FREE_THREADED: Keepers = Keepers {
    interpreter: "modules_by_index@7672 builtins@7656 importlib@7680 dict@8464 \
        codec_search_path@7976 codec_search_cache@7984 codec_error_registry@7992 \
        builtins_copy@8480 import_func@7704 before_forkers@10648 \
        after_forkers_parent@10656 after_forkers_child@10664 atexit_callbacks@10728 \
        atexit_count@10736 audit_hooks@17440 identifiers_size@17624 \
        identifiers@17632 func_version_cache@20096 \
        monitoring_callables@196264 \
        monitoring_tool_names@197352",
    ..V3_13
};

/// 3.14.
pub(super) const V3_14: Keepers = Keepers {
    interpreter: "modules_by_index@7696 builtins@7680 importlib@7704 dict@8496 \
        codec_search_path@8000 codec_search_cache@8008 codec_error_registry@8016 \
        builtins_copy@8512 import_func@7728 before_forkers@10696 \
        after_forkers_parent@10704 after_forkers_child@10712 atexit_callbacks@10792 \
        audit_hooks@10912 identifiers_size@11792 \
        identifiers@11800 func_version_cache@14264 \
        monitoring_callables@223280 monitoring_tool_names@224496",
    signals: Some(1256),
    ..V3_13
};

/// 3.14 debug.
pub(super) const V3_14_DEBUG: Keepers = Keepers {
    interpreter: "modules_by_index@7696 builtins@7680 importlib@7704 dict@8504 \
        codec_search_path@8000 codec_search_cache@8008 codec_error_registry@8016 \
        builtins_copy@8520 import_func@7728 before_forkers@10704 \
        after_forkers_parent@10712 after_forkers_child@10720 atexit_callbacks@10800 \
        audit_hooks@10920 identifiers_size@11808 \
        identifiers@11816 func_version_cache@14280 \
        monitoring_callables@223296 monitoring_tool_names@224512",
    ..V3_14
};

/// 3.14 free-threaded.
pub(super) const V3_14_FREE_THREADED: Keepers = Keepers {
    interpreter: "modules_by_index@7720 builtins@7704 importlib@7728 dict@8536 \
        codec_search_path@8032 codec_search_cache@8040 codec_error_registry@8048 \
        builtins_copy@8552 import_func@7752 before_forkers@10736 \
        after_forkers_parent@10744 after_forkers_child@10752 atexit_callbacks@10840 \
        audit_hooks@17664 identifiers_size@17912 \
        identifiers@17920 func_version_cache@20384 \
        monitoring_callables@229400 monitoring_tool_names@230616",
    ..V3_14
};

/// 3.15.
pub(super) const V3_15: Keepers = Keepers {
    interpreter: "modules_by_index@7600 builtins@7584 importlib@7608 dict@8448 \
        codec_search_path@7952 codec_search_cache@7960 codec_error_registry@7968 \
        builtins_copy@8464 import_func@7632 before_forkers@10672 \
        after_forkers_parent@10680 after_forkers_child@10688 atexit_callbacks@10768 \
        audit_hooks@10888 identifiers_size@11800 \
        identifiers@11808 func_version_cache@14272 \
        monitoring_callables@223552 monitoring_tool_names@224768",
    thread: "dict@152 async_exc@168 c_profileobj@120 c_traceobj@128 current_exception@136 \
        exc_state@288 async_gen_firstiter@216 async_gen_finalizer@224 context@232 threading_local_key@328",
    signals: Some(1384),
};

/// 3.15 debug.
pub(super) const V3_15_DEBUG: Keepers = Keepers {
    interpreter: "modules_by_index@7600 builtins@7584 importlib@7608 dict@8456 \
        codec_search_path@7952 codec_search_cache@7960 codec_error_registry@7968 \
        builtins_copy@8472 import_func@7632 before_forkers@10680 \
        after_forkers_parent@10688 after_forkers_child@10696 atexit_callbacks@10776 \
        audit_hooks@10896 identifiers_size@11816 \
        identifiers@11824 func_version_cache@14288 \
        monitoring_callables@223568 monitoring_tool_names@224784",
    ..V3_15
};

/// 3.15 free-threaded.
pub(super) const V3_15_FREE_THREADED: Keepers = Keepers {
    interpreter: "modules_by_index@7600 builtins@7584 importlib@7608 dict@8464 \
        codec_search_path@7960 codec_search_cache@7968 codec_error_registry@7976 \
        builtins_copy@8480 import_func@7632 before_forkers@10688 \
        after_forkers_parent@10696 after_forkers_child@10704 atexit_callbacks@10792 \
        audit_hooks@17600 identifiers_size@17848 \
        identifiers@17856 func_version_cache@20320 \
        monitoring_callables@229600 monitoring_tool_names@230816",
    ..V3_15
};

/// A build whose headers nobody has asked: nothing but the thread has names.
pub(super) const fn unasked(like: Keepers) -> Keepers {
    Keepers {
        interpreter: "",
        ..like
    }
}
