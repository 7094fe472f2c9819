"""Imports a fresh module for each case, lets one holder have something of it, and says what is left after its
keys are deleted.

With the folder of the modules made from `held_from_c.c` as an argument there are cases of these as well.
Input, line by line: `case NAME` prints the name of the module and DONE; `drop` deletes it and prints what is alive
of it, one letter for each kind (m module, g globals, f function, c class), and DONE; `cases` prints the names.
`spin` prints DONE and executes Python until the next line comes, so that it can be changed from outside; `left` is
`drop` for a module that was unloaded from outside: it deletes nothing, and imports it again; `state` prints the
identities of everything that an unload may touch.
"""
import gc
import os
import shutil
import sys
import tempfile
import threading
import types

FOLDER = tempfile.mkdtemp()
sys.path.insert(0, FOLDER)
sys.dont_write_bytecode = True
PACKAGE = os.path.join(FOLDER, 'parent')
os.mkdir(PACKAGE)
open(os.path.join(PACKAGE, '__init__.py'), 'w').close()
THREE = sys.version_info[0] == 3

SOURCE = '''
_mark_ = 1
class C(object):
    def method(self, *args, **kwargs):
        return _mark_
    def find_spec(self, *args):
        return None
    find_module = find_spec
class Bare(object):
    pass
class Ghastly(Exception):
    def method(self):
        return _mark_
class Quiet(Warning):
    pass
def f(*args, **kwargs):
    return _mark_ and None
def wrap(inner):
    def wrapper(*args):
        return inner(*args)
    return wrapper
def running(started, stop):
    started.set()
    stop.wait()
def generate():
    yield f
    yield f
def refuse(*args):
    raise ImportError(_mark_)
def spoil(*args):
    raise Ghastly(_mark_)
def reduce_(thing):
    return (int, ())
'''
if THREE:
    SOURCE += '''
async def wait(future):
    await future
    return f
'''


class Keep(object):
    """What the program itself keeps, under names that a person would look for."""


class Base(object):
    """A class of the program that knows its subclasses."""
    known = []
    known_by_name = {}

    def hook(self):
        pass


keep = Keep()
names = {}
CASES = {}


def case(function):
    CASES[function.__name__.replace('_', ' ').strip()] = function
    return function


def since(*version):
    """For a holder that came with this version."""
    return case if sys.version_info >= version else lambda function: function


# Ordinary references.

@case
def nothing(m):
    pass

@case
def imported_by_another_module(m):
    sys.modules['other'].imported = m

@case
def an_alias_key(m):
    sys.modules['alias_' + m.__name__.replace('.', '_')] = m

@case
def a_function_imported_from_it(m):
    sys.modules['other'].taken = m.f

@case
def a_class_imported_from_it(m):
    sys.modules['other'].taken_class = m.C

@case
def a_class_without_methods_imported_from_it(m):
    sys.modules['other'].taken_bare = m.Bare

@case
def an_instance(m):
    keep.instance = m.C()

@case
def instances_in_a_list(m):
    keep.instances = [m.C(), m.C()]

@case
def a_subclass_elsewhere(m):
    keep.subclass = type('Sub', (m.C,), {'__module__': 'other'})

@case
def a_bound_method(m):
    keep.bound = m.C().method

@case
def a_partial(m):
    import functools
    keep.partial = functools.partial(m.f, 1)

@case
def a_wrapper_made_by_its_decorator(m):
    def decorated(*args):
        pass
    keep.wrapper = m.wrap(decorated)

@case
def a_wrapper_that_looks_like_what_it_wraps(m):
    import functools
    def decorated(*args):
        pass
    keep.wrapper = functools.wraps(decorated)(m.wrap(decorated))

@case
def its_dict(m):
    keep.namespace = m.__dict__

@case
def an_attribute_set_on_a_foreign_class(m):
    Base.hook = m.f

@case
def an_attribute_set_on_a_foreign_module(m):
    os.path.patched = m.f

@case
def an_attribute_set_on_builtins(m):
    import_builtins().patched = m.f

@case
def a_registry_of_subclasses(m):
    Base.known.append(m.C)

# Execution state.

@case
def a_running_thread(m):
    started, keep.stop = threading.Event(), threading.Event()
    thread = threading.Thread(target=m.running, args=(started, keep.stop))
    thread.daemon = True
    thread.start()
    started.wait()
    return lambda: (keep.stop.set(), thread.join())

@case
def a_suspended_generator(m):
    keep.generator = m.generate()
    next(keep.generator)

@case
def a_timer(m):
    keep.timer = threading.Timer(1000, m.f)
    keep.timer.daemon = True
    keep.timer.start()
    return lambda: keep.timer.cancel()

@case
def a_thread_local_value(m):
    local.value = m.f

@case
def a_value_of_another_thread(m):
    started, keep.stop = threading.Event(), threading.Event()
    thread = threading.Thread(target=wait_with_value, args=([m.f], started, keep.stop))
    thread.daemon = True
    thread.start()
    started.wait()
    return lambda: (keep.stop.set(), thread.join())

def wait_with_value(given, started, stop):
    local.value = given.pop()
    started.set()
    stop.wait()

@case
def an_exception_that_is_stored(m):
    try:
        m.spoil()
    except Exception as error:
        keep.error = error

@case
def a_profiling_function(m):
    sys.setprofile(m.f)
    return lambda: sys.setprofile(None)

@case
def a_tracing_function(m):
    sys.settrace(m.f)
    return lambda: sys.settrace(None)

@case
def a_tracing_function_of_threading(m):
    threading.settrace(m.f)
    return lambda: threading.settrace(None)

@case
def a_profiling_function_of_threading(m):
    threading.setprofile(m.f)
    return lambda: threading.setprofile(None)

# Hooks of the interpreter.

@case
def an_exit_handler(m):
    import atexit
    keep.exit = m.f
    atexit.register(m.f)

@case
def an_exit_handler_that_nobody_kept(m):
    import atexit
    atexit.register(m.C().method)

@case
def a_codec_search_function(m):
    import codecs
    codecs.register(m.f)

@case
def the_cache_of_codecs(m):
    import codecs
    if 'search' not in keep.__dict__:
        keep.search = lambda name: keep.found if name.startswith('cached') else None
        codecs.register(keep.search)
    keep.found = (m.f, m.f, None, None)
    codecs.lookup('cached' + m.__name__.replace('.', ''))
    del keep.found

@case
def an_error_handler_of_codecs(m):
    import codecs
    codecs.register_error(m.__name__, m.f)

@case
def a_signal_handler(m):
    import signal
    signal.signal(signal.SIGUSR2, m.f)
    return lambda: signal.signal(signal.SIGUSR2, signal.SIG_DFL)

@case
def a_finder_in_meta_path(m):
    sys.meta_path.append(m.C())
    return lambda: sys.meta_path.pop()

@case
def a_path_hook(m):
    sys.path_hooks.append(m.refuse)
    return lambda: sys.path_hooks.pop()

@case
def a_value_of_the_importer_cache(m):
    sys.path_importer_cache['/nowhere'] = m.C()
    return lambda: sys.path_importer_cache.pop('/nowhere')

@case
def the_exception_hook(m):
    sys.excepthook = m.f
    return lambda: setattr(sys, 'excepthook', sys.__excepthook__)

@case
def a_weakref_callback(m):
    import weakref
    keep.weak = weakref.ref(keep, m.f)

@case
def a_readline_completer(m):
    import readline
    readline.set_completer(m.f)
    return lambda: readline.set_completer(None)

@case
def a_ctypes_callback(m):
    import ctypes
    keep.callback = ctypes.CFUNCTYPE(ctypes.c_int)(m.f)

# Registries and caches.

@case
def the_cache_of_ctypes_pointers(m):
    import ctypes
    m.Structure = type('Structure', (ctypes.Structure,), {'__module__': m.__name__, 'method': m.f})
    Case.classes.add(id(m.Structure))
    ctypes.POINTER(m.Structure)

@case
def a_function_in_two_registries(m):
    sys.excepthook = m.f
    sys.path_hooks.append(m.f)
    return lambda: (setattr(sys, 'excepthook', sys.__excepthook__), sys.path_hooks.pop())

@case
def an_object_in_two_registries(m):
    finder = m.C()
    sys.meta_path.append(finder)
    sys.path_importer_cache['/nowhere'] = finder
    return lambda: (sys.meta_path.pop(), sys.path_importer_cache.pop('/nowhere'))

@case
def a_registry_under_another_name(m):
    sys.modules['other'].a_list_of_finders = sys.meta_path
    sys.meta_path.append(m.C())
    return lambda: (sys.meta_path.pop(), vars(sys.modules['other']).pop('a_list_of_finders'))

@case
def an_lru_cache_elsewhere(m):
    import functools
    if 'cached' not in keep.__dict__:
        keep.cached = functools.lru_cache(None)(lambda thing: None)
    keep.cached(m.C)
    return lambda: keep.cached.cache_clear()

@case
def copyreg(m):
    (__import__('copyreg' if THREE else 'copy_reg')).pickle(m.C, m.reduce_)

@case
def a_sqlite3_adapter(m):
    import sqlite3
    sqlite3.register_adapter(m.C, m.f)

@case
def a_sqlite3_converter(m):
    import sqlite3
    sqlite3.register_converter('NAME_' + m.__name__.replace('.', '_'), m.f)

@case
def a_logging_handler(m):
    import logging
    logging.getLogger('some.logger').addHandler(type('Foreign', (logging.Handler,), {'emit': m.f, '__module__': 'other'})())

@case
def a_finalizer_of_multiprocessing(m):
    import multiprocessing.util
    multiprocessing.util.Finalize(None, m.f, exitpriority=1)

@case
def a_warnings_filter(m):
    import warnings
    warnings.simplefilter('ignore', m.Quiet)

# What looks like a holder and is not.

@case
def a_code_object(m):
    keep.code = getattr(m.f, '__code__')

@case
def copied_constants(m):
    keep.constant = m._mark_

@case
def its_spec(m):
    keep.spec = getattr(m, '__spec__', None)

@case
def an_abc_that_knows_it(m):
    import abc
    if 'abc' not in keep.__dict__:
        keep.abc = abc.ABCMeta('Abstract', (object,), {})
    keep.abc.register(m.C)
    isinstance(m.C(), keep.abc)

@case
def a_subclass_of_a_foreign_class(m):
    type('Late', (Base,), {'__module__': m.__name__, 'method': m.f})

@case
def lines_in_linecache(m):
    import linecache
    linecache.getlines(m.__file__)

@case
def a_logger_of_its_name(m):
    import logging
    logging.getLogger(m.__name__)

@case
def an_extension_code_of_copyreg(m):
    (__import__('copyreg' if THREE else 'copy_reg')).add_extension(m.__name__, 'C', 1000 + len(names))

@case
def a_warning_that_was_shown(m):
    vars(sys.modules['other'])['__warningregistry__'] = {('text', m.Quiet.__name__, 1): True}


def import_builtins():
    return __import__('builtins' if THREE else '__builtin__')


# Held from C: modules made from `held_from_c.c`, in the folder that is given as an argument.

def has(name):
    """For a case that needs this module made from C: as it is unloaded itself, or as it holds something."""
    needed = name == 'pointing' or THREE
    return (lambda function: case(function)) if needed and sys.argv[1:] else lambda function: function

def pointing():
    sys.path.append(sys.argv[1])
    try:
        return __import__('pointing')
    finally:
        sys.path.pop()

@has('pointing')
def a_pointer_of_C_code(m):
    pointing().keep(m.f)
    return lambda: pointing().let_go()

@has('pointing')
def memory_of_C_code(m):
    pointing().hide(m.f)
    return lambda: pointing().let_go()

@has('indexed')
def the_index_of_modules(m):
    pass

@has('copied')
def the_copy_of_a_dict(m):
    pass

@has('mapped')
def a_file_that_stays_mapped(m):
    pass

# What is imported instead of a module made from Python.
EXTENSIONS = {'the index of modules': 'indexed', 'the copy of a dict': 'copied', 'a file that stays mapped': 'mapped'}


NEW = r'''
import asyncio

@case
def a_suspended_coroutine(m):
    keep.coroutine = m.wait(Forever())
    keep.coroutine.send(None)

class Forever(object):
    def __await__(self):
        yield

@case
def a_pending_task(m):
    keep.loop = loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    keep.task = loop.create_task(m.wait(loop.create_future()))
    loop.call_soon(loop.stop)
    loop.run_forever()
    return end_of_loop

@since(3, 8)
def a_task_that_only_its_loop_knows(m):
    keep.loop = loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.create_task(m.wait(asyncio.sleep(1000)))
    for _ in range(3):
        run_loop_once()
    Case.runs_loop = True
    return cancel_all

def run_loop_once():
    keep.loop.call_soon(keep.loop.stop)
    keep.loop.run_forever()

def cancel_all():
    for task in asyncio.all_tasks(keep.loop):
        task.cancel()
    run_loop_once()
    keep.loop.close()
    asyncio.set_event_loop(None)
    del keep.loop

@case
def a_call_that_a_loop_has_to_make(m):
    keep.loop = asyncio.new_event_loop()
    keep.loop.call_later(1000, m.f)
    return lambda: (keep.loop.close(), vars(keep).pop('loop'))

def end_of_loop():
    keep.task.cancel()
    keep.loop.call_soon(keep.loop.stop)
    keep.loop.run_forever()
    keep.loop.close()
    asyncio.set_event_loop(None)
    del keep.task, keep.loop

@since(3, 7)
def an_executor_with_an_initializer(m):
    import concurrent.futures
    keep.executor = concurrent.futures.ThreadPoolExecutor(1, initializer=m.f)

@case
def async_generator_hooks(m):
    sys.set_asyncgen_hooks(firstiter=m.f, finalizer=m.f)
    return lambda: sys.set_asyncgen_hooks(None, None)

@case
def the_last_exception(m):
    try:
        m.spoil()
    except Exception as error:
        sys.last_value, sys.last_traceback, sys.last_type = error, error.__traceback__, type(error)
    return forget_last

@since(3, 12)
def the_last_exception_alone(m):
    try:
        m.spoil()
    except Exception as error:
        sys.last_exc = error
    return lambda: delattr(sys, 'last_exc')

def forget_last():
    del sys.last_value, sys.last_traceback, sys.last_type

original_excepthook = getattr(threading, 'excepthook', None)

@since(3, 8)
def the_exception_hook_of_threading(m):
    threading.excepthook = m.f
    return lambda: setattr(threading, 'excepthook', original_excepthook)

@since(3, 8)
def the_hook_of_exceptions_that_cannot_be_raised(m):
    sys.unraisablehook = m.f
    return lambda: setattr(sys, 'unraisablehook', sys.__unraisablehook__)

@case
def a_collector_callback(m):
    gc.callbacks.append(m.f)
    return lambda: gc.callbacks.pop()

@case
def a_weakref_finalizer(m):
    import weakref
    weakref.finalize(keep, m.f)

@case
def a_class_that_registers_itself(m):
    Registering.adopt(m)

class Registering(object):
    registry = {}
    def __init_subclass__(cls, **kwargs):
        Registering.registry[cls.__name__] = cls
    @classmethod
    def adopt(cls, m):
        types.new_class('Adopted', (cls,), {}, lambda namespace: namespace.update(__module__=m.__name__, hook=m.f))

@case
def typing_caches(m):
    import typing
    typing.List[m.C], typing.Optional[m.C], typing.Union[m.C, int]

@case
def a_singledispatch_elsewhere(m):
    keep.generic.register(m.C, m.f)

import functools
keep.generic = functools.singledispatch(lambda thing: None)

@case
def a_pickler_of_multiprocessing(m):
    import multiprocessing.reduction
    multiprocessing.reduction.ForkingPickler.register(m.C, m.reduce_)

@case
def a_check_of_collections_abc(m):
    import collections.abc
    isinstance(m.C(), collections.abc.Iterable)

@case
def an_enumeration_in_it(m):
    import enum
    m.Colour = enum.Enum('Colour', 'red green', module=m.__name__)

@case
def a_type_hint(m):
    import typing
    m.f.__annotations__['x'] = m.C
    typing.get_type_hints(m.f)

@case
def an_interned_name(m):
    sys.intern('interned ' + m.__name__)

@case
def the_caches_of_inspect(m):
    import inspect
    inspect.getmodule(m.f)
    inspect.signature(m.f)

@case
def a_pattern_of_its_name(m):
    import re
    re.compile(m.__name__)
'''

SEVEN = r'''
import contextvars
VARIABLE = contextvars.ContextVar('VARIABLE')

@case
def a_context_variable(m):
    VARIABLE.set(m.f)

@case
def a_variable_of_another_context(m):
    keep.context = contextvars.copy_context()
    keep.context.run(VARIABLE.set, m.f)

@case
def a_data_class_in_it(m):
    import dataclasses
    m.Point = dataclasses.make_dataclass('Point', ['x', 'y'], namespace={'__module__': m.__name__, 'method': m.f})

@case
def a_fork_hook(m):
    os.register_at_fork(before=m.f, after_in_parent=m.f, after_in_child=m.f)
'''

EIGHT = r'''
@case
def an_audit_hook(m):
    sys.addaudithook(m.f)
'''

NINE = r'''
@case
def an_exit_handler_of_threading(m):
    threading._register_atexit(m.f)

@case
def a_generic_alias(m):
    keep.ignored = None
    list[m.C]
'''

ELEVEN = r'''
@case
def overloads(m):
    import typing
    exec("import typing\n@typing.overload\ndef over(x: int): ...\n@typing.overload\ndef over(x: str): ...\n", m.__dict__)

@case
def specialised_bytecode(m):
    sys.modules['other'].borrowed = m
    code = "def call():\n    return borrowed.f()\n"
    exec(code, sys.modules['other'].__dict__)
    for _ in range(100):
        sys.modules['other'].call()
    del sys.modules['other'].borrowed
'''

TWELVE = r'''
@case
def a_monitoring_callback(m):
    monitoring = sys.monitoring
    if monitoring.get_tool(3) is None:
        monitoring.use_tool_id(3, 'test')
    monitoring.register_callback(3, monitoring.events.PY_START, m.f)
    return lambda: sys.monitoring.register_callback(3, sys.monitoring.events.PY_START, None)
'''

for least, source in [((3, 6), NEW), ((3, 7), SEVEN), ((3, 8), EIGHT), ((3, 9), NINE), ((3, 11), ELEVEN),
                      ((3, 12), TWELVE)]:
    if sys.version_info >= least:
        exec(source)
if not THREE:
    del CASES['an lru cache elsewhere']

local = threading.local()
other = types.ModuleType('other')
other.__file__ = 'other.py'
sys.modules['other'] = other
del other


class Case(object):
    """The current one: its name, and numbers that hold nothing."""
    name = None
    undo = []
    runs_loop = False


def say(text):
    sys.stdout.write(text + '\n')
    sys.stdout.flush()


def begin(name):
    number = len(names)
    Case.name = 'parent.doomed%d' % number
    if name in EXTENSIONS:
        Case.name = 'parent.' + EXTENSIONS[name]
        shutil.copy(os.path.join(sys.argv[1], EXTENSIONS[name] + '.so'), PACKAGE)
    names[Case.name] = name
    with open(os.path.join(PACKAGE, 'doomed%d.py' % number), 'w') as source:
        source.write(SOURCE)
    if THREE:
        import importlib
        importlib.invalidate_caches()
    __import__(Case.name)
    module = sys.modules[Case.name]
    remember(module)
    Case.runs_loop = False
    Case.undo = [CASES[name](module)]
    overwrite_free_list()


def overwrite_free_list():
    """A dict that came from the free list of dicts leaves its address in a word of the interpreter's state, until
    another one is put back there; a reference that C code holds could be taken for that word."""
    [{number: None} for number in range(500)]


def remember(module):
    Case.mark = '_mark_of_%s' % Case.name.replace('.', '_')
    setattr(module, Case.mark, True)
    Case.module = id(module)
    Case.functions = set(id(value) for value in vars(module).values() if isinstance(value, types.FunctionType))
    Case.classes = set(id(value) for value in vars(module).values() if isinstance(value, type))


def alive():
    """By identity, and by marks that only they have, as numbers are used again."""
    letters = set()
    for thing in gc.get_objects():
        if type(thing) is dict and Case.mark in thing and thing[Case.mark] != Case.mark:
            letters.add('g')
        elif type(thing) is types.ModuleType and id(thing) == Case.module and is_named(thing):
            letters.add('m')
        elif type(thing) is types.FunctionType:
            if is_of_case(thing):
                letters.add('f')
        elif isinstance(thing, type) and id(thing) in Case.classes and thing.__module__ == Case.name:
            letters.add('c')
    return ''.join(sorted(letters)) or '-'


def is_named(module):
    return getattr(module, '__name__', None) == Case.name


def is_of_case(function):
    """2.7 takes the values out of the globals of a module that dies, not the keys."""
    return Case.mark in (function.__globals__ if THREE else function.func_globals)


def drop():
    parent, child = Case.name.split('.')
    for name in [name for name, module in sys.modules.items() if id(module) == Case.module]:
        if name == Case.name or name.startswith('alias_'):
            del sys.modules[name]
    delattr(sys.modules[parent], child)
    for _ in range(3):
        gc.collect()
    return alive()


def forget():
    """What holders that the program itself has would add to the next case."""
    for undo in Case.undo:
        if undo:
            undo()
    forget_names()


def forget_names():
    for name in ['instance', 'instances', 'subclass', 'bound', 'partial', 'wrapper', 'namespace', 'generator',
                 'error', 'timer', 'exit', 'weak', 'code', 'spec', 'constant', 'coroutine', 'executor', 'callback', 'context']:
        keep.__dict__.pop(name, None)
    for name in ['imported', 'taken', 'taken_class', 'taken_bare']:
        vars(sys.modules['other']).pop(name, None)
    del Base.known[:]
    loop = keep.__dict__.pop('loop', None)
    if loop is not None:
        loop.close()


def left():
    """What is alive of it after it was unloaded from outside, and whether it can be imported again."""
    if Case.name in sys.modules:
        return 'still there'
    for _ in range(2):
        gc.collect()
    letters = alive()
    forget_names()
    again = __import__(Case.name, fromlist=['C'])
    if again.C().method() != 1:
        return 'not whole again'
    del sys.modules[Case.name], again
    delattr(sys.modules['parent'], Case.name.split('.')[1])
    return letters


def rows_of(names):
    return [(repr(key), id(value)) for key, value in list(names.items()) if not repr(key).startswith("'__")]


def state():
    """Everything in its order, by identity."""
    state = {'modules': rows_of(sys.modules), 'parent': rows_of(vars(sys.modules['parent'])),
             'other': rows_of(vars(sys.modules['other'])), 'keep': rows_of(vars(keep)),
             'base': [(name, id(vars(Base)[name])) for name in vars(Base) if not name.startswith('__')],
             'hooks': [id(sys.excepthook), id(sys.getprofile()), id(sys.gettrace())]}
    for name in ['meta_path', 'path_hooks']:
        state[name] = [id(one) for one in getattr(sys, name)]
    state['callbacks'] = [id(one) for one in getattr(gc, 'callbacks', [])]
    for module, name in [('copyreg', 'dispatch_table'), ('sqlite3', 'adapters'), ('sqlite3', 'converters'),
                         ('multiprocessing.util', '_finalizer_registry'), ('typing', '_overload_registry')]:
        if hasattr(sys.modules.get(module), name):
            state[name] = [(id(key), id(value)) for key, value in getattr(sys.modules[module], name).items()]
    if 'logging' in sys.modules:
        logging = sys.modules['logging']
        state['handlers'] = [id(one) for one in logging.getLogger('some.logger').handlers]
    if 'warnings' in sys.modules:
        state['filters'] = [id(one) for one in sys.modules['warnings'].filters]
    if 'signal' in sys.modules:
        state['signal'] = id(sys.modules['signal'].getsignal(12))
    return repr(sorted(state.items()))


def spoil(case):
    """Makes what the remedy for this case calls raise."""
    if case == 'typing caches':
        import typing
        typing._cleanups.append(raise_it)
    else:
        import signal  # so that _signal is there
        vars(sys.modules['_signal'])['signal'] = raise_it


def raise_it(*args):
    raise ZeroDivisionError()


def spin():
    import select
    while not select.select([sys.stdin], [], [], 0)[0]:
        work(20)
        if Case.runs_loop and 'loop' in keep.__dict__:
            run_loop_once()


def work(depth):
    return depth and work(depth - 1)


def main():
    say('READY')
    while True:
        line = sys.stdin.readline().strip()
        if not line:
            return
        if line == 'cases':
            for name in sorted(CASES):
                say(name)
        elif line == 'drop':
            say(drop())
            forget()
        elif line == 'left':
            say(left())
        elif line.startswith('spoil '):
            spoil(line[len('spoil '):])
        elif line == 'state':
            say(state())
        elif line == 'spin':
            say('DONE')
            spin()
            continue
        else:
            begin(line[len('case '):])
            say(Case.name)
        say('DONE')


try:
    main()
finally:
    shutil.rmtree(FOLDER)
# Threads and handlers of the cases are not waited for.
os._exit(0)
