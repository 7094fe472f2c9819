"""Eight threads import a package in every way there is and call it, as fast as they can, while it is taken away from
outside again and again.

READY, then `loads` prints how often its top module has been run, and `stop` prints what went wrong, one line each,
then `rounds N` and DONE. A module is whole when what its last line defines is there, and when everything it gives is
of one copy of it.
"""
import importlib
import os
import sys
import tempfile
import threading
import time
import traceback

# They import each other in one direction only: threads that import in a circle at the same moment are given half a
# module, or a _DeadlockError, by CPython itself.
FILES = {
    'crowd/__init__.py': 'import __main__\n__main__.loaded()\ndef whole():\n    return last\nlast = 7\n',
    'crowd/left.py': 'class Number(object):\n    def __init__(self, value):\n        self.value = value\n'
                     '    def doubled(self):\n        return Number(2 * self.value)\n'
                     'def double(value):\n    return Number(value).doubled().value\nlast = 7\n',
    'crowd/right.py': 'from .left import Number, double\nfrom . import left\ndef same():\n'
                      '    return Number is left.Number and double is left.double\nlast = 7\n',
    'crowd/deep/__init__.py': 'last = 7\n',
    'crowd/deep/leaf.py': 'from ..left import double\nfrom .. import right\ndef four():\n    return double(2)\nlast = 7\n',
    'crowd/late.py': 'from .deep.leaf import four\ndef five():\n    return four() + 1\nlast = 7\n',
}
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
rounds = [0] * 8
loads = 0


def loaded():
    global loads
    loads += 1


def check(*values):
    if not all(values):
        raise ValueError('not whole: %r' % (values,))


def plainly():
    import crowd
    check(crowd.whole() == 7, crowd.last == 7)


def by_dotted_name():
    import crowd.deep.leaf
    check(crowd.deep.leaf.last == 7, crowd.deep.leaf.double(4) == 8, crowd.right.same())


def under_another_name():
    import crowd.deep.leaf as leaf
    check(leaf.last == 7, leaf.four() == 4, leaf.right.same())


def out_of_the_package():
    from crowd import left, right
    check(left.Number(3).doubled().value == 6, right.same(), left.last == right.last == 7)


def out_of_a_module():
    from crowd.left import Number, double, last
    check(isinstance(Number(1).doubled(), Number), double(1) == 2, last == 7)


def lately():
    from crowd import late
    check(late.five() == 5, late.last == 7)


def by_function():
    # To 3.9 import_module takes the one lock of all imports each time: eight threads then queue for it, and at no
    # moment does nobody import.
    if sys.version_info >= (3, 10):
        leaf = importlib.import_module('crowd.deep.leaf')
    else:
        leaf = __import__('crowd.deep.leaf', fromlist=['four'])
    check(leaf.four() == 4, leaf.last == 7)


def by_table():
    """As who looks before he imports."""
    module = sys.modules.get('crowd.right')
    if module is None:
        module = __import__('crowd.right', fromlist=['same'])
    check(module.__name__ == 'crowd.right')


WAYS = [plainly, by_dotted_name, under_another_name, out_of_the_package, out_of_a_module, lately, by_function, by_table]


def work(number):
    while not stopping:
        for way in WAYS[number:] + WAYS[:number]:
            try:
                way()
            except BaseException:
                wrong.append('%s: %s' % (way.__name__, traceback.format_exc().replace('\n', ' | ')))
            sum(range(3000))
        rounds[number] += 1


def compute():
    while not stopping:
        sum(range(1000))
        time.sleep(0)


def answer(text):
    sys.stdout.write(text + '\n')
    sys.stdout.flush()


def listen():
    global stopping
    for line in iter(sys.stdin.readline, ''):
        if line.strip() == 'loads':
            answer('%d' % loads)
        else:
            break
    stopping = True


threads = [threading.Thread(target=work, args=(number,)) for number in range(8)] + [threading.Thread(target=listen)]
for thread in threads:
    thread.daemon = True
    thread.start()
while loads == 0:
    time.sleep(0.001)
answer('READY')
compute()
for thread in threads[:8]:
    thread.join()
for line in wrong[:20]:
    answer(line)
answer('rounds %d' % sum(rounds))
answer('DONE')
