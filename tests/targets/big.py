"""Holds as many objects as the first argument says, and a plugin a few steps away; on a line of input it asks a
tool in process who holds the plugin, and prints the seconds that took. The second argument is where tools are."""
import gc
import os
import sys
import tempfile
import time

folder = tempfile.mkdtemp()
with open(os.path.join(folder, 'plug.py'), 'w') as file:
    file.write('def work():\n    return 1\n')
sys.path.insert(0, folder)
sys.dont_write_bytecode = True


class Point(object):
    def __init__(self, number):
        self.number = number
        self.near = [number]


gc.disable()
points = [Point(number) for number in range(int(sys.argv[1]) // 3)]
gc.enable()
gc.collect()
deep = {'hooks': [(__import__('plug').work,)]}


def objgraph():
    import objgraph
    work = sys.modules['plug'].work
    return len(objgraph.find_backref_chain(work, objgraph.is_proper_module))


def guppy():
    from guppy import hpy
    return str(hpy().iso(sys.modules['plug'].work).referrers.byvia)


sys.path.extend(sys.argv[2:])
print('READY %d' % len(gc.get_objects()))
sys.stdout.flush()
for line in sys.stdin:
    tool = {'objgraph': objgraph, 'guppy': guppy}[line.strip()]
    started = time.perf_counter()
    tool()
    print(time.perf_counter() - started)
    sys.stdout.flush()
