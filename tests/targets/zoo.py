# -*- coding: utf-8 -*-
"""Fills sys.modules with every kind of entry there is, prints what it sees of it itself, and waits.

Runs on Python 2.7 and 3. With the argument `plain` all keys stay ordinary str, so that the table
of sys.modules keeps the form for such keys.

Prints one JSON object per entry, in the order of sys.modules, then READY.
"""
import json
import os
import py_compile
import sys
import types
import zipfile

PY2 = sys.version_info[0] == 2
HERE = os.path.dirname(os.path.abspath(__file__))
SHOP = os.path.join(HERE, "shop")
PLAIN = "plain" in sys.argv[1:]


def write(name, text=""):
    path = os.path.join(SHOP, *name.split("/"))
    if not os.path.isdir(os.path.dirname(path)):
        os.makedirs(os.path.dirname(path))
    with open(path, "w") as file:
        file.write(text)
    return path


def stock():
    """Writes the files to import."""
    for number in range(300):
        write("many_%03d.py" % number, "__version__ = '%d.0'\nvalue = %d\n" % (number, number))
    write("pkg/__init__.py", "from . import sub\n")
    # An implicit relative import on Python 2: leaves a None under pkg.os.
    write("pkg/sub.py", "import os\nNAME = __name__\n")
    if not PY2:
        write("spacious/inner.py", "x = 1\n")
    bare = write("bare.py", "y = 2\n")
    py_compile.compile(bare, cfile=os.path.join(SHOP, "bare.pyc"))
    os.remove(bare)
    with zipfile.ZipFile(os.path.join(SHOP, "zipped.zip"), "w") as archive:
        archive.writestr("zipped.py", "z = 3\n")
        archive.writestr("zipped_pkg/__init__.py", "")
    sys.path.insert(0, os.path.join(SHOP, "zipped.zip"))
    sys.path.insert(0, SHOP)


def map_odd_file():
    """Maps a file whose name is no UTF-8, where this interpreter can map files."""
    try:
        import mmap
    except ImportError:
        return None
    name = os.path.join(HERE if PY2 else os.fsencode(HERE), b"caf\xe9")
    with open(name, "w+b") as file:
        file.write(b"x" * 4096)
        file.flush()
        return mmap.mmap(file.fileno(), 4096)


def first_extension():
    """Imports an extension module that this interpreter has as a file."""
    for name in ["_json", "_csv", "_ctypes", "_sqlite3", "_bz2", "mmap", "_lsprof", "_testcapi"]:
        try:
            module = __import__(name)
        except ImportError:
            continue
        if getattr(module, "__file__", None):
            return name
    return None


def import_all():
    for number in range(300):
        __import__("many_%03d" % number)
    for name in ["pkg", "pkg.sub", "bare", "zipped", "zipped_pkg", "time", "itertools"]:
        __import__(name)
    if not PY2:
        __import__("spacious.inner")
    out, sys.stdout = sys.stdout, open(os.devnull, "w")
    try:
        __import__("__hello__")
    finally:
        sys.stdout.close()
        sys.stdout = out


class Subclass(types.ModuleType):
    """A module object of a class of its own."""


class Odd(object):
    """An object that is no module."""


def module(name, **values):
    made = types.ModuleType(name)
    made.__dict__.update(values)
    sys.modules[name] = made
    return made


def put_oddities():
    sys.modules["alias_of_pkg"] = sys.modules["pkg"]
    sys.modules["none_value"] = None
    sys.modules["a_number"] = 42
    sys.modules["a_text"] = "text"
    sys.modules["an_object"] = Odd()
    sys.modules["a_class"] = Odd
    sys.modules["subclass"] = Subclass("subclass")
    subclass = Subclass("subclass_with_file")
    subclass.__file__ = os.path.join(SHOP, "subclass.py")
    sys.modules["subclass_with_file"] = subclass
    made = module("without_names")
    made.__dict__.clear()
    module("odd_names", __name__=7, __file__=8, __spec__=9, __loader__=10, __package__=11)
    module("null_names", __name__=None, __file__=None, __spec__=None, __loader__=None)
    module("odd_version", __version__=(1, 2, 3))
    made = module("no_interned_names")
    made.__dict__["".join(["__ver", "sion__"])] = "1.2.3"
    made.__dict__["".join(["__fi", "le__"])] = "/made/of/pieces.py"
    for name in ["many_000", "many_001", "many_002"]:
        dictionary = sys.modules[name].__dict__
        for deleted in ["__spec__", "__loader__", "__file__", "__name__"]:
            dictionary.pop(deleted, None)
    sys.modules["many_003"].__spec__ = Odd()
    many = module("ten_thousand_globals")
    for number in range(10000):
        many.__dict__["name_%d" % number] = number
    many.__file__ = "/large/module.py"
    module("accents", __version__=u"1.0-b\u00eata" if not PY2 else u"1.0-b\u00eata".encode("utf-8"))
    sys.modules[""] = types.ModuleType("empty")
    sys.modules["long_" + "x" * 5000] = types.ModuleType("long")
    sys.modules["with\ttab and \x1b[31mcolour\n"] = types.ModuleType("control")
    if PY2:
        sys.modules[u"caf\u00e9 \u65e5\u672c".encode("utf-8")] = types.ModuleType("utf8")
    else:
        sys.modules[u"caf\u00e9"] = types.ModuleType("latin")
        sys.modules[u"\u65e5\u672c"] = types.ModuleType("wide")
        sys.modules[u"snake \U0001f40d"] = types.ModuleType("widest")


class Name(str):
    """A str of a class of its own."""


class Key(object):
    """A key that is nothing in particular."""


def put_odd_keys():
    keys = [7, -(10 ** 30), None, True, 1.5, 1e-9, (1, "a", (None,)), (), Key(), Name("subclass of str")]
    keys += [b"\xff\xfe\x00bytes", u"lone \udcff", u"text \u00e9 it's", Key]
    if PY2:
        keys += [u"\U0001f40d"]
    for key in keys:
        sys.modules[key] = types.ModuleType("odd_key")


def name_of(key):
    """The name of a row, and whether it is in repr form."""
    if isinstance(key, str):
        try:
            text = key.decode("utf-8") if PY2 else key
            text.encode("utf-8")
            return text, False
        except UnicodeError:
            return repr(key), True
    plain = (type(None), bool, int, float, tuple, bytes, type(u""), type(2 ** 100))
    if isinstance(key, type):
        return "<class '%s'>" % key.__name__, True
    return (repr(key) if type(key) in plain else "<%s object>" % type(key).__name__), True


def text_of(value):
    if not isinstance(value, str):
        return value if PY2 and isinstance(value, type(u"")) else None
    return value.decode("utf-8") if PY2 else value


def loader_of(own, spec):
    loader = getattr(spec, "loader", own.get("__loader__"))
    if loader is None:
        return None
    return loader.__name__ if isinstance(loader, type) else type(loader).__name__


def row(key):
    # One reference is that of the call itself.
    refcount = sys.getrefcount(sys.modules[key]) - 1
    value = sys.modules[key]
    name, is_repr = name_of(key)
    own = value.__dict__ if isinstance(value, types.ModuleType) else {}
    # Not through its __dict__: asking for that would make one where there was none.
    spec = own.get("__spec__")
    return {
        "name": name,
        "name_is_repr": is_repr,
        "type": type(value).__name__,
        "address": id(value),
        "dict": id(own) if own is not None and isinstance(value, types.ModuleType) else None,
        "refcount": refcount,
        "file": text_of(own.get("__file__")),
        "cached": text_of(own["__cached__"] if "__cached__" in own else getattr(spec, "_cached", None)),
        "origin": text_of(getattr(spec, "origin", None)),
        "loader": loader_of(own, spec),
        "version": text_of(own.get("__version__")),
        "package": text_of(own.get("__package__")),
    }


def main():
    stock()
    import_all()
    extension = first_extension()
    put_oddities()
    mapped = map_odd_file()
    if not PLAIN:
        put_odd_keys()
    rows = [row(key) for key in list(sys.modules)]
    print(json.dumps({"extension": extension, "max_unicode": sys.maxunicode}))
    for item in rows:
        print(json.dumps(item))
    print("READY")
    sys.stdout.flush()
    sys.stdin.read()
    del mapped


main()
