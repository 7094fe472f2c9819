# Takes modules away, into the record. Before this text stand the constants of one request:
#   TABLE       id(sys.modules) as it was read from outside
#   NUMBER      of the run
#   PREFIXES    the packages to unload: a key belongs when it is one of them or begins with it and a dot
#   KEYS        ((key, id of the value), ...) leaf first: every key that is expected, aliases too
#   ATTRIBUTES  ((key of the parent, attribute, id of the child), ...)
#   STEPS       remedies that can be put back, in their order
#   LAST        remedies that are done at the very end, when nothing else holds the modules
# The answer is lines of words, the first one the status.


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
    """Nobody is importing any of it. Gives the dicts of the specs and of the locks that said so."""
    specs, locks = [], []
    for index, (key, _) in enumerate(KEYS):
        names = namespace_of(table.get(key), module_type)
        spec = names.get('__spec__') if names is not None else None
        if 'ModuleSpec' in core and type(spec) is core['ModuleSpec']:
            specs.append(spec.__dict__)
            if spec.__dict__.get('_initializing'):
                raise Refusal('importing %d' % index)
    if '_module_locks' not in core:
        if core['_imp'].lock_held():
            raise Refusal('importing -1')
        return specs, locks
    for key, reference in list(core['_module_locks'].items()):
        if type(key) is str and belongs(key):
            lock = reference()
            if lock is not None:
                locks.append(lock.__dict__)
                if lock.owner is not None:
                    raise Refusal('importing -1')
    return specs, locks


def is_about_it(core, frame, inside, module_type):
    """Whether a frame of importlib is at work on one of the modules: it may hold no lock just then."""
    if frame.f_globals is not core or '_module_locks' not in core:
        return False
    names = frame.f_locals
    for name in ('name', 'from_name'):
        if type(names.get(name)) is str and belongs(names[name]):
            return True
    return id(namespace_of(names.get('module'), module_type)) in inside


def is_between(frame):
    """Whether a thread has just imported something, and is about to take a name out of it (to 3.9 threads
    change between these two)."""
    if type(map) is type and hasattr(type, '__or__'):
        return False
    code, at = frame.f_code.co_code, frame.f_lasti
    return 0 <= at < len(code) and code[at] in (108, 109, 'l', 'm')


def behind(frame, hooks):
    """Where a thread is, but for this program and a hook that it is to take away."""
    own = globals()
    if frame.f_globals is not own:
        return frame
    while frame is not None and frame.f_globals is own:
        frame = frame.f_back
    return frame.f_back if frame is not None and id(frame.f_code) in hooks else frame


def check_frames(core, frames, table, module_type, hooks):
    """No thread is inside a function of it. Looks at the innermost 2,000 frames of each thread."""
    inside = {}
    for index, (key, _) in enumerate(KEYS):
        names = namespace_of(table.get(key), module_type)
        if names is not None:
            inside[id(names)] = index
    for frame in list(frames.values()):
        if is_between(frame):
            raise Refusal('importing -1')
        depth, frame = 0, behind(frame, hooks)
        while frame is not None and depth < 2000:
            if id(frame.f_globals) in inside:
                raise Refusal('running %d' % inside[id(frame.f_globals)])
            if is_about_it(core, frame, inside, module_type):
                raise Refusal('importing -1')
            frame = frame.f_back
            depth += 1


def rows_to_cut(table, module_type):
    """(dict, key, value) of each attribute and key, attributes first, then leaf first."""
    found = []
    for parent, attribute, address in ATTRIBUTES:
        names = namespace_of(table.get(parent), module_type)
        if names is not None and id(names.get(attribute)) == address:
            found.append((names, attribute, names[attribute]))
    attributes = len(found)
    for key, address in KEYS:
        if key not in table or id(table[key]) != address:
            raise Refusal('changed')
        found.append((table, key, table[key]))
    return found, attributes


def cut_off(core, table, module_type, entries, hooks):
    """Looks once more and takes the keys. The last look and the taking are one call into C, of nothing but
    functions in C on exact dicts: between them no other thread can run, and no collection. It compares
    what this function has seen: that no thread has entered or left a function since, that nobody has
    begun an import, that keys, values and specs are the same."""
    frames = core['sys']._current_frames()
    specs, locks = check_imports(core, table, module_type)
    check_frames(core, frames, table, module_type, hooks)
    found, attributes = rows_to_cut(table, module_type)
    for names in [table] + [row[0] for row in found[:attributes]]:
        note_order(entries, names)
    entries.extend(('row',) + row for row in found)
    late = lazily(core)
    places, keys = [row[0] for row in found], [row[1] for row in found]
    is_in, held = dict.__getitem__, core.get('_module_locks', {})
    now = late(tuple, late(late, [id], late(dict.values, iter(core['sys']._current_frames, None))))
    checks = [
        late(is_in, [{tuple(map(id, frames.values())): 1}], now),
        late(is_in, [{len(table): 1}, {len(held): 1}], late(len, [table, held])),
        late(is_in, [{id(row[2]): 1} for row in found], late(id, late(dict.get, places, keys))),
        late(is_in, [{False: 1, None: 1}] * len(specs),
             late(dict.get, specs, ['_initializing'] * len(specs))),
        late(is_in, [{None: 1}] * len(locks), late(dict.get, locks, ['owner'] * len(locks))),
    ]
    taken = []
    try:
        list(late(list.extend, [[] for _ in checks] + [taken], checks + [late(dict.pop, places, keys)]))
    except (KeyError, TypeError):
        raise Refusal('changed')
    finally:
        frames.clear()
    return attributes


def cut_off_patiently(core, table, module_type, entries, collector, hooks):
    """Without a collection in the middle: to 3.11 an allocation may begin one, and it runs foreign code."""
    before = len(entries)
    was_enabled = collector['isenabled']()
    for attempt in range(8):
        try:
            collector['disable']()
            return cut_off(core, table, module_type, entries, hooks)
        except Refusal:  # nothing was taken
            del entries[before:]
            if attempt == 7:
                raise
        finally:
            if was_enabled:
                collector['enable']()


def detach(core, table, module_type, collector):
    """Gives how many attributes went."""
    home = home_of_record(core, module_type)
    if RECORD in home:
        raise Refusal('recorded')
    check_set(table)
    check_imports(core, table, module_type)
    kept = dict((key, table[key]) for key, _ in KEYS)
    places = Place(core, table, module_type, collector, kept)
    hooks = hooks_to_go(places)
    check_frames(core, core['sys']._current_frames(), table, module_type, hooks)
    entries = []
    home[RECORD] = [MARK, NUMBER, PREFIXES, entries, kept]
    try:
        do_steps(STEPS, 0, entries, places)
        return cut_off_patiently(core, table, module_type, entries, collector, hooks)
    except BaseException:
        put_back(entries)
        del home[RECORD]
        raise


def begin():
    core = find_core()
    table = core['sys'].modules
    if id(table) != TABLE or type(table) is not dict:
        raise Refusal('moved')
    module_type = type(core['sys'])
    return core, table, module_type, find_collector(core, table, module_type)


def run_detach():
    core, table, module_type, collector = begin()
    attributes = detach(core, table, module_type, collector)
    return 'detached\nattributes %d' % attributes
