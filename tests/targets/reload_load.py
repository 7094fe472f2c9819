"""Five modules that call each other, and eight threads that call into them as fast as they can. Each
call returns the version it saw in each module. Answers orders on standard input."""
import gc
import os
import select
import sys
import threading
import traceback

folder = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, folder)
sys.dont_write_bytecode = True
NAMES = ['a', 'b', 'c', 'd', 'e']
SOURCE = '''
LIMIT = {version}
class Base(object):
    def version(self):
        return [{version}]
class Thing(Base):
    def version(self):
        return super(Thing, self).version() + [LIMIT]
thing = Thing()
def make(x):
    def inner():
        return [{version}]
    return inner
{imports}
def call():
    seen = [{version}] + thing.version() + make(1)()
    {more}
    return seen
'''


def write(version):
    os.makedirs(os.path.join(folder, 'group'), exist_ok=True)
    for name, following in zip(NAMES, NAMES[1:] + [None]):
        imports = 'from group import %s\n' % following if following else ''
        more = 'seen += %s.call()' % following if following else ''
        text = SOURCE.format(version=version, imports=imports, more=more)
        with open(os.path.join(folder, 'group', name + '.py'), 'w') as file:
            file.write(text)
    open(os.path.join(folder, 'group', '__init__.py'), 'w').close()


write(1)
from group import a
from group.a import call as imported

latest = 1
errors, calls, mixed = [], [0] * 8, [0] * 8
stop = False


def work(number):
    global latest
    while not stop:
        floor = latest
        try:
            seen = (imported if number % 2 else a.call)()
        except BaseException:
            errors.append(traceback.format_exc())
            continue
        calls[number] += 1
        if min(seen) < floor:
            errors.append('begun after %d, saw %d' % (floor, min(seen)))
        if min(seen) != max(seen):
            mixed[number] += 1
        elif max(seen) > latest:
            latest = max(seen)


def say(text):
    sys.stdout.write(text + '\n')
    sys.stdout.flush()


def orders():
    rest = b''
    while True:
        if select.select([0], [], [], 0.005)[0]:
            more = os.read(0, 4096)
            if not more:
                return
            rest += more
            while b'\n' in rest:
                line, rest = rest.split(b'\n', 1)
                yield line.decode().split()


threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(8)]
for thread in threads:
    thread.start()
say('READY')
for order in orders():
    if order[0] == 'write':
        write(int(order[1]))
        say('written')
    elif order[0] == 'done':
        # The tool has ended: whatever begins from now on must see this version.
        latest = max(latest, int(order[1]))
        say('noted')
    elif order[0] == 'state':
        gc.collect()
        say('%d %d %d %d' % (len(errors), sum(calls), sum(mixed), sys.getallocatedblocks()))
    elif order[0] == 'errors':
        say(repr(errors[:3]))
stop = True
