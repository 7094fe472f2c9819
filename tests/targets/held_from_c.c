/* Modules made from C that hold Python objects in every way that is no Python object, for
 * tests/targets/holders.py. Nothing of any one CPython's headers is used, only the stable ABI as PEP 384
 * documents it, declared here: so one build serves every version, and none needs its headers. Functions
 * that a version does not have are weak, and are not called there.
 *
 * The name of the file says which module it is:
 *   indexed   single-phase, m_size 0: in the interpreter's index of modules
 *   copied    single-phase, m_size -1: the import system keeps a copy of its dict as well
 *   mapped    multi-phase, without a state: nothing holds it, but its file stays mapped
 *   pointing  keeps what it is given in a static pointer, and in memory of its own
 */

typedef struct object object;
typedef object *(*call)(object *self, object *argument);

struct method {
    const char *name;
    call function;
    int flags;
    const char *doc;
};

struct definition {
    long refcount;
    void *type;
    object *(*init)(void);
    long index;
    object *copy;
    const char *name, *doc;
    long size;
    struct method *methods;
    void *slots, *traverse, *clear, *free;
};

#define WEAK __attribute__((weak))
WEAK object *PyModule_Create2(struct definition *, int version);
WEAK object *PyModuleDef_Init(struct definition *);
WEAK object *Py_InitModule4_64(const char *name, struct method *, const char *doc, object *self, int version);
void *PyMem_Malloc(unsigned long);
void Py_IncRef(object *);
void Py_DecRef(object *);
object *PyLong_FromLong(long);

enum { API = 1013, TAKES_NONE = 4, TAKES_ONE = 8 };

static object *pointer;
static object **memory;

/* In a variable of this file. */
static object *keep(object *self, object *argument)
{
    (void)self;
    Py_IncRef(argument);
    pointer = argument;
    return PyLong_FromLong(1);
}

/* In memory that only C code knows. */
static object *hide(object *self, object *argument)
{
    (void)self;
    if (!memory)
        memory = PyMem_Malloc(65536 * sizeof *memory);
    Py_IncRef(argument);
    memory[4096] = argument;
    return PyLong_FromLong(1);
}

static object *let_go(object *self, object *argument)
{
    (void)self, (void)argument;
    Py_DecRef(pointer);
    pointer = 0;
    if (memory) {
        Py_DecRef(memory[4096]);
        memory[4096] = 0;
    }
    return PyLong_FromLong(1);
}

static struct method methods[] = {
    {"keep", keep, TAKES_ONE, 0},
    {"hide", hide, TAKES_ONE, 0},
    {"let_go", let_go, TAKES_NONE, 0},
    {0, 0, 0, 0},
};

#define DEFINITION(text, state) {.refcount = 1, .name = text, .size = state, .methods = methods}
static struct definition indexed = DEFINITION("indexed", 0);
static struct definition copied = DEFINITION("copied", -1);
static struct definition pointing = DEFINITION("pointing", -1);
static void *no_slots[2];
static struct definition mapped = {.refcount = 1, .name = "mapped", .methods = methods, .slots = no_slots};

object *PyInit_indexed(void) { return PyModule_Create2(&indexed, API); }
object *PyInit_copied(void) { return PyModule_Create2(&copied, API); }
object *PyInit_pointing(void) { return PyModule_Create2(&pointing, API); }
object *PyInit_mapped(void) { return PyModuleDef_Init(&mapped); }

/* Python 2. */
void initpointing(void) { Py_InitModule4_64("pointing", methods, 0, 0, API); }
