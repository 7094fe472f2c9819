"""Computes without end, with a package of plugins that it loads again whenever it is missing; on
`stop` it says whether everything it computed was right."""
import os
import sys
import tempfile
import threading

FILES = {
    'plug/__init__.py': 'from . import core\nfrom .core import add\nfrom .deep import leaf\n'
                        'class Base(object):\n    def method(self):\n        return core.add(1)\n'
                        'class Bare(object):\n    pass\n',
    'plug/core.py': 'import sys\nme = sys.modules[__name__]\ncache = {}\ndef add(x):\n    return x + 1\n'
                    'class Held(object):\n    make = staticmethod(lambda: Held())\nheld = [Held(), me]\n'
                    'held.append(held)\n',
    'plug/deep/__init__.py': '',
    'plug/deep/leaf.py': 'from .. import core\nvalue = 7\n',
}
MODULUS = 1000003
folder = tempfile.mkdtemp()
for name, text in FILES.items():
    path = os.path.join(folder, name)
    if not os.path.isdir(os.path.dirname(path)):
        os.makedirs(os.path.dirname(path))
    with open(path, 'w') as file:
        file.write(text)
sys.path.insert(0, folder)
sys.dont_write_bytecode = True
stopping = False
wrong = []
loads = 0
kept = []


def steps(count, state):
    for _ in range(count):
        state = (state * 3 + 1) % MODULUS
    return state


EXPECTED = steps(1000, 5)


def use_plugin():
    global loads
    if 'plug' not in sys.modules:
        loads += 1
    import plug
    if plug.add(41) != 42 or plug.leaf.value != 7 or plug.Base().method() != 2:
        wrong.append('plug')


def work():
    while not stopping:
        if steps(1000, 5) != EXPECTED:
            wrong.append('steps')


def listen():
    global stopping
    for line in iter(sys.stdin.readline, ''):
        if line.strip() == 'keep':
            import plug
            kept.append(plug.core.Held())
        if line.strip() == 'loads':
            sys.stdout.write('%d\n' % loads)
            sys.stdout.flush()
        if line.strip() == 'stop':
            break
    stopping = True


use_plugin()
reload_it = sys.argv[1:] == ['reload']
threads = [threading.Thread(target=function) for function in (work, listen)]
for thread in threads:
    thread.daemon = True
    thread.start()
sys.stdout.write('READY\n')
sys.stdout.flush()
while not stopping:
    if steps(1000, 5) != EXPECTED:
        wrong.append('main')
    if reload_it:
        use_plugin()
sys.stdout.write('wrong %d\n' % len(wrong))
sys.stdout.flush()
