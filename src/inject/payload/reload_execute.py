# The strength `execute` of reload.py: runs statements whose effect cannot be told by looking, in a
# scratch namespace in front of the real one, and merges what they made. When anything raises, what the
# module is has not been changed; what the statements did elsewhere has.

LOCKS = ('lock', 'RLock', 'Condition', 'Semaphore', 'BoundedSemaphore', 'Event', 'Barrier')
CONTAINERS = (dict, list, set)
# What a class gets anew in every version, and what is never to be exchanged.
LEFT = ('__dict__', '__weakref__', '__module__', '__slots__', '_abc_impl', '__qualname__',
        '__annotations_cache__', '__slotnames__', '__firstlineno__', '__static_attributes__')
MEMBER = type(FUNCTION.__dict__['__globals__'])


def execute(core, modules, collector, lists):
    """Runs what is needed, then compares again with what was made; the new lists."""
    for module in modules:
        choose(module)
    refuse(modules)
    before = {id(each) for module in modules for each in module.functions}
    kept = [each for module in modules for each in module.functions]
    for module in modules:
        run_statements(module)
    lists = prepare(core, modules, collector)
    for module in modules:
        module.forced = set()
        module.merged = {}
        module.made = [each for each in module.functions if id(each) not in before]
        module.loaded = [each for each in module.functions if id(each) in before]
        merge_all(core, module, lists)
        rename_files(module)
        module.functions = module.loaded
    del kept
    return lists


def choose(module):
    """The positions of the statements that have to run."""
    left = []
    for problem in module.problems:
        position = problem[0]
        if position >= 0 and module.items[position][4] is not None:
            module.rerun.add(position)
        elif problem[1] != 'statement_gone':
            left.append(problem)
    if STRENGTH == 'whole':
        module.rerun.update(index for index, item in enumerate(module.items) if item[4] is not None)
    module.problems = left


def run_statements(module):
    module.scratch = {}
    ran = set()
    for position in sorted(module.rerun):
        code = module.items[position][4]
        if id(code) in ran:
            continue
        ran.add(id(code))
        try:
            exec(code, module.names, module.scratch)
        except BaseException as error:
            raise Refusal('raised %d %d %s %s' % (module.index, module.items[position][2],
                                                  hexadecimal(type(error).__name__), hexadecimal(message_of(error))))
        module.say('ran', None, module.items[position][2])
    module.ran = [line for line in module.report if line.startswith('ran ')]


def message_of(error):
    """Its text, if that needs no code of the target."""
    arguments = BaseException.__dict__['args'].__get__(error)
    return arguments[0][:200] if arguments and type(arguments[0]) is str else ''


def merge_all(core, module, lists):
    module.report += module.ran
    for name, new in module.scratch.items():
        live = module.names.get(name, MISSING)
        if issubclass(type(live), type) and issubclass(type(new), type) and live is not new:
            module.merged[id(new)] = live
    for name, new in module.scratch.items():
        for position in module.rerun:
            if name in bound_names([module.items[position]]):
                module.position = position
        merge_value(module, lists, module.names, name, new, '', None)
    module.position = -1


def is_own(module, value):
    return type(value) is FUNCTION and value.__globals__ is module.names


def may_merge(module, live, new):
    return is_own(module, live) and is_own(module, new) and \
        live.__code__.co_freevars == new.__code__.co_freevars


def functions_in(value):
    """The functions that a wrapper of the interpreter holds, None for anything else."""
    if type(value) is FUNCTION:
        return [value]
    if type(value) in WRAPPERS:
        return [value.__func__]
    if type(value) is property:
        return [value.fget, value.fset, value.fdel]
    return None


def are_definitions(name, live, new):
    """Whether both are what the source defines under this name, and not what a decorator made of it."""
    pairs = zip(functions_in(live), functions_in(new))
    return all(one is other is None or type(one) is type(other) is FUNCTION
               and qualname_of(one) == qualname_of(other) == name for one, other in pairs)


def same_values(old, new):
    return len(old) == len(new) and all(
        one is other or type(one) in SCALARS and same_constant(one, other) for one, other in zip(old, new))


def say_defaults(module, name, live, new):
    if same_code(live.__code__, new.__code__) and not (
            same_values(live.__defaults__ or (), new.__defaults__ or ())):
        module.say('code', None, hexadecimal(name), new.__code__.co_firstlineno, 'changed')


def merge_value(module, lists, names, name, new, prefix, owner):
    live = names.get(name, MISSING)
    if live is new:
        return
    if live is MISSING:
        put(lists, names, name, new, owner)
        module.say('code' if functions_in(new) else 'constant', None, hexadecimal(prefix + name), 0, 'added')
        return
    if type(live) is type(new) and functions_in(live) and are_definitions(prefix + name, live, new):
        pairs = list(zip(functions_in(live), functions_in(new)))
        if all(one is other is None or may_merge(module, one, other) for one, other in pairs):
            for one, other in pairs:
                if one is not None:
                    merge_function(module, lists, one, other)
                    say_defaults(module, prefix + name, one, other)
            return
    if issubclass(type(live), type) and issubclass(type(new), type) \
            and dict_of(live).get('__module__') == dict_of(new).get('__module__'):
        merge_class(module, lists, live, new, prefix + name)
        return
    replace_value(module, lists, names, name, live, new, prefix, owner)


def replace_value(module, lists, names, name, live, new, prefix, owner):
    if type(live).__name__ in LOCKS and type(new).__name__ in LOCKS:
        module.say('stale', hexadecimal(module.key), hexadecimal(prefix + name), 'lock')
        return
    is_state = type(live) in CONTAINERS and type(live) is type(new) and not name.startswith('__')
    if is_state and (owner is not None or STRENGTH == 'execute'):
        module.say('state', None, hexadecimal(prefix + name))
        return
    if type(live) in SCALARS and type(new) in SCALARS and same_constant(live, new):
        return
    merge_wrapped(module, lists, prefix + name)
    put(lists, names, name, new, owner)
    if owner is None:
        module.fresh[name] = (live, new)
    module.say('constant' if type(new) in SCALARS else 'object', None, hexadecimal(prefix + name), 0, 'changed')


def merge_wrapped(module, lists, name):
    """The function under a decorator: whoever holds the old wrapper gets the new body as well."""
    old = [each for each in module.loaded if qualname_of(each) == name]
    new = [each for each in module.made if qualname_of(each) == name]
    if len(old) == len(new) == 1 and may_merge(module, old[0], new[0]):
        merge_function(module, lists, old[0], new[0])


def merge_function(module, lists, live, new):
    pair(module, live.__code__, new.__code__)
    module.forced.add(id(live.__code__))
    lists.function(live, '__defaults__', new.__defaults__)
    lists.function(live, '__kwdefaults__', new.__kwdefaults__)
    lists.function(live, '__annotate__' if '__annotate__' in FUNCTION.__dict__ else '__annotations__',
                   new.__annotate__ if '__annotate__' in FUNCTION.__dict__ else new.__annotations__)


def layout_of(owner):
    get = [type.__dict__[name].__get__ for name in (
        '__basicsize__', '__itemsize__', '__dictoffset__', '__weakrefoffset__')]
    return [read(owner) for read in get] + [sorted(
        name for name, value in dict_of(owner).items() if type(value) is MEMBER)]


def merge_class(module, lists, live, new, qualname):
    """The class that is there gets what the new one has; its instances and subclasses stay its own."""
    item = module.items[module.position] if module.position >= 0 else None
    line = item[2] if item else 0
    bases = type.__dict__['__bases__'].__get__
    wanted = tuple(module.merged.get(id(base), base) for base in bases(new))
    base = type.__dict__['__base__'].__get__
    solid = module.merged.get(id(base(new)), base(new))
    if type(live) is not type(new) or not may_set(live):
        return broken(module, 'metaclass', qualname, line)
    if layout_of(live) != layout_of(new):
        return broken(module, 'layout', qualname, line)
    if wanted != bases(live):
        if layout_of(base(live))[:4] != layout_of(solid)[:4] or (base(live) is object) != (solid is object):
            return broken(module, 'layout', qualname, line)
        lists.classes.append((live, '__bases__', wanted, bases(live)))
    own, made = dict_of(live), dict_of(new)
    for name, value in list(made.items()):
        if name in LEFT or type(value) is MEMBER:
            continue
        if name not in own or not functions_in(value):
            value = moved_to(module, live, new, value)
        merge_value(module, lists, own, name, value, qualname + '.', live)
    for name, value in list(own.items()):
        is_function = functions_in(value) and is_own(module, functions_in(value)[0])
        if name not in made and is_function and name not in LEFT:
            lists.remove_attribute(live, name)
            module.say('code', None, hexadecimal(qualname + '.' + name), 0, 'removed')


def moved_to(module, live, new, value):
    """A method of the new class as one of the class that is there: its cell `__class__` is another."""
    found = functions_in(value)
    if not found:
        return value
    rebuilt = [rebuild(module, live, each) for each in found]
    if rebuilt == found:
        return value
    if type(value) is property:
        return property(*rebuilt + [value.__doc__])
    return rebuilt[0] if type(value) is FUNCTION else type(value)(rebuilt[0])


def rebuild(module, live, function):
    if not is_own(module, function) or '__class__' not in function.__code__.co_freevars:
        return function
    cells = [class_cell(live) if name == '__class__' else cell
             for name, cell in zip(function.__code__.co_freevars, function.__closure__)]
    made = FUNCTION(function.__code__, module.names, function.__name__, function.__defaults__, tuple(cells))
    made.__qualname__, made.__kwdefaults__ = function.__qualname__, function.__kwdefaults__
    made.__doc__ = function.__doc__
    made.__dict__.update(function.__dict__)
    lists = Lists()
    lists.function(made, *(('__annotate__', function.__annotate__) if '__annotate__' in FUNCTION.__dict__
                           else ('__annotations__', function.__annotations__)))
    for owner, name, value, _ in lists.functions:
        object.__setattr__(owner, name, value)
    return made


def broken(module, what, qualname, line):
    """Something that no strength but `fresh` can do."""
    module.problems.append((-1, what, qualname, line))
