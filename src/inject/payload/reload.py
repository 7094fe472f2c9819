# Moves modules to new code. Before this text stand the constants of one request:
#   TABLE      id(sys.modules) as it was read from outside
#   OPTIMIZE   what sys.flags.optimize was taken to be
#   STRENGTH   'code', 'execute' or 'whole'
#   MODULES    ((key, id of the module, id of its globals, marshalled facts in hexadecimal), ...), what
#              is imported before what imports it; the facts are those of change/reload_facts.py
#   IMPORTED   ((module, name there, module of MODULES, name here), ...): from-imports seen in sources
# The answer is lines of words, the first one the status; a name is the hexadecimal of its UTF-8.
#
# First everything is compared, and lists of what is to be set are made. Nothing is changed if anything
# asks for more than was agreed to. Then one call of C sets everything: no bytecode runs in between, the
# collector is off, and the old values are in the lists, so that no finalizer runs and no other thread
# sees a part. Nothing of the target runs but what `execute` runs, before that call.

FUNCTION = type(find_core)
CODE = type(find_core.__code__)
WRAPPERS = (staticmethod, classmethod)
MISSING = object()
# An attribute of the spec of a module that has been moved to new code since it was imported.
MARK = '_pyunload_moved'
VARIABLE = 4 | 8  # *args, **kwargs
KINDS = 0x20 | 0x80 | 0x100 | 0x200  # generators and coroutines
# Decorators that never give back the function they were given.
TRANSFORMING = ('lru_cache', 'cache', 'cached_property', 'contextmanager', 'asynccontextmanager',
                'singledispatch', 'singledispatchmethod', 'partial', 'overload')
SCALARS = (type(None), bool, int, float, complex, str, bytes, type(Ellipsis), tuple)


def hexadecimal(text):
    return text.encode('utf-8', 'surrogatepass').hex() or '-'


class Module(object):
    """One module, its new facts, and what they come to."""

    def __init__(self, index, key, names, facts):
        self.index = index
        self.key = key
        self.names = names
        self.code, self.items, (self.globals_written, self.attributes_written), self.old, self.differing = facts
        self.functions = []
        self.codes = {}     # qualname -> [(code, [functions]), ...]
        self.problems = []  # (position of the statement or -1, what, qualname, line)
        self.report = []    # words of the answer
        self.position = -1
        self.moves = {}     # id of an old code -> (old, new)
        self.is_known = False
        self.is_marked = MARK in spec_of(names)  # moved before: a cached file tells nothing any more
        self.rerun = set()   # positions of statements that were run
        self.forced = set()  # ids of old codes whose function also gets new defaults
        self.fresh = {}

    def problem(self, what, name, line):
        self.problems.append((self.position, what, name, line))

    def say(self, *words):
        self.report.append(' '.join(['%d' % self.index if word is None else str(word) for word in words]))


class Lists(object):
    """What the swap sets: (owner, name, new value, old value) by kind."""

    def __init__(self):
        self.functions, self.globals, self.classes = [], [], []
        self.globals_removed, self.classes_removed = [], []
        self.classes_of = []

    def function(self, function, name, new):
        old = getattr(function, name)
        if old is not new:
            self.functions.append((function, name, new, old))

    def variable(self, names, name, new):
        self.globals.append((names, name, new, names.get(name, MISSING)))

    def attribute(self, owner, name, new):
        self.classes.append((owner, name, new, dict_of(owner).get(name, MISSING)))

    def remove_variable(self, names, name):
        self.globals_removed.append((names, name, MISSING, names[name]))

    def remove_attribute(self, owner, name):
        self.classes_removed.append((owner, name, MISSING, dict_of(owner)[name]))


def spec_of(names):
    """The attributes of the spec of a module."""
    spec = names.get('__spec__')
    return spec.__dict__ if type(spec).__name__ == 'ModuleSpec' and type(type(spec)) is type else {}


def dict_of(owner):
    return type.__dict__['__dict__'].__get__(owner)


# --- what is there ---

def qualname_of(function):
    """The name of the definition, whatever a decorator wrote onto it; None when it cannot be told."""
    code = function.__code__
    if hasattr(code, 'co_qualname'):
        return code.co_qualname
    name = function.__qualname__
    return name if name.rpartition('.')[2] == code.co_name else None


def inner(code):
    return [value for value in code.co_consts if type(value) is CODE]


def tree(code, found):
    for each in inner(code):
        found.append(each)
        tree(each, found)
    return found


def look(modules, collector):
    """Finds all functions that run in the namespaces, wherever they are held."""
    by_names = {id(module.names): module for module in modules}
    found = collector['get_referrers'](*[module.names for module in modules])
    for module in modules:
        module.functions, module.codes = [], {}
    for each in found:
        if type(each) is FUNCTION and id(each.__globals__) in by_names:
            by_names[id(each.__globals__)].functions.append(each)
    for module in modules:
        file_of_code(module)
        within = {id(code) for each in module.functions for code in tree(each.__code__, [])}
        for each in module.functions:
            name = qualname_of(each)
            if name is None or id(each.__code__) in within or '<locals>' in name:
                continue
            entries = module.codes.setdefault(name, [])
            for code, functions in entries:
                if code is each.__code__:
                    functions.append(each)
                    break
            else:
                entries.append((each.__code__, [each]))
        module.is_known = is_known(module)


def file_of_code(module):
    """The name under which the loaded code knows its file: kept, whatever it was compiled with now."""
    wanted = module.code.co_filename
    for each in module.functions:
        if each.__module__ == module.key and each.__code__.co_filename.endswith('.py'):
            wanted = each.__code__.co_filename
            break
    module.file = wanted


def is_known(module):
    """Whether the old code that came along is what is loaded: each function is in it."""
    if module.old is None or module.is_marked:
        return False
    known = {(code.co_name, code.co_firstlineno, code.co_code) for code in tree(module.old, [])}
    for function in module.functions:
        code = function.__code__
        if code.co_filename == module.old.co_filename:
            if (code.co_name, code.co_firstlineno, code.co_code) not in known:
                return False
    return True


def unwrapped(value):
    """The function behind the wrappers of the interpreter itself."""
    if type(value) in WRAPPERS:
        value = value.__func__
    if type(value) is property:
        value = value.fget
    return value if type(value) is FUNCTION else None


# --- codes ---

def shape(code):
    count = code.co_argcount + code.co_kwonlyargcount
    count += bool(code.co_flags & 4) + bool(code.co_flags & 8)
    return (code.co_argcount, getattr(code, 'co_posonlyargcount', 0), code.co_kwonlyargcount,
            code.co_flags & (VARIABLE | KINDS), code.co_varnames[:count])


def same_constant(one, other):
    if type(one) is CODE and type(other) is CODE:
        return same_code(one, other)
    if type(one) is tuple and type(other) is tuple and len(one) == len(other):
        return all(map(same_constant, one, other))
    return type(one) is type(other) and (one == other or repr(one) == repr(other))


def same_code(old, new):
    """Whether they do the same, wherever they stand in the file."""
    return (old.co_code == new.co_code and old.co_name == new.co_name and shape(old) == shape(new)
            and old.co_names == new.co_names and old.co_varnames == new.co_varnames
            and old.co_freevars == new.co_freevars and old.co_cellvars == new.co_cellvars
            and old.co_flags == new.co_flags and same_constant(old.co_consts, new.co_consts))


def lines_of(code):
    return (code.co_firstlineno, getattr(code, 'co_linetable', None) or code.co_lnotab)


def same_place(old, new):
    if lines_of(old) != lines_of(new):
        return False
    return all(map(same_place, inner(old), inner(new)))


def pair(module, old, new):
    """Notes that whatever runs the old code is to run the new one, and so with the codes inside."""
    module.moves[id(old)] = (old, new)
    olds, news = {}, {}
    for codes, found in ((old, olds), (new, news)):
        for code in inner(codes):
            found.setdefault(code.co_name, []).append(code)
    for name, found in olds.items():
        if len(found) == len(news.get(name, ())):
            for one, other in zip(found, news[name]):
                pair(module, one, other)


# --- comparing ---

def bound_names(items):
    names = set()
    for item in items:
        if item[0] == 'import':
            names.update(bound[0] for bound in item[3])
        elif type(item[1]) is tuple:
            names.update(item[1])
        else:
            names.add(item[1])
    return names


def compare_scope(core, module, lists, items, names, prefix, owner, top):
    """`names` is the live dict of the scope; `owner` the class, None for the module."""
    definitions = {}
    deleted = set()
    for item in items:
        if item[0] == 'def':
            definitions.setdefault(item[1], []).append(item)
        if item[0] == 'del':
            deleted.update(item[1])
    for position, item in enumerate(items):
        module.position = position if owner is None else top
        if module.position in module.rerun:
            continue
        if item[0] == 'def':
            is_ran = [1 for index in module.rerun if items[index][1] == item[1]] if owner is None else []
            if definitions[item[1]][0] is item and item[1] not in deleted and not is_ran:
                compare_functions(module, lists, definitions[item[1]], names, prefix, owner)
        elif item[0] == 'class':
            compare_class(core, module, lists, item, names, prefix, owner)
        elif item[0] == 'constant' and not item[5] and item[1] not in deleted:
            compare_constant(module, lists, item, items, names, prefix, owner)
        elif item[0] == 'import' and not item[5]:
            compare_import(core, module, lists, item, names, prefix, owner)
        elif item[0] in ('state', 'other'):
            compare_statement(module, item, names, prefix)
    module.position = -1
    remove_functions(module, lists, bound_names(items), names, prefix, owner)


def compare_functions(module, lists, items, names, prefix, owner):
    """All definitions of one name in one scope: usually one; a property has several."""
    name = items[0][1]
    items = [item for item in items if item[3] is not None]
    if not items:
        module.problem('generic', prefix + name, 0)
        return
    codes = module.codes.get(prefix + name, [])
    if items[0][6] == ('<lambda>',):
        value = names.get(name)
        is_own = type(value) is FUNCTION and value.__code__.co_name == '<lambda>'
        codes = [(value.__code__, [value])] if is_own and value.__globals__ is module.names else []
    if len(codes) != len(items):
        items = [item for item in items if item[6][-1:] not in (('overload',), ('typing.overload',))] or items
    if len(codes) > len(items) == 1:
        live = unwrapped(names.get(name))
        chosen = [entry for entry in codes if live is not None and entry[0] is live.__code__]
        older = [entry for entry in codes if entry not in chosen]
        if chosen:
            codes = chosen
            module.say('older', None, hexadecimal(prefix + name), len(older))
    if not codes and name not in names:
        if len(items) == 1 and not items[0][5]:
            add_function(module, lists, items[0], names, prefix, owner)
        return
    if len(codes) != len(items):
        if not [1 for item in items if item[5]]:
            module.problem('not_found' if not codes else 'ambiguous', prefix + name, items[0][2])
        return
    codes = sorted(codes, key=lambda entry: entry[0].co_firstlineno)
    for (code, functions), item in zip(codes, items):
        if check_function(module, item, code, functions, names.get(name), prefix):
            pair(module, code, item[3])


def differs(module, prefix, line):
    """Whether the old statement is known to be another one: True, False, None when it is not known."""
    if not module.is_known:
        return None
    return bool([1 for where, new, _ in module.differing if where == prefix and new == line])


def check_function(module, item, old, functions, live, prefix):
    name, line, new, decorators = prefix + item[1], item[2], item[3], item[6]
    if shape(old) != shape(new):
        return module.problem('signature', name, line)
    if old.co_freevars != new.co_freevars:
        return module.problem('closure', name, line)
    function = functions[0]
    if not same_defaults(function, item):
        return module.problem('defaults', name, line)
    is_same = differs(module, prefix, line) is False
    if not is_same and not same_decorators(decorators, live, function):
        return module.problem('decorators', name, line)
    return True


def same_defaults(function, item):
    values, keywords = function.__defaults__ or (), function.__kwdefaults__ or {}
    if len(values) != len(item[7]) or set(keywords) != {name for name, _ in item[8]}:
        return False
    for value, wanted in list(zip(values, item[7])) + [(keywords[name], each) for name, each in item[8]]:
        if wanted is not None and type(value) in SCALARS and not same_constant(value, wanted[0]):
            return False
        if wanted is not None and type(value) not in SCALARS:
            return False
    return True


def same_decorators(decorators, live, function):
    last = [text.rpartition('.')[2] for text in decorators]
    if not decorators or decorators == ('<lambda>',):
        return live is function
    for text, kind in (('staticmethod', staticmethod), ('classmethod', classmethod), ('property', property),
                       ('setter', property), ('deleter', property), ('getter', property)):
        if last[0] == text and type(live) is not kind:
            return False
        if last[0] != text and type(live) is kind and type(live) in WRAPPERS:
            return False
    return not (live is function and last[0] in TRANSFORMING)


def class_cell(owner):
    """The cell `__class__` of a class, from one of its methods, else a new one."""
    for value in list(dict_of(owner).values()):
        function = unwrapped(value)
        if function is not None and '__class__' in function.__code__.co_freevars:
            return function.__closure__[function.__code__.co_freevars.index('__class__')]
    return (lambda: owner).__closure__[0]


def add_function(module, lists, item, names, prefix, owner):
    name, line, code, decorators = item[1], item[2], item[3], item[6]
    defaults = item[7] + tuple(value for _, value in item[8])
    if [1 for value in defaults if value is None] or decorators and decorators[0] not in (
            'staticmethod', 'classmethod', 'property', '<lambda>') or len(decorators) > 1:
        return module.problem('added', prefix + name, line)
    closure = None
    if code.co_freevars:
        if owner is None or code.co_freevars != ('__class__',):
            return module.problem('closure', prefix + name, line)
        closure = (class_cell(owner),)
    if owner is not None and not may_set(owner):
        return module.problem('metaclass', prefix + name, line)
    function = FUNCTION(own_file(module, code), module.names, code.co_name,
                        tuple(value[0] for value in item[7]) or None, closure)
    function.__qualname__ = prefix + name if code.co_name != '<lambda>' else prefix + '<lambda>'
    if item[8]:
        function.__kwdefaults__ = {key: value[0] for key, value in item[8]}
    if item[9] is not None:
        try:
            function.__annotations__ = eval(item[9], module.names)
        except Exception:
            return module.problem('annotations', prefix + name, line)
    value = function
    if decorators and decorators[0] != '<lambda>':
        value = {'staticmethod': staticmethod, 'classmethod': classmethod, 'property': property}[decorators[0]](value)
    put(lists, names, name, value, owner)
    module.fresh[name] = value
    module.say('code', None, hexadecimal(prefix + name), code.co_firstlineno, 'added')


def put(lists, names, name, value, owner):
    if owner is None:
        lists.variable(names, name, value)
    else:
        lists.attribute(owner, name, value)


def may_set(owner):
    """Whether an attribute of this class can be set without running code of the target."""
    for kind in type.__dict__['__mro__'].__get__(type(owner)):
        names = dict_of(kind)
        if '__setattr__' in names or '__delattr__' in names:
            return kind is type
    return False


def remove_functions(module, lists, bound, names, prefix, owner):
    """Functions that the source does not define any more."""
    for name, value in list(names.items()):
        function = unwrapped(value)
        if function is None or name in bound or function.__globals__ is not module.names:
            continue
        if qualname_of(function) != prefix + name or function.__code__.co_filename != module.file:
            continue
        if owner is not None and not may_set(owner):
            module.problem('metaclass', prefix + name, 0)
            continue
        if owner is None:
            lists.remove_variable(names, name)
        else:
            lists.remove_attribute(owner, name)
        module.say('code', None, hexadecimal(prefix + name), function.__code__.co_firstlineno, 'removed')


def resolve(core, module, text):
    """What a dotted name means now, by dicts alone; MISSING when that cannot be told."""
    module_type = type(core['sys'])
    value, names = MISSING, module.names
    for part in text.split('.'):
        if names is None:
            return MISSING
        if part not in names and names is module.names:
            names = __builtins__ if type(__builtins__) is dict else __builtins__.__dict__
        value = names.get(part, MISSING)
        names = namespace_of(value, module_type)
        if names is None and issubclass(type(value), type):
            names = dict_of(value)
    return value


def compare_class(core, module, lists, item, names, prefix, owner):
    kind, name, line, code, alone, conditional, decorators, bases, keywords, items, fields = item
    qualname = prefix + name
    live = names.get(name, MISSING)
    if live is MISSING:
        if not conditional:
            module.problem('new_class', qualname, line)
        return
    if code is None:
        return module.problem('generic', qualname, line)
    if not issubclass(type(live), type) or dict_of(live).get('__module__') != module.names.get('__name__'):
        if not conditional:
            # Its methods may still be found, but nothing else of it can be compared.
            module.problem('not_a_class', qualname, line)
        return
    if differs(module, prefix, line):
        return module.problem('class_statement', qualname, line)
    if not same_bases(core, module, live, bases):
        return module.problem('bases', qualname, line)
    own = dict_of(live)
    wanted = [each for each in items if each[0] == 'constant' and each[1] == '__slots__']
    listed = [each for each in items if each[0] == 'state' and each[1] == ('__slots__',)]
    if bool(wanted or listed) != ('__slots__' in own) and 'dataclass' not in str(decorators):
        return module.problem('slots', qualname, line)
    if wanted and not same_constant(wanted[0][3], own['__slots__']):
        return module.problem('slots', qualname, line)
    annotations = own.get('__annotations__')
    if decorators and type(annotations) is dict and tuple(annotations) != tuple(dict.fromkeys(fields)):
        return module.problem('fields', qualname, line)
    top = module.position
    compare_scope(core, module, lists, items, own, qualname + '.', live, top)
    module.position = top


def same_bases(core, module, live, bases):
    actual = type.__dict__['__bases__'].__get__(live)
    written = dict_of(live).get('__orig_bases__', actual)
    if not bases:
        return actual == (object,)
    if len(bases) != len(written):
        return False
    for text, base in zip(bases, written):
        value = resolve(core, module, text) if text is not None else MISSING
        if text is not None and value is MISSING and '.' not in text:
            return False
        if value is not MISSING and issubclass(type(value), type) and value is not base:
            return False
    return True


def compare_constant(module, lists, item, items, names, prefix, owner):
    name, line, value = item[1], item[2], item[3]
    if [1 for other in items if other is not item and (
            other[1] == name or type(other[1]) is tuple and name in other[1])]:
        return  # bound more than once: which one counts is only known by running it
    if name == '__slots__' or owner is not None and name == '__module__':
        return
    live = names.get(name, MISSING)
    changed = differs(module, prefix, line)
    if live is not MISSING and (type(live) not in SCALARS or same_constant(live, value)):
        if changed and type(live) not in SCALARS:
            module.problem('constant', prefix + name, line)
        return
    written = module.globals_written if owner is None else module.attributes_written
    if live is not MISSING and (name in written or changed is False):
        module.say('state', None, hexadecimal(prefix + name))
        return
    if owner is not None and (not may_set(owner) or is_made(owner)):
        return module.problem('class_attribute', prefix + name, line)
    put(lists, names, name, value, owner)
    module.say('constant', None, hexadecimal(prefix + name), line, 'added' if live is MISSING else 'changed')
    if owner is None and live is not MISSING:
        module.fresh[name] = (live, value)


def is_made(owner):
    """Whether something has read the attributes of the class when it was made."""
    names = dict_of(owner)
    return '__dataclass_fields__' in names or '_member_map_' in names or '__attrs_attrs__' in names


def compare_import(core, module, lists, item, names, prefix, owner):
    """A new import of what is loaded already needs nothing to run."""
    module_type = type(core['sys'])
    for bound, level, source, attribute in item[3]:
        if bound == '*' or bound in names or owner is not None or source == '__future__':
            continue
        absolute = source
        if level:
            package = module.names.get('__package__') or ''
            base = package.rsplit('.', level - 1)[0] if level > 1 else package
            absolute = base + '.' + source if source else base
        found = core['sys'].modules.get(absolute)
        space = namespace_of(found, module_type)
        value = found if space is not None else MISSING
        if space is not None and attribute is not None:
            value = space.get(attribute, core['sys'].modules.get(absolute + '.' + attribute, MISSING))
            if value is MISSING and absolute in [each.key for each in module.group]:
                value = [each for each in module.group if each.key == absolute][0].fresh.get(attribute, MISSING)
        if value is MISSING or value is None and attribute is None:
            module.problem('import', prefix + bound, item[2])
            continue
        lists.variable(names, bound, value)
        module.say('import', None, hexadecimal(bound), item[2], 'added')


def compare_statement(module, item, names, prefix):
    """A statement whose value cannot be told without running it."""
    line = item[2]
    label = prefix + (item[1][0] if item[1] else '')
    changed = differs(module, prefix, line)
    if changed:
        return module.problem('statement', label, line)
    if changed is None:
        if item[0] == 'state' and not item[5] and [1 for name in item[1] if name not in names]:
            return module.problem('new_name', label, line)
        module.say('unseen', None, line)


# --- the swap ---

def columns(rows, count):
    """As lists of owners, names, values."""
    return [[row[index] for row in rows] for index in range(count)]


def swap(chain, lists):
    """Everything, in one call of C."""
    owner_name_value = [(object.__setattr__, lists.functions), (dict.__setitem__, lists.globals),
                        (type.__setattr__, lists.classes), (object.__setattr__, lists.classes_of)]
    owner_name = [(dict.__delitem__, lists.globals_removed), (type.__delattr__, lists.classes_removed)]
    steps = [map(setter, *columns(rows, 3)) for setter, rows in owner_name_value]
    steps += [map(setter, *columns(rows, 2)) for setter, rows in owner_name]
    done = []
    try:
        done.extend(chain(*steps))
    except BaseException:
        undo(lists)
        raise


def undo(lists):
    for owner, name, _, old in lists.functions + lists.classes_of:
        object.__setattr__(owner, name, old)
    for owner, name, _, old in lists.globals + lists.globals_removed:
        if old is MISSING:
            owner.pop(name, None)
        else:
            owner[name] = old
    for owner, name, _, old in lists.classes + lists.classes_removed:
        if old is not MISSING:
            type.__setattr__(owner, name, old)
        elif name in dict_of(owner):
            type.__delattr__(owner, name)


def own_file(module, code):
    """The code under the file name that the loaded code has; `replace` is there from 3.8."""
    if code.co_filename == module.file or not hasattr(code, 'replace'):
        return code
    constants = tuple(own_file(module, value) if type(value) is CODE else value for value in code.co_consts)
    return code.replace(co_filename=module.file, co_consts=constants)


def move_functions(module, lists):
    """Every function that runs an old code, also closures and those nobody finds by name."""
    counts = {}
    for old, new in module.moves.values():
        counts[id(old)] = [old, new, 0, 0]
    for function in module.functions:
        entry = counts.get(id(function.__code__))
        if entry is None:
            continue
        old, new = entry[0], entry[1]
        if same_code(old, new) and same_place(old, new):
            continue
        is_fit = shape(old) == shape(new) or id(old) in module.forced
        if old.co_freevars != new.co_freevars or not is_fit:
            entry[3] += 1
            continue
        entry[2] += 1
        lists.function(function, '__code__', new)
        documented, documents = text_of(old), text_of(new)
        if function.__doc__ == documented and documents != documented:
            lists.function(function, '__doc__', documents)
    for old, new, moved, left in counts.values():
        if left:
            module.say('stale', hexadecimal(module.key), hexadecimal(old.co_name), 'closure')


def probe():
    """Has a text."""


# From 3.13 a flag tells whether the first constant is the text of a function.
HAS_TEXT = probe.__code__.co_flags & 0x4000000


def text_of(code):
    first = code.co_consts[0] if code.co_consts else None
    is_text = type(first) is str and code.co_flags & HAS_TEXT == HAS_TEXT and code.co_name != '<lambda>'
    return first if is_text else None


def rename_files(module):
    """New codes under the file name of the loaded ones, once for each."""
    made = {}

    def renamed(code):
        if code.co_filename == module.file or not hasattr(code, 'replace'):
            return code
        if id(code) not in made:
            constants = tuple(renamed(value) if type(value) is CODE else value for value in code.co_consts)
            made[id(code)] = (code, code.replace(co_filename=module.file, co_consts=constants))
        return made[id(code)][1]
    module.moves = {key: (old, renamed(new)) for key, (old, new) in module.moves.items()}


def say_moves(module):
    told = set()
    for name, entries in list(module.codes.items()):
        for code, functions in entries:
            move = module.moves.get(id(code))
            if move is None or name in told:
                continue
            old, new = move
            if not same_code(old, new):
                told.add(name)
                module.say('code', None, hexadecimal(name), new.co_firstlineno, 'changed')
            elif not same_place(old, new):
                module.say('moved', None, hexadecimal(name))


# --- what stays old ---

def is_unshared(value):
    """Whether two names that hold it must have got it from one place."""
    kind = type(value)
    if kind is int:
        return not -6 < value < 1025
    if kind in (str, bytes):
        text = value if kind is str else value.decode('latin-1')
        return len(text) > 1 and not text.replace('_', 'a').isalnum()
    if kind is tuple:
        return len(value) > 0
    return kind not in (type(None), bool, type(Ellipsis))


def follow_names(core, modules, lists):
    """Names in other modules that hold what is replaced or removed here."""
    constants, removed, imported = {}, {}, set(IMPORTED)
    for module in modules:
        for name, change in module.fresh.items():
            if type(change) is tuple and len(change) == 2:
                constants.setdefault(id(change[0]), []).append((module, name, change))
    for names, name, _, old in lists.globals_removed:
        removed[id(old)] = (name, old)
    if not constants and not removed:
        return
    own = {id(module.names) for module in modules}
    for key, value in list(core['sys'].modules.items()):
        names = namespace_of(value, type(core['sys']))
        if names is None or type(key) is not str:
            continue
        for name, held in list(names.items()):
            if id(held) in removed and not (id(names) in own and removed[id(held)][0] == name):
                modules[0].say('stale', hexadecimal(key), hexadecimal(name), 'removed_function')
            for module, original, (old, new) in constants.get(id(held), ()):
                if names is module.names and name == original:
                    continue
                is_import = (key, name, module.key, original) in imported or type(old) not in SCALARS
                if is_import or name == original and is_unshared(old) and id(names) not in own:
                    lists.variable(names, name, new)
                    module.say('rebound', hexadecimal(key), hexadecimal(name))
                elif is_unshared(old):
                    module.say('stale', hexadecimal(key), hexadecimal(name), 'copied_value')


def stay_old(core, modules, collector, lists):
    """Frames, generators and caches that go on with what they have."""
    old = {}
    for module in modules:
        for before, after in module.moves.values():
            if not same_code(before, after):
                old[id(before)] = (module, before)
    if not old:
        return
    for frame in core['sys']._current_frames().values():
        depth = 0
        while frame is not None and depth < 2000:
            if id(frame.f_code) in old:
                say_stale(old[id(frame.f_code)], 'running_frame')
            frame = frame.f_back
            depth += 1
    kinds = in_flight_kinds()
    holders = [code for _, code in old.values()]
    holders += [function for function, name, _, _ in lists.functions if name == '__code__']
    for each in collector['get_referrers'](*holders):
        kind = type(each)
        if kind in kinds:
            code = getattr(each, kinds[kind][0])
            if id(code) in old and getattr(each, kinds[kind][1]) is not None:
                say_stale(old[id(code)], kinds[kind][2])
        elif kind.__name__ == '_lru_cache_wrapper' and type(kind) is type:
            code = unwrapped(kind.__dict__['__dict__'].__get__(each).get('__wrapped__'))
            if code is not None:
                for function, name, _, before in lists.functions:
                    if function is code and name == '__code__' and id(before) in old:
                        say_stale(old[id(before)], 'cached_results')
        elif kind.__name__ == 'frame' and not hasattr(CODE, 'co_qualname'):
            if id(each.f_code) in old and each.f_code.co_flags & KINDS & ~0x80:
                say_stale(old[id(each.f_code)], 'in_flight')


def in_flight_kinds():
    def generator():
        yield
    kinds = {type(generator()): ('gi_code', 'gi_frame', 'generator')}
    names = __builtins__ if type(__builtins__) is dict else __builtins__.__dict__
    space = {}
    exec('async def c(): pass\nasync def a(): yield', {'__builtins__': names}, space)
    coroutine = space['c']()
    kinds[type(coroutine)] = ('cr_code', 'cr_frame', 'coroutine')
    coroutine.close()
    kinds[type(space['a']())] = ('ag_code', 'ag_frame', 'async_generator')
    return kinds


def say_stale(entry, kind):
    module, code = entry
    words = ('stale', hexadecimal(module.key), hexadecimal(getattr(code, 'co_qualname', code.co_name)), kind)
    if ' '.join(words) not in module.report:
        module.say(*words)


# --- all of it ---

def check_modules(core, table):
    module_type = type(core['sys'])
    loader = core['_bootstrap_external'] if '_bootstrap_external' in core else None
    unmarshal = namespace_of(loader, module_type)['marshal'].loads
    modules = []
    for index, (key, module, names, facts) in enumerate(MODULES):
        value = table.get(key)
        space = namespace_of(value, module_type)
        if id(value) != module or id(space) != names:
            raise Refusal('changed')
        spec = space.get('__spec__')
        if type(spec) is core['ModuleSpec'] and spec.__dict__.get('_initializing'):
            raise Refusal('importing %d' % index)
        modules.append(Module(index, key, space, unmarshal(bytes.fromhex(facts))))
    for module in modules:
        module.group = modules
    for key, reference in list(core['_module_locks'].items()):
        lock = reference() if key in [module.key for module in modules] else None
        if lock is not None and lock.owner is not None:
            raise Refusal('importing -1')
    return modules


def find_chain(core, table):
    """itertools.chain, without a registration of its module."""
    names = namespace_of(table.get('itertools'), type(core['sys']))
    if names is not None and type(names.get('chain')) is type:
        return names['chain']
    before = table.get('itertools', MISSING)
    made = core['_imp'].create_builtin(core['ModuleSpec']('itertools', None))
    core['_imp'].exec_builtin(made)
    if before is MISSING:
        table.pop('itertools', None)
    return namespace_of(made, type(core['sys']))['chain']


def prepare(core, modules, collector):
    """Compares everything; the lists of what is to be set."""
    lists = Lists()
    look(modules, collector)
    for module in modules:
        module.problems, module.report, module.moves, module.fresh = [], [], {}, {}
        compare_scope(core, module, lists, module.items, module.names, '', None, -1)
        rename_files(module)
        if module.is_known and STRENGTH == 'code':
            for where, new, old in module.differing:
                if not new:
                    module.problem('statement_gone', where, old)
    return lists


def refuse(modules):
    lines = ['refused']
    for module in modules:
        for position, what, name, line in module.problems:
            lines.append('problem %d %s %s %d' % (module.index, what, hexadecimal(name), line))
    if len(lines) > 1:
        raise Refusal('\n'.join(lines))


# Holds something from the moment on at which everything is set.
committed = []


def run():
    core = find_core()
    sys = core['sys']
    table = sys.modules
    if id(table) != TABLE or type(table) is not dict:
        raise Refusal('moved')
    if '_bootstrap_external' not in core:
        raise Refusal('failed too_old')
    if sys.flags.optimize != OPTIMIZE:
        raise Refusal('failed other_optimization')
    collector = find_collector(core, table, type(sys))
    chain = find_chain(core, table)
    modules = check_modules(core, table)
    is_enabled = collector['isenabled']()
    collector['disable']()
    try:
        lists = change(core, modules, collector, chain)
    finally:
        if is_enabled:
            collector['enable']()
    lines = ['done', 'collector %d' % is_enabled]
    if 'get_freeze_count' in collector:
        lines.append('frozen %d' % collector['get_freeze_count']())
    for module in modules:
        lines += module.report
    return '\n'.join(lines)


def change(core, modules, collector, chain):
    lists = prepare(core, modules, collector)
    if STRENGTH != 'code':
        lists = execute(core, modules, collector, lists)
    refuse(modules)
    for module in modules:
        say_moves(module)
        move_functions(module, lists)
    follow_names(core, modules, lists)
    stay_old(core, modules, collector, lists)
    if lists.functions or lists.globals or lists.classes or lists.globals_removed or lists.classes_removed:
        swap(chain, lists)
    committed.append(modules)
    for module in modules:
        spec_of(module.names)[MARK] = True
    catch_up(modules, collector, chain)
    return lists


def catch_up(modules, collector, chain):
    """Functions that other threads made from old codes meanwhile."""
    for _ in range(3):
        again = Lists()
        codes = [old for module in modules for old, new in module.moves.values() if old is not new]
        if not codes:
            return
        moves = {}
        for module in modules:
            moves.update(module.moves)
        for each in collector['get_referrers'](*codes):
            if type(each) is FUNCTION and id(each.__code__) in moves:
                old, new = moves[id(each.__code__)]
                is_same = same_code(old, new) and same_place(old, new)
                if not is_same and old.co_freevars == new.co_freevars and shape(old) == shape(new):
                    again.function(each, '__code__', new)
        if not again.functions:
            return
        swap(chain, again)


def interrupted():
    """The answer when something raised after everything was set."""
    lines = ['done', 'interrupted 1']
    for module in committed[0]:
        lines += module.report
    return '\n'.join(lines)
