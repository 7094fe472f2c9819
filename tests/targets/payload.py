"""Sets up a case, tells what sys.modules has, runs the program it is sent, and tells what it has
then. Once for each line of input, which names the case."""
import binascii
import gc
import json
import os
import sys
import tempfile
import threading

try:
    import builtins
except ImportError:
    import __builtin__ as builtins

ModuleType = type(sys)
FILES = {
    'shop/__init__.py': 'from shop import b\nfrom shop.b import f\nimport sys\nme = sys.modules[__name__]\n'
                        'class A(object):\n    def m(self):\n        return b\n',
    'shop/b.py': 'import json\ndef f():\n    return 1\nclass B(object):\n    x = f\nB.me = B\n',
    'shop/sub/__init__.py': '',
    'shop/sub/c.py': 'y = [1]\ny.append(y)\n',
    'shop2.py': 'z = 1\n',
    'outer/__init__.py': '',
    'outer/plug.py': 'def p():\n    return p\n',
    'slow.py': 'import __main__\n__main__.imported.set()\n__main__.go_on.wait()\n',
    'inner.py': 'import __main__\ndef stay():\n    __main__.inside.set()\n    __main__.go_on.wait()\n',
}
folder = tempfile.mkdtemp()
for name, text in FILES.items():
    path = os.path.join(folder, name)
    if not os.path.isdir(os.path.dirname(path)):
        os.makedirs(os.path.dirname(path))
    with open(path, 'w') as file:
        file.write(text)
sys.path.insert(0, folder)
go_on = None
helper = None
held = []


def start(function, flag):
    global go_on, helper
    globals()[flag] = threading.Event()
    go_on = threading.Event()
    helper = threading.Thread(target=function)
    helper.start()
    globals()[flag].wait()


def stay_in_inner():
    import inner
    inner.stay()


def set_up(case):
    if case == 'package':
        import shop.b
        import shop.sub.c
        import shop2
        sys.modules['alias'] = sys.modules['shop.b']
    elif case == 'held':
        import shop.b
        held.append(sys.modules['shop.b'].f)
    elif case in ('attribute', 'table', 'value', 'trace', 'late'):
        import outer.plug
    elif case == 'importing':
        start(lambda: __import__('slow'), 'imported')
    elif case == 'running':
        start(stay_in_inner, 'inside')
    elif case == 'odd names':
        for key in (u"odd.q'u\"o\\te", u'odd.line\nend', u'odd.\udcff', u'odd.\u65e5\U0001f40d', u'odd'):
            sys.modules[key] = ModuleType('odd')


def tear_down():
    global helper
    if helper:
        go_on.set()
        helper.join()
        helper = None
    del held[:]
    for key in [key for key in sys.modules if key.split('.')[0] in (
            'shop', 'shop2', 'outer', 'slow', 'inner', 'odd', 'alias')]:
        del sys.modules[key]
    gc.collect()


def describe():
    rows = []
    for key, value in list(sys.modules.items()):
        is_module = isinstance(value, ModuleType)
        names = value.__dict__ if is_module else {}
        own = names.get('__name__')
        rows.append([[ord(c) for c in key], id(value),
                     id(names) if is_module else None, own if isinstance(own, str) else None])
    return {'table': id(sys.modules), 'rows': rows}


def tracer(frame, event, argument):
    if frame.f_code.co_name == 'put_back':
        return None
    if frame.f_code.co_name == 'note_order' and frame.f_locals['names'] is sys.modules and 'late' not in held:
        raise ZeroDivisionError()
    if frame.f_code.co_name == 'collect' and 'late' in held:
        raise ZeroDivisionError()
    return None


def alive_classes():
    return sorted(thing.__name__ for thing in gc.get_objects()
                  if isinstance(thing, type) and thing.__module__.split('.')[0] == 'shop')


def main():
    b''.decode('ascii')  # 2.7 imports the codec at its first use
    sys.stdout.write('READY\n')
    sys.stdout.flush()
    while True:
        case = sys.stdin.readline().strip()
        if not case:
            return
        set_up(case)
        if case != 'package':
            sys.modules['gc'] = gc
        else:
            sys.modules.pop('gc')
        say(describe())
        source = binascii.unhexlify(sys.stdin.readline().strip().encode('ascii')).decode('ascii')
        if case == 'value':
            sys.modules['outer.plug'] = ModuleType('outer.plug')
        namespace = {'__builtins__': builtins}
        if case == 'late':
            held.append('late')
            sys.settrace(tracer)
        if case == 'trace':
            sys.settrace(tracer)
        exec(compile(source, '<pyunload>', 'exec'), namespace)
        sys.settrace(None)
        after = describe()
        after['result'] = namespace['result'].decode('ascii')
        after['has_gc'] = 'gc' in sys.modules
        after['has_attribute'] = hasattr(sys.modules.get('outer'), 'plug')
        after['classes'] = alive_classes()
        after['keys'] = [[ord(c) for c in key] for key, _ in namespace['KEYS']]
        namespace.clear()
        say(after)
        sys.modules['gc'] = gc
        tear_down()


def say(document):
    sys.stdout.write(json.dumps(document) + '\n')
    sys.stdout.flush()


main()
