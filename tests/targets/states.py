"""Modules of all kinds, in a folder that is printed: each is then edited, moved or taken away by the test.
Arguments: an extension module to copy, or nothing."""
import os
import py_compile
import shutil
import sys
import types
import zipfile

folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'm')
sys.dont_write_bytecode = True
FUNCTION = 'def f(x):\n    return x * 19\n'
SOURCES = {
    'one/moved_one.py': FUNCTION,
    'one/gone.py': FUNCTION,
    'two/two.txt': '',
    'only.py': FUNCTION,
    'space/inner.py': FUNCTION,
    'patched.py': FUNCTION + 'class K(object):\n    def m(self):\n        return 1\n',
    'patcher.py': 'def mine(x):\n    return 2\n',
    'versioned.py': "__version__ = '1.0'\n" + FUNCTION,
    'consts.py': 'LIMIT = 5\nNAME = "a"\nSTATE = None\nCOUNT = 0\nSET = 1\nclass K(object):\n    SIZE = (1, 2)\n'
                 'def f():\n    global COUNT\n    COUNT += 1\n',
    'only_consts.py': 'LIMIT = 5\n',
    'touched.py': 'LIMIT = 5\n' + FUNCTION,
    'zipped_away.py': FUNCTION,
}


def write(name, text):
    path = os.path.join(folder, name)
    if not os.path.isdir(os.path.dirname(path)):
        os.makedirs(os.path.dirname(path))
    with open(path, 'w') as file:
        file.write(text)


def imported(*names):
    for name in names:
        __import__(name)


for name, text in SOURCES.items():
    write(name, text)
# Files as an installation leaves them: older than the process. The second is a whole one.
for name in SOURCES:
    os.utime(os.path.join(folder, name), (1000000000, 1000000000))
with zipfile.ZipFile(os.path.join(folder, 'lib.zip'), 'w') as archive:
    archive.writestr('zipped.py', FUNCTION)
py_compile.compile(os.path.join(folder, 'only.py'), os.path.join(folder, 'only.pyc'), doraise=True)
os.unlink(os.path.join(folder, 'only.py'))
sys.path[:0] = [folder, os.path.join(folder, 'one'), os.path.join(folder, 'two'), os.path.join(folder, 'lib.zip')]
imported('gone', 'moved_one', 'only', 'patched', 'patcher', 'versioned', 'consts', 'only_consts', 'zipped')
sys.dont_write_bytecode = False
imported('touched')
sys.dont_write_bytecode = True
if sys.version_info[0] > 2:
    imported('space.inner')
if len(sys.argv) > 1:
    shutil.copy(sys.argv[1], folder)
    imported(os.path.basename(sys.argv[1]).split('.')[0])
patched, patcher, consts = [sys.modules[name] for name in ('patched', 'patcher', 'consts')]
patched.f = patcher.mine
patched.K.m = patcher.mine
consts.STATE = object()
consts.f()
sys.modules['touched'].LIMIT = 7
made = types.ModuleType('made')
exec(FUNCTION, made.__dict__)
sys.modules['made'] = made
print(folder)
print('READY')
sys.stdout.flush()
sys.stdin.read()
