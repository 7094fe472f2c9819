# What every program that runs inside begins with. It runs in a namespace of its own, between two
# bytecodes of the main thread. Nothing here imports, prints or waits. No attribute of a foreign object
# is looked up in a way that would run code of the target (a lazy module would load itself): only the
# dicts are read.


class Refusal(Exception):
    """Nothing was changed, or everything was put back."""


def find_core():
    """The namespace of importlib._bootstrap: it holds sys, _imp and _weakref without an import."""
    names = __builtins__ if type(__builtins__) is dict else __builtins__.__dict__
    loader = names.get('__loader__')
    if loader is not None:
        return loader.find_spec.__func__.__globals__
    if type(__import__) is not type(len):  # 2.7, and somebody replaced the function
        raise Refusal('failed import_replaced')
    core = {'sys': __import__('sys')}
    table = core['sys'].modules
    for key, name in (('_weakref', '_weakref'), ('_imp', 'imp'), ('itertools', 'itertools')):
        is_new = name not in table
        core[key] = __import__(name)
        if is_new:
            del table[name]
    return core


def namespace_of(module, module_type):
    """The globals dict of a module, past whatever its own class does to attributes."""
    if not issubclass(type(module), module_type):
        return None
    return module_type.__dict__['__dict__'].__get__(module)
