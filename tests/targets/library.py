"""Imports most modules of the standard library, and says what its own collector knows of them.

READY with the number of modules. Then lines `KIND ADDRESS NAME`, up to a line `end`: ghosts as they were named from
outside. For each that is none it prints `false KIND NAME REASON`, and `missed NAME` for every namespace that is one
and was not named; then DONE.
"""
import gc
import importlib
import pkgutil
import sys
import types
import warnings

# Open windows, print, or end the program.
LEFT_OUT = ("antigravity", "distutils", "lib2to3", "test", "idlelib", "this", "tkinter", "turtle", "turtledemo",
            "site-packages", "ensurepip", "pip", "setuptools", "pkg_resources", "wheel", "lib-tk", "Tk", "Tix", "ttk",
            "ScrolledText", "FixTk", "_distutils_hack", "curses")


def import_all():
    warnings.simplefilter("ignore")
    library = [path for path in sys.path if path.endswith("python%d.%d" % sys.version_info[:2])]
    for module in pkgutil.walk_packages(library, onerror=lambda name: None):
        if module[1].startswith(LEFT_OUT) or "__main__" in module[1] or ".test" in module[1]:
            continue
        try:
            importlib.import_module(module[1])
        except BaseException:  # some end the program where they cannot run
            pass


def loaded_dicts():
    return set(id(vars(module)) for module in list(sys.modules.values()) if isinstance(module, types.ModuleType))


def globals_that_run():
    """Every dict that a function runs in or a module object has, by number."""
    found = {}
    for thing in gc.get_objects():
        if type(thing) is types.FunctionType:
            space = getattr(thing, "__globals__")
            found[id(space)] = space
        elif isinstance(thing, types.ModuleType):
            found[id(vars(thing))] = vars(thing)
    return found


def is_like_a_module(space):
    marks = ("__doc__", "__package__") if sys.version_info[0] == 2 else ("__spec__", "__loader__")
    return isinstance(space.get("__name__"), str) and any(mark in space for mark in marks)


def why_no_ghost_of_globals(address, name, spaces, loaded):
    if address not in spaces:
        return "no function runs in it"
    if address in loaded:
        return "sys.modules gives it"
    if spaces[address].get("__name__") != name:
        return "its name is %r" % spaces[address].get("__name__")


def functions_of(cls):
    for value in list(vars(cls).values()):
        value = getattr(value, "__func__", value)
        if type(value) is types.FunctionType:
            yield value


def why_no_ghost_of_class(address, name, classes, loaded):
    cls = classes.get(address)
    if cls is None:
        return "there is no such class"
    if name != "%s.%s" % (cls.__module__, cls.__name__):
        return "its name is %s.%s" % (cls.__module__, cls.__name__)
    module = sys.modules.get(cls.__module__)
    if module is None:
        return None
    standing = vars(module).get(cls.__name__)
    if standing is cls:
        return "its module gives it"
    if not isinstance(standing, type):
        return "its module has nothing else under its name"
    if standing in vars(cls).values():
        return "it is made from what its module gives"
    if any(id(function.__globals__) in loaded for function in functions_of(cls)):
        return "its methods run in a module that is loaded"


def judge(named):
    gc.collect()
    spaces, loaded = globals_that_run(), loaded_dicts()
    classes = dict((id(thing), thing) for thing in gc.get_objects() if isinstance(thing, type))
    for kind, address, name in named:
        if kind == "class":
            reason = why_no_ghost_of_class(address, name, classes, loaded)
        else:
            reason = why_no_ghost_of_globals(address, name, spaces, loaded)
        if reason:
            print("false %s %s: %s" % (kind, name, reason))
    told = set(address for kind, address, name in named)
    for address, space in spaces.items():
        if address not in loaded and address not in told and is_like_a_module(space):
            print("missed %s" % space["__name__"])


def main():
    import_all()
    gc.collect()
    print(len(sys.modules))
    print("READY")
    sys.stdout.flush()
    named = []
    while True:
        line = sys.stdin.readline().strip()
        if not line:
            return
        if line == "end":
            judge(named)
            print("DONE")
            sys.stdout.flush()
            named = []
        else:
            kind, address, name = line.split(" ", 2)
            named.append((kind, int(address, 16), name))


main()
