"""Computes without end, with a package of plugins that it loads again whenever it is missing; on
`stop` it says whether everything it computed was right."""
import os
import sys
import tempfile
import threading

FILES = {
    'plug/__init__.py': 'from . import core\nfrom .core import add\nfrom .deep import leaf\n'
                        'class Base(object):\n    def method(self):\n        return core.add(1)\n'
                        'class Bare(object):\n    pass\nimport __main__\n__main__.loads += 1\n',
    'plug/core.py': 'import sys\nme = sys.modules[__name__]\ncache = {}\ndef add(x):\n    return x + 1\n'
                    'class Held(object):\n    make = staticmethod(lambda: Held())\nheld = [Held(), me]\n'
                    'held.append(held)\ndef stay(entered, leave):\n    entered.set()\n    leave.wait()\n',
    'plug/slow.py': 'import __main__\n__main__.entered.set()\n__main__.leave.wait()\n',
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
loads = 0
wrong = []
kept = []
entered = threading.Event()
leave = threading.Event()
guests = []
wait_end, wake_end = os.pipe()


def steps(count, state):
    for _ in range(count):
        state = (state * 3 + 1) % MODULUS
    return state


EXPECTED = steps(1000, 5)


def use_plugin():
    import plug
    if plug.add(41) != 42 or plug.leaf.value != 7 or plug.Base().method() != 2:
        wrong.append('plug')


def work():
    while not stopping:
        if steps(1000, 5) != EXPECTED:
            wrong.append('steps')


def visit():
    import plug
    stay = plug.core.stay
    del plug
    stay(entered, leave)


def import_slowly():
    __import__('plug.slow')


def let_in(function):
    guests.append(threading.Thread(target=function))
    guests[0].start()
    entered.wait()


def let_out():
    leave.set()
    guests.pop().join()
    entered.clear()
    leave.clear()


def answer(text):
    sys.stdout.write(text + '\n')
    sys.stdout.flush()


def listen():
    global stopping
    for line in iter(sys.stdin.readline, ''):
        if line.strip() == 'keep':
            import plug
            kept.append(plug.core.Held())
        if line.strip() == 'loads':
            answer('%d' % loads)
        if line.strip() == 'visit':
            let_in(visit)
            answer('inside')
        if line.strip() == 'import':
            let_in(import_slowly)
            answer('inside')
        if line.strip() == 'leave':
            let_out()
            answer('outside')
        if line.strip() == 'stop':
            break
    stopping = True
    os.write(wake_end, b'x')


use_plugin()
reload_it = sys.argv[1:] == ['reload']
threads = [threading.Thread(target=function) for function in (work, listen)]
for thread in threads:
    thread.daemon = True
    thread.start()
sys.stdout.write('READY\n')
sys.stdout.flush()
if sys.argv[1:] == ['wait']:
    os.read(wait_end, 1)
while not stopping:
    if steps(1000, 5) != EXPECTED:
        wrong.append('main')
    if reload_it:
        use_plugin()
sys.stdout.write('wrong %d\n' % len(wrong))
sys.stdout.flush()
