# What makes holders let go. A step is
#   (word, key of a module, hops from its namespace, id of where they lead,
#    ((id of the key or 0, id of the value, name of its class), ...), number)
# and is found again here by its hops. Whatever is changed must still be the very object that was seen from
# outside, by its id and its class: ids are compared, never turned into objects.


class Stale(Exception):
    """Something is no longer what it was from outside."""


def class_name(thing):
    return type.__dict__['__name__'].__get__(type(thing))


def attribute_of(place, name):
    if name == '__dict__' and isinstance(place, type):
        return type.__dict__['__dict__'].__get__(place)
    if isinstance(place, type):
        return type.__dict__['__dict__'].__get__(place)[name]
    if class_name(place) == '_local':
        return getattr(place, name)
    return object.__getattribute__(place, name)


def referent_of(place, collector, address):
    """By itself or through its dict: from 3.13 on, the collector tells the values of an instance by either."""
    near = collector['get_referents'](place)
    for thing in near + collector['get_referents'](*[thing for thing in near if type(thing) is dict]):
        if id(thing) == address:
            return thing
    raise Stale()


class Place(object):
    """Where steps find things: loaded modules, and those that the record has."""

    def __init__(self, core, table, module_type, collector, kept):
        self.core, self.table, self.module_type = core, table, module_type
        self.collector, self.kept = collector, kept

    def names(self, key):
        """The namespace of a module that is loaded; an empty one for a module that is not."""
        module = self.kept.get(key)
        names = namespace_of(self.table.get(key) if module is None else module, self.module_type)
        return {} if names is None else names

    def follow(self, key, hops):
        place = self.names(key)
        for kind, name in hops:
            if kind == 'key' or kind == 'item':
                place = place[name]
            elif kind == 'referent':
                place = referent_of(place, self.collector, name)
            else:
                place = attribute_of(place, name)
        return place

    def find(self, step):
        """What the hops lead to, when it still is the same."""
        try:
            place = self.follow(step[1], step[2])
        except (KeyError, IndexError, AttributeError, TypeError):
            raise Stale()
        if id(place) != step[3]:
            raise Stale()
        return place


def is_expected(value, row):
    return id(value) == row[1] and class_name(value) == row[2]


def rows_in(place, step):
    """The rows of a dict or list that are to go, with their keys or indices."""
    pairs = list(place.items()) if isinstance(place, dict) else list(enumerate(place))
    by_id = {}
    for key, value in pairs:
        by_id.setdefault(id(value), []).append((key, value))
    found = []
    for row in step[4]:
        fits = [pair for pair in by_id.get(row[1], ()) if not row[0] or id(pair[0]) == row[0]]
        if not fits or not is_expected(fits[0][1], row):
            raise Stale()
        found.append(fits[0])
    return found


def take_rows(entries, place, step):
    found = rows_in(place, step)
    if isinstance(place, dict):
        note_order(entries, place)
        for key, value in found:
            entries.append(('row', place, key, value))
            if place.pop(key, MISSING) is not value:
                raise Stale()
        return
    if type(place) is not list:
        raise Stale()
    for index, value in sorted(found, key=lambda pair: -pair[0]):
        entries.append(('item', place, index, value))
        taken = place.pop(index)
        if taken is not value:
            place.insert(index, taken)
            raise Stale()


def rows(entries, places, step):
    take_rows(entries, places.find(step), step)


def warning_rows(entries, places, step):
    mutated = places.names('warnings').get('_filters_mutated')
    if mutated is not None:
        entries.append(('call', mutated, (), None))
    rows(entries, places, step)
    if mutated is not None:
        mutated()


def dispatch_rows(entries, places, step):
    """The registry of a generic function is in the closure of its `register`; its cache is cleared."""
    generic = places.follow(step[1], step[2])
    own = object.__getattribute__(generic, '__dict__')
    cells = [cell.cell_contents for cell in own['register'].__closure__ or ()]
    registry = [one for one in cells if id(one) == step[3]]
    if not registry or type(registry[0]) is not dict:
        raise Stale()
    entries.append(('call', own['_clear_cache'], (), None))
    take_rows(entries, registry[0], step)
    own['_clear_cache']()


def replace(entries, places, step):
    """The value of a name: by that of another name, or by None."""
    names = places.names(step[1])
    (_, name), row = step[2][0], step[4][0]
    old = names.get(name)
    if not is_expected(old, row):
        raise Stale()
    new = names.get('__%s__' % name) if name.endswith('hook') and not name.startswith('_') else None
    if new is None and name == 'excepthook':
        new = places.names('_thread').get('_excepthook')
    if new is None and not name.startswith('_'):
        raise Stale()
    entries.append(('value', names, name, old, new))
    names[name] = new


def class_attribute(entries, places, step):
    """An attribute that was set on a class."""
    owner = places.follow(step[1], step[2][:-2])
    name = step[2][-1][1]
    value = type.__dict__['__dict__'].__get__(owner).get(name)
    if not is_expected(value, step[4][0]):
        raise Stale()
    entries.append(('attribute', owner, name, value))
    type.__delattr__(owner, name)


def signal_handler(entries, places, step):
    names = places.names('_signal') or places.names('signal')
    old = names['getsignal'](step[5])
    if not is_expected(old, step[4][0]):
        raise Stale()
    entries.append(('call', names['signal'], (step[5], old), None))
    names['signal'](step[5], names['default_int_handler'] if step[5] == 2 else 0)


def hook_of_sys(get, put):
    def step_of_sys(entries, places, step):
        names = namespace_of(places.core['sys'], places.module_type)
        old = names[get]()
        if not is_expected(old, step[4][0]):
            raise Stale()
        entries.append(('call', names[put], (old,), None))
        names[put](None)
    return step_of_sys


def asyncgen_hook(entries, places, step):
    names = namespace_of(places.core['sys'], places.module_type)
    old = tuple(names['get_asyncgen_hooks']())
    if not is_expected(old[step[5]], step[4][0]):
        raise Stale()
    entries.append(('call', names['set_asyncgen_hooks'], old, None))
    names['set_asyncgen_hooks'](**{('firstiter', 'finalizer')[step[5]]: None})


def monitoring_callback(entries, places, step):
    monitoring = namespace_of(places.core['sys'], places.module_type)['monitoring']
    register = namespace_of(monitoring, places.module_type)['register_callback']
    tool, event = step[5] // 64, 1 << step[5] % 64
    old = register(tool, event, None)
    entries.append(('call', register, (tool, event, old), None))
    if not is_expected(old, step[4][0]):
        raise Stale()


def completer(entries, places, step):
    names = places.names('readline')
    old = names['get_completer']()
    if not is_expected(old, step[4][0]):
        raise Stale()
    entries.append(('call', names['set_completer'], (old,), None))
    names['set_completer'](None)


def codec_error(entries, places, step):
    names = places.names('_codecs')
    name = step[2][0][1]
    old = names['lookup_error'](name)
    if not is_expected(old, step[4][0]):
        raise Stale()
    entries.append(('call', names['register_error'], (name, old), None))
    if '_unregister_error' in names:
        names['_unregister_error'](name)
    else:
        names['register_error'](name, names['lookup_error']('strict'))


def codec(entries, places, step):
    names = places.names('_codecs')
    function = places.find(step)
    entries.append(('call', names['register'], (function,), None))
    names['unregister'](function)


def exit_handler(entries, places, step):
    names = places.names('atexit')
    function = places.find(step)
    entries.append(('call', names['register'], (function,), None))
    names['unregister'](function)


def cache(entries, places, step):
    found = places.find(step)
    if not class_name(found).endswith('lru_cache_wrapper'):
        raise Stale()
    found.cache_clear()


def typing_caches(entries, places, step):
    for clear in list(places.names('typing')['_cleanups']):
        clear()


def context_variable(entries, places, step):
    variable = places.find(step)
    old = variable.get(None)
    if class_name(variable) != 'ContextVar' or not is_expected(old, step[4][0]):
        raise Stale()
    entries.append(('call', variable.set, (old,), None))
    variable.set(None)


def close(entries, places, step):
    suspended = places.find(step)
    if class_name(suspended) not in ('generator', 'coroutine'):
        raise Stale()
    try:
        suspended.throw(GeneratorExit)  # close() of 3.13.0 leaves the frame with all it holds
    except (GeneratorExit, StopIteration):
        return
    raise RuntimeError('it goes on')


def cancel(entries, places, step):
    """By its loop, which then looks at it, in whatever thread it runs."""
    task = places.find(step)
    loop = task._loop
    loop.call_soon_threadsafe(task.cancel)


def is_free(lock):
    """Whether a lock can be taken at once: the main thread may be in the middle of what it guards."""
    if not lock.acquire(False):
        return False
    lock.release()
    return True


def forget(entries, thing, step):
    """Takes values from the attributes of an object."""
    names = object.__getattribute__(thing, '__dict__')
    for row in step[4]:
        for name in [name for name, value in list(names.items()) if is_expected(value, row)]:
            entries.append(('value', names, name, names[name], None))
            names[name] = None


def shutdown(entries, places, step):
    executor = places.find(step)
    names = places.names('concurrent.futures.thread')
    locks = [executor._shutdown_lock, names.get('_global_shutdown_lock')]
    if not all([is_free(lock) for lock in locks if lock is not None]):
        raise Stale()
    executor.shutdown(False)
    forget(entries, executor, step)


def stop_timer(entries, places, step):
    timer = places.find(step)
    if not is_free(timer.finished._cond):
        raise Stale()
    timer.cancel()
    forget(entries, timer, step)


WORDS = {
    'rows': rows, 'warning_rows': warning_rows, 'dispatch_rows': dispatch_rows, 'replace': replace,
    'class_attribute': class_attribute, 'signal_handler': signal_handler,
    'profile': hook_of_sys('getprofile', 'setprofile'), 'trace': hook_of_sys('gettrace', 'settrace'),
    'coroutine_wrapper': hook_of_sys('get_coroutine_wrapper', 'set_coroutine_wrapper'),
    'asyncgen_hook': asyncgen_hook, 'monitoring_callback': monitoring_callback, 'codec_error': codec_error,
    'codec': codec, 'exit_handler': exit_handler, 'cache': cache, 'typing_caches': typing_caches,
    'context_variable': context_variable, 'close': close, 'cancel': cancel, 'shutdown': shutdown,
    'stop_timer': stop_timer, 'completer': completer,
}


def hooks_to_go(places):
    """Ids of the codes that steps take from the profiling and tracing of this thread. The interpreter calls them
    so often that this program nearly always begins inside of one; it returns by itself, and is not called again."""
    names = namespace_of(places.core['sys'], places.module_type)
    hooks = [names['get' + step[0]]() for step in STEPS if step[0] in ('profile', 'trace')]
    hooks = [hook.__func__ if type(hook) is type(places.find) else hook for hook in hooks]
    return [id(hook.__code__) for hook in hooks if type(hook) is type(hooks_to_go)]


def do_steps(steps, first, entries, places):
    """Does them in their order; what raises names the step."""
    for number, step in enumerate(steps):
        try:
            WORDS[step[0]](entries, places, step)
        except Stale:
            raise Refusal('stale %d' % (first + number))
        except BaseException as error:
            raise Refusal('raised %d %s' % (first + number, class_name(error)))
