# What every program that runs inside begins with. It runs in a namespace of its own, between two
# bytecodes of the main thread. Nothing here imports, prints or waits. No attribute of a foreign object
# is looked up in a way that would run code of the target (a lazy module would load itself): only the
# dicts are read. The program behind this text defines `run`, whose answer, ASCII, becomes `result`;
# and `committed` and `interrupted`, the answer when something raises after the point of no return.


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


def is_genuine(names):
    return names is not None and type(names.get('collect')) is type(len)


def find_collector(core, table, module_type):
    """The functions of gc: of the module that is there, else of one made and not registered.
    A copy: when a module dies on 2.7, its own dict loses its values."""
    names = namespace_of(table.get('gc'), module_type)
    if is_genuine(names):
        return dict(names)
    before = table.get('gc')
    if 'ModuleSpec' in core:
        made = core['_imp'].create_builtin(core['ModuleSpec']('gc', None))
        core['_imp'].exec_builtin(made)
    else:
        made = __import__('gc')
    if before is None and table.get('gc') is made:  # the single-phase form registers itself (to 3.9)
        del table['gc']
    names = namespace_of(made, module_type)
    if not is_genuine(names):
        raise Refusal('failed no_collector')
    return dict(names)


def as_bytes(text):
    """To ASCII without the codec registry: 2.7 would import a codec, and its str is bytes already."""
    return text if type(text) is bytes else text.encode('ascii', 'replace')


def answer():
    try:
        return run()
    except Refusal as refusal:
        return str(refusal)
    except BaseException as error:
        return interrupted() if committed else 'failed ' + type(error).__name__
