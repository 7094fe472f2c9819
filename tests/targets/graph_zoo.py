"""Keeps a few hundred objects of every kind that holds references. On a line it writes to the file
of that line: the ids of all objects the collector tracks, each with the ids of its referents, and
then prints DONE.

The file is 64-bit words: object, number of referents, referents; then 0, and the ids of all module
objects and of their dicts in pairs.
"""
import gc
import sys

gc.disable()

import array
import collections
import functools
import io
import itertools
import json
import operator
import re
import struct
import threading
import types
import weakref

OPTIONAL = {}
for _name in ('queue', 'contextvars', 'asyncio', 'ctypes', 'datetime', 'decimal', 'enum',
              'dataclasses', 'typing', 'csv', 'xml.etree.ElementTree', 'pickle', 'abc',
              'Queue', 'cPickle', 'cStringIO', 'tempfile', 'logging', '_thread', 'socket'):
    try:
        __import__(_name)
        OPTIONAL[_name] = sys.modules[_name]
    except Exception:
        pass

N = 300
KEEP = {}


class Plain(object):
    def method(self):
        return self

    @classmethod
    def of_class(cls):
        return cls

    @staticmethod
    def alone():
        return None

    @property
    def prop(self):
        return self


class Slotted(object):
    __slots__ = ('one', 'two')


class SlottedChild(Slotted):
    __slots__ = ('three', '__dict__', '__weakref__')


class MyDict(dict):
    pass


class MyList(list):
    pass


class MyTuple(tuple):
    pass


class MyInt(int):
    pass


class MyStr(str):
    pass


class MySet(set):
    pass


class MyModule(types.ModuleType):
    pass


class MyError(Exception):
    pass


class MyRef(weakref.ref):
    pass


class Meta(type):
    pass


class MetaOfMeta(type):
    pass


def thing(number):
    made = Plain()
    made.number = [number]
    return made


def keep(name, make, count=N):
    try:
        KEEP[name] = [make(number) for number in range(count)]
    except Exception:
        sys.stderr.write('%s: %s\n' % (name, sys.exc_info()[1]))


def closure(number):
    cell = [number]
    other = {'x': number}

    def inner(a=cell, b=(number,)):
        return cell, other, a, b
    inner.attribute = [number]
    return inner


def generator(number):
    local = [number]
    for item in [1, 2, 3]:
        yield (local, item)


def started(number):
    made = generator(number)
    next(made)
    return made


def finished(number):
    made = generator(number)
    list(made)
    return made


def delegating(number):
    # A closed-over value, and a loop whose iterator is on the stack.
    inner = started(number)
    held = {'inner': inner}

    def run():
        for item in [held, [number]]:
            for part in held, item:
                yield part
    made = run()
    next(made)
    return made


def error(number):
    here = [number]
    try:
        try:
            raise KeyError(here)
        except KeyError:
            raise MyError(number, here)
    except MyError:
        return sys.exc_info()[1], sys.exc_info()[2]


def frame_of(number):
    local = ['frame', number]
    return sys._getframe()


def named_tuple():
    return collections.namedtuple('Point', 'x y')


Point = named_tuple()


def new_module(number):
    made = types.ModuleType('zoo_module_%d' % number)
    made.value = [number]
    exec('def f(): return value\nclass C(object):\n    def m(self): return f\n', made.__dict__)
    return made


def new_class(number):
    return type('Made%d' % number, (Plain,), {'attribute': [number], 'method': closure(number)})


def meta_chain(number):
    meta2 = MetaOfMeta('Meta2_%d' % number, (type,), {'a': [number]})
    meta1 = meta2('Meta1_%d' % number, (type,), {'b': [number]})
    made = meta1('Cls_%d' % number, (object,), {'c': [number]})
    return made, made()


def split_dict(number):
    made = Plain()
    made.first = [number]
    made.second = [number]
    made.third = (number, [])
    return made


def with_dict(number):
    made = split_dict(number)
    made.__dict__['more'] = [number]
    return made, made.__dict__


def many_attributes(number):
    made = Plain()
    for index in range(40):
        setattr(made, 'attribute%d' % index, [index])
    return made


def slots(number):
    made = SlottedChild()
    made.one, made.three, made.four = [number], [number], [number]
    return made


def ordered(number):
    made = collections.OrderedDict((str(index), [index]) for index in range(5))
    del made['2']
    made.attribute = [number]
    return made


def deque(number):
    made = collections.deque(([index] for index in range(number % 200 + 1)), 150)
    made.rotate(3)
    if number % 3:
        made.popleft()
    return made


def set_of(number):
    made = set(MyStr('member %d %d' % (number, index)) for index in range(number % 40))
    for index in range(number % 7):
        made.discard('member %d %d' % (number, index))
    return made


def dict_of(number):
    made = dict(((index, number), [index]) for index in range(number % 30))
    made['text'] = [number]
    made.pop((0, number), None)
    return made


def recursive(number):
    made = []
    made.append({'me': made})
    return made


def tee(number):
    first, second = itertools.tee(iter([[index] for index in range(100)]))
    for _ in range(number % 70):
        next(first)
    return first, second


def groupby(number):
    made = itertools.groupby([[1], [1], [2]], key=lambda item: (item, number))
    key, group = next(made)
    return made, group


def lru(number):
    cache = functools.lru_cache(maxsize=None if number % 2 else 10)(lambda a: [a])
    for index in range(5):
        cache((number, index))
    return cache


def string_io(number):
    made = io.StringIO()
    made.write(u'x' * number)
    made.attribute = [number]
    return made


def bytes_io(number):
    return io.BytesIO(b'x' * number)


def text_wrapper(number):
    return io.TextIOWrapper(io.BufferedReader(io.BytesIO(b'abc\ndef')), encoding='utf-8')


def in_thread():
    made = {}

    def run(local):
        keeping = {'local': local}
        made['local'] = threading.local()
        made['local'].value = [1]
        made['ready'].set()
        made['stop'].wait()
        return keeping
    made['ready'], made['stop'] = threading.Event(), threading.Event()
    made['thread'] = threading.Thread(target=run, args=([1, 2],))
    made['thread'].daemon = True
    made['thread'].start()
    made['ready'].wait()
    return made




def setattr_of(made, number):
    made.attribute = [number]
    return made


class Sequence(object):
    def __init__(self, items):
        self.items = items

    def __getitem__(self, index):
        return self.items[index]


def weak(form, number):
    target = thing(number)
    return target, form(target, closure(number)), form(target)


def weak_values(number):
    made = weakref.WeakValueDictionary()
    target = thing(number)
    made[number + 100000] = target
    return made, target


def weak_keys(number):
    made = weakref.WeakKeyDictionary()
    target = thing(number)
    made[target] = [number]
    return made, target


def weak_set(number):
    made = weakref.WeakSet()
    target = thing(number)
    made.add(target)
    return made, target


def advance(made):
    next(made)
    return made


def local(number):
    made = threading.local()
    made.value = [number]
    return made


def unicode_error(number):
    try:
        (b'\xff' * (number + 1)).decode('ascii')
    except UnicodeDecodeError:
        return sys.exc_info()[1]


def os_error(number):
    try:
        open('/nowhere/%d' % number)
    except EnvironmentError:
        return sys.exc_info()[1]


def syntax_error(number):
    try:
        compile('def %d' % number, 'file%d' % number, 'exec')
    except SyntaxError:
        return sys.exc_info()[1]


def filled_queue(made, number):
    for index in range(number % 12):
        made.put([index])
    if number % 12 > 3:
        made.get()
        made.put([number])
    return made


def element(number):
    tree = OPTIONAL['xml.etree.ElementTree']
    made = tree.Element('tag%d' % number, {'key%d' % number: 'value'})
    made.text, made.tail = 'text%d' % number, 'tail%d' % number
    for index in range(number % 9):
        tree.SubElement(made, 'child')
    return made


def zoned(number):
    date = OPTIONAL['datetime']
    zone = date.timezone(date.timedelta(seconds=number + 1), 'zone%d' % number)
    return date.datetime.now(zone), date.datetime.now(), date.time(1, tzinfo=zone), date.time(2)


def pickler(number):
    made = OPTIONAL['pickle'].Pickler(io.BytesIO())
    made.dump([[number], closure])
    return made


def c_types(number):
    c = OPTIONAL['ctypes']
    value = c.c_int(number)
    text = c.c_char_p(b'abc')
    return value, c.pointer(value), c.byref(value), (c.c_int * 3)(), text, c.CFUNCTYPE(c.c_int)(lambda: 1)


def c_classes(number):
    c = OPTIONAL['ctypes']
    made = type('Struct%d' % number, (c.Structure,), {'_fields_': [('a', c.c_int), ('b', c.c_void_p)]})
    return made, made(), c.POINTER(made), made * 3


def context_variable(number):
    made = OPTIONAL['contextvars'].ContextVar('name%d' % number, default=[number])
    token = made.set([number])
    made.get()
    return made, token


def context(number):
    made = OPTIONAL['contextvars'].copy_context()
    variables = [OPTIONAL['contextvars'].ContextVar('v%d' % index) for index in range(number % 60)]

    def run():
        for variable in variables:
            variable.set([number])
    made.run(run)
    return made, variables


for name, make in [
    ('plain', thing), ('split', split_dict), ('with_dict', with_dict), ('slots', slots),
    ('closure', closure), ('generator', started), ('new generator', generator),
    ('finished generator', finished), ('delegating', delegating), ('error', error),
    ('frame', frame_of), ('class', new_class), ('meta', meta_chain), ('module', new_module),
    ('ordered', ordered), ('deque', deque), ('set', set_of), ('dict', dict_of),
    ('recursive', recursive), ('tee', tee), ('groupby', groupby),
    ('string_io', string_io), ('bytes_io', bytes_io), ('text_wrapper', text_wrapper),
    ('frozenset', lambda n: frozenset([(n, 1), (n, 2)])),
    ('my dict', lambda n: MyDict(a=[n])), ('my list', lambda n: MyList([[n]])),
    ('my tuple', lambda n: MyTuple(([n], [n]))), ('my set', lambda n: MySet([(n,)])),
    ('my int', lambda n: setattr_of(MyInt(1 << (n * 7)), n)),
    ('my str', lambda n: setattr_of(MyStr('s' * n), n)),
    ('my module', lambda n: MyModule('my_module_%d' % n)),
    ('bound method', lambda n: thing(n).method), ('class method', lambda n: new_class(n).of_class),
    ('builtin method', lambda n: [n].append), ('slot wrapper', lambda n: [n].__len__),
    ('property', lambda n: property(closure(n), closure(n))),
    ('classmethod', lambda n: classmethod(closure(n))),
    ('staticmethod', lambda n: staticmethod(closure(n))),
    ('super', lambda n: super(Plain, thing(n))),
    ('slice', lambda n: slice([n], (n,), None)),
    ('enumerate', lambda n: enumerate([[n]])), ('reversed', lambda n: reversed([[n]])),
    ('reversed tuple', lambda n: reversed(([n],))),
    ('list iterator', lambda n: iter([[n]])), ('tuple iterator', lambda n: iter(([n],))),
    ('dict iterator', lambda n: iter({'a': [n]})), ('set iterator', lambda n: iter(set([(n,)]))),
    ('dict items', lambda n: iter(dict_of(n).items())),
    ('sequence iterator', lambda n: iter(Sequence([n]))),
    ('callable iterator', lambda n: iter(closure(n), [n])),
    ('text iterator', lambda n: iter(MyStr('abc%d' % n))),
    ('dict view', lambda n: {'a': [n]}.items()), ('map', lambda n: map(closure(n), iter([[n]]))),
    ('filter', lambda n: filter(None, iter([[n]]))), ('zip', lambda n: zip([[n]], [[n]])),
    ('partial', lambda n: functools.partial(closure(n), [n], key=[n])),
    ('itemgetter', lambda n: operator.itemgetter((n, 1), (n, 2))),
    ('attrgetter', lambda n: operator.attrgetter('a%d.b' % n, 'c')),
    ('methodcaller', lambda n: operator.methodcaller('m%d' % n, [n], key=[n])),
    ('weak reference', lambda n: weak(weakref.ref, n)), ('my ref', lambda n: weak(MyRef, n)),
    ('proxy', lambda n: weak(weakref.proxy, n)),
    ('weak value dict', lambda n: weak_values(n)), ('weak key dict', lambda n: weak_keys(n)),
    ('weak set', lambda n: weak_set(n)),
    ('defaultdict', lambda n: collections.defaultdict(closure(n), a=[n])),
    ('counter', lambda n: collections.Counter('abc%d' % n)),
    ('namedtuple', lambda n: Point([n], [n])), ('deque iterator', lambda n: iter(deque(n))),
    ('chain', lambda n: itertools.chain([[n]], [[n]])),
    ('count', lambda n: itertools.count(1 << 80, 2)),
    ('cycle', lambda n: advance(itertools.cycle(iter([[n], [n]])))),
    ('repeat', lambda n: itertools.repeat([n])), ('islice', lambda n: itertools.islice(iter([[n]]), 1)),
    ('starmap', lambda n: itertools.starmap(closure(n), [([n],)])),
    ('product', lambda n: advance(itertools.product([[n]], [[n]]))),
    ('permutations', lambda n: advance(itertools.permutations([[n], [n]]))),
    ('combinations', lambda n: advance(itertools.combinations([[n], [n]], 1))),
    ('takewhile', lambda n: itertools.takewhile(closure(n), iter([[n]]))),
    ('dropwhile', lambda n: itertools.dropwhile(closure(n), iter([[n]]))),
    ('compress', lambda n: itertools.compress(iter([[n]]), iter([[n]]))),
    ('array', lambda n: array.array('i', [n])), ('struct', lambda n: struct.Struct('%di' % (n + 1))),
    ('bytearray', lambda n: bytearray(b'x' * n)), ('memoryview', lambda n: memoryview(bytearray(b'x' * n))),
    ('memoryview of memoryview', lambda n: memoryview(memoryview(bytearray(b'xy')))[1:]),
    ('pattern', lambda n: re.compile('a(?P<name%d>b)' % n)),
    ('match', lambda n: re.match('(a)', MyStr('abc'))),
    ('scanner', lambda n: re.compile('x').finditer(MyStr('xyx%d' % n))),
    ('lock', lambda n: threading.Lock()), ('rlock', lambda n: threading.RLock()),
    ('condition', lambda n: threading.Condition()), ('local', lambda n: local(n)),
    ('code', lambda n: compile('lambda: %d' % n, 'file%d' % n, 'exec')),
    ('encoder', lambda n: json.JSONEncoder(default=closure(n))),
    ('decoder', lambda n: json.JSONDecoder(object_hook=closure(n))),
    ('unicode error', lambda n: unicode_error(n)), ('os error', lambda n: os_error(n)),
    ('stop iteration', lambda n: StopIteration([n])), ('system exit', lambda n: SystemExit([n])),
    ('import error', lambda n: ImportError('no %d' % n)), ('syntax error', lambda n: syntax_error(n)),
    ('name error', lambda n: NameError([n])), ('attribute error', lambda n: AttributeError([n])),
]:
    keep(name, make)

if sys.version_info >= (3,):
    keep('lru', lru)
    keep('queue', lambda n: filled_queue(OPTIONAL['queue'].SimpleQueue(), n))
    keep('full queue', lambda n: filled_queue(OPTIONAL['queue'].Queue(), n), 20)
    keep('mapping proxy', lambda n: types.MappingProxyType({'a': [n]}))
    keep('namespace', lambda n: types.SimpleNamespace(a=[n]))
    keep('accumulate', lambda n: advance(itertools.accumulate([[n], [n]], operator.add)))
    keep('zip longest', lambda n: itertools.zip_longest([[n]], [[n]], fillvalue=[n]))
    keep('instancemethod', lambda n: types.MethodType(closure(n), [n]))
    keep('cmp key', lambda n: functools.cmp_to_key(closure(n))([n]))
    keep('element', lambda n: element(n))
    keep('csv reader', lambda n: OPTIONAL['csv'].reader(iter(['a,b'])))
    keep('csv writer', lambda n: OPTIONAL['csv'].writer(io.StringIO()))
    keep('enum', lambda n: OPTIONAL['enum'].Enum('Enum%d' % n, 'a b'), 30)
    keep('flag', lambda n: OPTIONAL['enum'].IntFlag('Flag%d' % n, 'a b'), 30)
    keep('abc', lambda n: OPTIONAL['abc'].ABCMeta('Abc%d' % n, (object,), {'a': [n]}))
    keep('datetime', lambda n: zoned(n))
    keep('pickler', lambda n: pickler(n), 30)
    keep('ctypes', lambda n: c_types(n))
    keep('ctypes classes', lambda n: c_classes(n), 30)
    keep('threads', lambda n: in_thread(), 4)
    keep('hints', lambda n: OPTIONAL['typing'].Dict[str, OPTIONAL['typing'].List[int]])
    keep('type variable', lambda n: OPTIONAL['typing'].TypeVar('T%d' % n, int, str))
    exec("""
def coroutine(number):
    import asyncio
    async def inner(held):
        await Awaitable(held)
    async def outer(held):
        local = [number]
        await inner(local)
    made = outer([number])
    made.send(None)
    return made

class Awaitable(object):
    def __init__(self, held):
        self.held = held
    def __await__(self):
        yield self.held

def async_generator(number):
    async def made(held):
        local = [number]
        await Awaitable(local)
        yield held
    made = made([number])
    step = made.asend(None)
    step.send(None)
    return made, step

def new_coroutine(number):
    async def made(held):
        return held
    return made([number])
""")
    keep('coroutine', coroutine)
    keep('new coroutine', new_coroutine)
    keep('async generator', async_generator)
    if 'contextvars' in OPTIONAL:
        keep('context variable', lambda n: context_variable(n))
        keep('context', lambda n: context(n))
    if 'dataclasses' in OPTIONAL:
        keep('dataclass', lambda n: OPTIONAL['dataclasses'].make_dataclass('D%d' % n, ['a', 'b'])([n], n), 30)
    if sys.version_info >= (3, 9):
        keep('generic alias', lambda n: list[dict[str, int]])
    if sys.version_info >= (3, 10):
        keep('union', lambda n: int | str | Plain)
    if sys.version_info >= (3, 11):
        keep('exception group', lambda n: ExceptionGroup('group', [ValueError([n])]))
    if sys.version_info >= (3, 12):
        exec("""
def alias(number):
    type Alias[T] = list[T]
    def generic[T](a: T) -> T: return a
    return Alias, generic
""")
        keep('type alias', alias)
        keep('batched', lambda n: itertools.batched(iter([[n]]), 2))
    if sys.version_info >= (3, 13):
        keep('locals proxy', lambda n: frame_of(n).f_locals)
    if sys.version_info >= (3, 14):
        exec("""
def template(number):
    return t'a {number} b {[number]!r:>10}'
""")
        keep('template', template)
else:
    exec("""
class Old:
    def method(self):
        return self

class OldChild(Old):
    attribute = [1]

def old(number):
    made = OldChild()
    made.value = [number]
    return made, made.method
""")
    keep('old', old)
    keep('unicode', lambda n: u'text %d' % n)
    keep('file', lambda n: open('/dev/null'), 10)
    keep('element', lambda n: element(n))
    keep('threads', lambda n: in_thread(), 4)
    keep('queue', lambda n: filled_queue(OPTIONAL['Queue'].Queue(), n), 20)


def write(path):
    objects = gc.get_objects()
    own = set([id(objects), id(sys._getframe()), id(path)])
    with open(path, 'wb') as file:
        for made in objects:
            if id(made) in own:
                continue
            to = gc.get_referents(made)
            words = array.array('L', [id(made), len(to)])
            words.extend([id(one) for one in to])
            words.tofile(file)
        array.array('L', [0]).tofile(file)
        for made in objects:
            if isinstance(made, types.ModuleType):
                array.array('L', [id(made), id(made.__dict__)]).tofile(file)


gc.collect()
sys.stdout.write('READY\n')
sys.stdout.flush()
while True:
    line = sys.stdin.readline()
    if not line:
        break
    write(line.strip())
    sys.stdout.write('DONE\n')
    sys.stdout.flush()
