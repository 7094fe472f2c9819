/* Every header that says where CPython keeps something, in any version from 2.7 on, and by hand the few structs
 * that some versions keep in their .c files. Only compiled, never run. */
#define Py_BUILD_CORE 1
#include <Python.h>
#include <frameobject.h>
#include <stddef.h>

#if PY_VERSION_HEX < 0x03000000
#include <longintrepr.h>
#endif

#if __has_include("internal/pystate.h") /* 3.7 */
#include "internal/pystate.h"
#endif
#if __has_include("internal/pycore_pystate.h")
#include "internal/pycore_pystate.h"
#endif
#if __has_include("internal/pycore_interp.h")
#include "internal/pycore_interp.h"
#endif
#if __has_include("internal/pycore_runtime.h")
#include "internal/pycore_runtime.h"
#endif
#if __has_include("internal/pycore_gc.h")
#include "internal/pycore_gc.h"
#endif
#if __has_include("internal/pycore_ceval.h")
#include "internal/pycore_ceval.h"
#endif
#if __has_include("internal/pycore_frame.h")
#include "internal/pycore_frame.h"
#endif
#if __has_include("internal/pycore_interpframe.h")
#include "internal/pycore_interpframe.h"
#endif
#if __has_include("internal/pycore_genobject.h")
#include "internal/pycore_genobject.h"
#endif
#if __has_include("internal/pycore_dict.h")
#include "internal/pycore_dict.h"
#endif
#if __has_include("internal/pycore_moduleobject.h")
#include "internal/pycore_moduleobject.h"
#endif
#if __has_include("internal/pycore_typeobject.h")
#include "internal/pycore_typeobject.h"
#endif
#if __has_include("internal/pycore_code.h")
#include "internal/pycore_code.h"
#endif
#if __has_include("internal/pycore_tstate.h")
#include "internal/pycore_tstate.h"
#endif
#if __has_include("internal/pycore_debug_offsets.h")
#include "internal/pycore_debug_offsets.h"
#endif

#if PY_VERSION_HEX < 0x03000000
typedef struct { /* Objects/moduleobject.c (2.7) */
    PyObject_HEAD
    PyObject *md_dict;
} PyModuleObject;
#elif PY_VERSION_HEX < 0x030a0000
typedef struct { /* Objects/moduleobject.c (3.6 to 3.9) */
    PyObject_HEAD
    PyObject *md_dict;
    struct PyModuleDef *md_def;
    void *md_state;
    PyObject *md_weaklist;
    PyObject *md_name;
} PyModuleObject;
#endif

#if PY_VERSION_HEX >= 0x03000000 && PY_VERSION_HEX < 0x030b0000
typedef struct { /* Objects/dict-common.h (3.6 to 3.10) */
    Py_hash_t me_hash;
    PyObject *me_key;
    PyObject *me_value;
} PyDictKeyEntry;

struct _dictkeysobject { /* Objects/dict-common.h (3.6 to 3.10) */
    Py_ssize_t dk_refcnt;
    Py_ssize_t dk_size;
    void *dk_lookup;
    Py_ssize_t dk_usable;
    Py_ssize_t dk_nentries;
    char dk_indices[]; /* to 3.6 a union whose first member starts here too */
};
#endif

#if PY_VERSION_HEX < 0x03070000
struct gc_generation { /* Modules/gcmodule.c (2.7, 3.6) */
    PyGC_Head head;
    int threshold;
    int count;
};
#endif
