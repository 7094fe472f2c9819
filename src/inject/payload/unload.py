# Unloads modules. Before this text stand the constants of one request:
#   TABLE       id(sys.modules) as it was read from outside
#   PREFIXES    the packages to unload: a key belongs when it is one of them or begins with it and a dot
#   KEYS        ((key, id of the value), ...) leaf first: every key that is expected, aliases too
#   ATTRIBUTES  ((key of the parent, attribute, id of the child), ...)
# The answer is lines of words, the first one the status.
#
# What is detached goes into a record first and is put back from it when a step fails. When the record
# is dropped, finalizers of the target may run: that is what unloading means.


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


# Holds something from the moment on at which everything is detached.
committed = []


def detach(table, module_type):
    """Attributes of parents first, then the keys, leaf first. The record dies with this frame. A
    signal handler of the program may raise between any two steps."""
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
        committed.append(len(record) - len(KEYS))
    except BaseException:
        put_back(record)
        del committed[:]
        raise


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


def run():
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
    detach(table, module_type)
    collected = collect(collector, watched)
    frozen = collector['get_freeze_count']() if 'get_freeze_count' in collector else 0
    lines = ['done', 'attributes %d' % committed[0], 'collected %d' % collected,
             'collector %d' % collector['isenabled'](), 'frozen %d' % frozen,
             'debug %d' % collector['get_debug']()]
    return '\n'.join(lines + alive_among(watched))


def interrupted():
    """The answer when something raised after everything was detached: nothing more is known."""
    return '\n'.join(['done', 'attributes %d' % committed[0], 'interrupted 1']
                     + ['unwatched %d' % index for index in range(len(KEYS))])
