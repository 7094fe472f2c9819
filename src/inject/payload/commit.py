# Ends an unload: what can only be done at the very end is done, the record is dropped, and with it the modules;
# finalizers of the target may run then: that is what unloading means. The collector is run. Before this text
# stand NUMBER, KEYS and LAST, as they were when the modules were taken away.


def watch(core, kept, module_type):
    """Weak references to each value, and to the functions that run in its namespace."""
    reference = core['_weakref'].ref
    function_type = type(watch)
    watched = []
    for index, (key, _) in enumerate(KEYS):
        value = kept.get(key)
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


# Holds something from the moment on at which everything is detached for good.
committed = []


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


def files_of(kept, module_type):
    """The file of each module, as linecache would know it."""
    spaces = [namespace_of(kept.get(key), module_type) or {} for key, _ in KEYS]
    return [space.get('__file__') for space in spaces]


def names_left(table, module_type, files):
    """One line for each module whose name the table of loggers has, or whose file that of source lines."""
    logging, linecache = [namespace_of(table.get(key), module_type) or {} for key in ('logging', 'linecache')]
    loggers = {}
    if isinstance(logging.get('Logger'), type):
        manager = type.__dict__['__dict__'].__get__(logging['Logger']).get('manager')
        try:
            loggers = object.__getattribute__(manager, '__dict__').get('loggerDict')
        except AttributeError:
            pass
    known = [names if type(names) is dict else {} for names in (loggers, linecache.get('cache'))]
    return ['named %d' % index for index, (key, _) in enumerate(KEYS)
            if key in known[0] or type(files[index]) is str and files[index] in known[1]]


def drop(core, table, module_type, collector, attributes):
    """Gives what watches the modules, and their files. Everything is put back when a last step fails."""
    home = home_of_record(core, module_type)
    record = find_record(core, module_type)
    if record is None or record[1] != NUMBER:
        raise Refusal('lost')
    try:
        do_steps(LAST, FIRST, record[3], Place(core, table, module_type, collector, record[4]))
        watched = watch(core, record[4], module_type)
        files = files_of(record[4], module_type)
        committed.append(attributes)
        del home[RECORD]
    except BaseException:
        put_back(record[3])
        home.pop(RECORD, None)
        del committed[:]
        raise
    del record[:]
    return watched, files


def commit(core, table, module_type, collector, attributes):
    watched, files = drop(core, table, module_type, collector, attributes)
    collected = collect(collector, watched)
    frozen = collector['get_freeze_count']() if 'get_freeze_count' in collector else 0
    lines = ['done', 'attributes %d' % committed[0], 'collected %d' % collected,
             'collector %d' % collector['isenabled'](), 'frozen %d' % frozen,
             'debug %d' % collector['get_debug']()]
    return '\n'.join(lines + alive_among(watched) + names_left(table, module_type, files))


def interrupted():
    """The answer when something raised after everything was detached: nothing more is known."""
    return '\n'.join(['done', 'attributes %d' % committed[0], 'interrupted 1']
                     + ['unwatched %d' % index for index in range(len(KEYS))])


def run_commit():
    core = find_core()
    table = core['sys'].modules
    module_type = type(core['sys'])
    return commit(core, table, module_type, find_collector(core, table, module_type), 0)
