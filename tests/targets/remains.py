"""Loads a module `doomed`, prints its id and that of its dict; then for each line of input removes it
in the way asked for and says what sys.modules has, and loads it anew for the next line."""
import gc
import sys

ModuleType = type(sys)
SOURCE = '''
value = 1
def function():
    return value
class WithMethod(object):
    def method(self):
        return value
class Bare(object):
    pass
me = [function]
me.append(me)
'''


def load(source=SOURCE):
    module = ModuleType('doomed')
    exec(compile(source, 'doomed.py', 'exec'), module.__dict__)
    sys.modules['doomed'] = module
    return module


def say(*values):
    sys.stdout.write(' '.join(str(value) for value in values) + '\n')


def describe_current():
    for name, module in list(sys.modules.items()):
        if isinstance(module, ModuleType):
            say(name, id(module), id(module.__dict__))


kept = []
say('READY')
sys.stdout.flush()
while True:
    case = sys.stdin.readline().strip()
    if not case:
        break
    del kept[:]
    if case == 'atoms':
        doomed = load('value = 1')
        del doomed.__dict__['__builtins__']
        doomed.__dict__.pop('__spec__', None)
    else:
        doomed = load()
    gc.collect()
    say(id(doomed), id(doomed.__dict__))
    keep = {'nothing': lambda: None, 'function': lambda: doomed.function,
            'class': lambda: doomed.WithMethod, 'bare class': lambda: doomed.Bare,
            'instance': lambda: doomed.WithMethod(), 'module': lambda: doomed,
            'dict': lambda: doomed.__dict__, 'atoms': lambda: doomed.__dict__,
            'newer': lambda: None, 'newer and function': lambda: doomed.function,
            'newer and bare class': lambda: doomed.Bare,
            'frozen': lambda: gc.freeze()}[case]
    kept.append(keep())
    del sys.modules['doomed']
    if case == 'newer':
        del doomed, keep
        gc.collect()
        load()
    elif case.startswith('newer'):
        del doomed, keep
        load()
    else:
        del doomed, keep
    gc.collect()
    gc.collect()
    describe_current()
    say('DONE')
    sys.stdout.flush()
