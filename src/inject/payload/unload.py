# Runs inside the target, in a namespace of its own, between two bytecodes of the main thread.
# Before this text stand the constants of one request:
#   TABLE       id(sys.modules) as it was read from outside
#   PREFIXES    the packages to unload: a key belongs when it is one of them or begins with it and a dot
#   KEYS        ((key, id of the value), ...) leaf first: every key that is expected, aliases too
#   ATTRIBUTES  ((key of the parent, attribute, id of the child), ...)
# The answer is the bytes in `result`: lines of ASCII words, the first one the status.
#
# Nothing here imports, prints or waits. No attribute of a foreign object is looked up in a way that
# would run code of the target (a lazy module would load itself): only the dicts are read. What is
# detached goes into a record first and is put back from it when a step fails. When the record is
# dropped, finalizers of the target may run: that is what unloading means.


class Refusal(Exception):
    """Nothing was changed, or everything was put back."""


def find_core():
    """The namespace of importlib._bootstrap: it holds sys, _imp and _weakref without an import."""
    names = __builtins__ if type(__builtins__) is dict else __builtins__.__dict__
    loader = names.get('__loader__')
    if loader is not None:
        return loader.find_spec.__func__.__globals__
    if type(__import__) is not type(len):  # 2.7, and somebody replaced the function
        raise Refusal('failed import_replaced')
    core = {'sys': __import__('sys')}
    table = core['sys'].modules
    for key, name in (('_weakref', '_weakref'), ('_imp', 'imp')):
        is_new = name not in table
        core[key] = __import__(name)
        if is_new:
            del table[name]
    return core


def namespace_of(module, module_type):
    """The globals dict of a module, past whatever its own class does to attributes."""
    if not issubclass(type(module), module_type):
        return None
    return module_type.__dict__['__dict__'].__get__(module)


def is_genuine(names):
    return names is not None and type(names.get('collect')) is type(len)


def find_collector(core, table, module_type):
    """The functions of gc: of the module that is there, else of one made and not registered.
    A copy: when a module dies on 2.7, its own dict loses its values."""
    names = namespace_of(table.get('gc'), module_type)
    if is_genuine(names):
        return dict(names)
    before = table.get('gc')
    if 'ModuleSpec' in core:
        made = core['_imp'].create_builtin(core['ModuleSpec']('gc', None))
        core['_imp'].exec_builtin(made)
    else:
        made = __import__('gc')
    if before is None and table.get('gc') is made:  # the single-phase form registers itself (to 3.9)
        del table['gc']
    names = namespace_of(made, module_type)
    if not is_genuine(names):
        raise Refusal('failed no_collector')
    return dict(names)


def belongs(key):
    for prefix in PREFIXES:
        if key == prefix or key.startswith(prefix + '.'):
            return True
    return False


def check_set(table):
    """The keys now are the keys that were planned, with the very same values."""
    planned = dict(KEYS)
    objects = set(planned.values())
    objects.discard(id(None))
    found = {}
    for key, value in list(table.items()):
        if type(key) is str and (belongs(key) or key in planned and id(value) in objects):
            found[key] = id(value)
    if found != planned:
        raise Refusal('changed')


def check_imports(core, table, module_type):
    """Nobody is importing any of it."""
    for index, (key, _) in enumerate(KEYS):
        names = namespace_of(table.get(key), module_type)
        spec = names.get('__spec__') if names is not None else None
        if 'ModuleSpec' in core and type(spec) is core['ModuleSpec']:
            if spec.__dict__.get('_initializing'):
                raise Refusal('importing %d' % index)
    if '_module_locks' not in core:
        if core['_imp'].lock_held():
            raise Refusal('importing -1')
        return
    for key, reference in list(core['_module_locks'].items()):
        if type(key) is str and belongs(key):
            lock = reference()
            if lock is not None and lock.owner is not None:
                raise Refusal('importing -1')


def check_frames(sys, table, module_type):
    """No thread is inside a function of it. Looks at the innermost 2,000 frames of each thread."""
    inside = {}
    for index, (key, _) in enumerate(KEYS):
        names = namespace_of(table.get(key), module_type)
        if names is not None:
            inside[id(names)] = index
    for frame in sys._current_frames().values():
        depth = 0
        while frame is not None and depth < 2000:
            if id(frame.f_globals) in inside:
                raise Refusal('running %d' % inside[id(frame.f_globals)])
            frame = frame.f_back
            depth += 1


def watch(core, table, module_type):
    """Weak references to each value, and to the functions that run in its namespace."""
    reference = core['_weakref'].ref
    function_type = type(watch)
    watched = []
    for index, (key, _) in enumerate(KEYS):
        value = table.get(key)
        if value is None:
            continue
        try:
            itself = reference(value)
        except TypeError:  # 2.7 modules, and values that are no modules
            itself = None
        names = namespace_of(value, module_type)
        functions = [reference(member) for member in list(names.values())
                     if type(member) is function_type
                     and member.__globals__ is names] if names is not None else []
        watched.append((index, itself, functions))
    return watched


def take(record, names, key, address):
    """Takes one entry out of a dict, when it still is the one that was planned."""
    value = names.get(key)
    if id(value) != address:
        raise Refusal('changed')
    record.append((names, key, value))
    taken = names.pop(key, None)
    if taken is not value:
        if taken is not None:
            record.append((names, key, taken))
        raise Refusal('changed')


def put_back(record):
    for names, key, value in reversed(record):
        names.setdefault(key, value)


def detach(table, module_type):
    """Attributes of parents first, then the keys, leaf first. The record dies with this frame."""
    record = []
    try:
        for parent, attribute, address in ATTRIBUTES:
            names = namespace_of(table.get(parent), module_type)
            if names is not None and id(names.get(attribute)) == address:
                take(record, names, attribute, address)
        for key, address in KEYS:
            if key not in table:
                raise Refusal('changed')
            take(record, table, key, address)
    except BaseException:
        put_back(record)
        raise
    return len(record) - len(KEYS)


def collect(collector, watched):
    """A second time when something outlived the first, for finalizers that kept it once."""
    collected = collector['collect']()
    if alive_among(watched):
        collected += collector['collect']()
    return collected


def alive_among(watched):
    """One line for each value or namespace that is alive, or that could not be watched."""
    lines = []
    for index, itself, members in watched:
        if itself is None:
            lines.append('unwatched %d' % index)
        elif itself() is not None:
            lines.append('module %d' % index)
        if [1 for member in members if member() is not None]:
            lines.append('function %d' % index)
    return lines


def unload():
    core = find_core()
    sys = core['sys']
    table = sys.modules
    if id(table) != TABLE or type(table) is not dict:
        raise Refusal('moved')
    module_type = type(sys)
    check_set(table)
    check_imports(core, table, module_type)
    check_frames(sys, table, module_type)
    collector = find_collector(core, table, module_type)
    watched = watch(core, table, module_type)
    attributes = detach(table, module_type)
    collected = collect(collector, watched)
    frozen = collector['get_freeze_count']() if 'get_freeze_count' in collector else 0
    lines = ['done', 'attributes %d' % attributes, 'collected %d' % collected,
             'collector %d' % collector['isenabled'](), 'frozen %d' % frozen,
             'debug %d' % collector['get_debug']()]
    return '\n'.join(lines + alive_among(watched))


def answer():
    try:
        return unload()
    except Refusal as refusal:
        return str(refusal)
    except BaseException as error:
        return 'failed ' + type(error).__name__


def as_bytes(text):
    """To ASCII without the codec registry: 2.7 would import a codec, and its str is bytes already."""
    return text if type(text) is bytes else text.encode('ascii', 'replace')


result = as_bytes(answer())
