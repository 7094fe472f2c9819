"""Imports and drops modules as fast as it can, while many others stay as they are.

Prints the stable part of sys.modules as JSON, one row per line, then READY, then churns until its
standard input ends. With the argument `import` modules come from files, through the import
machinery; without it, module objects are made and dropped, which is faster by far.
"""
import json
import os
import sys
import threading
import types

HERE = os.path.dirname(os.path.abspath(__file__))
SHOP = os.path.join(HERE, "shop")
sys.dont_write_bytecode = True
STABLE = 300
CHURNING = 40


def write(name, text):
    with open(os.path.join(SHOP, name + ".py"), "w") as file:
        file.write(text)


def name_of(number):
    """Names of different lengths, so that one read half is none of them."""
    return "churn_%d_%s_end" % (number, "abcdefghij"[number % 10] * (number % 7 * 5))


def stock():
    os.mkdir(SHOP)
    sys.path.insert(0, SHOP)
    for number in range(STABLE):
        write("stable_%03d" % number, "__version__ = '%d.1'\n" % number)
    for number in range(CHURNING):
        write(name_of(number), "__version__ = '%d.2'\nvalue = list(range(50))\n" % number)
    for number in range(STABLE):
        __import__("stable_%03d" % number)


def import_and_drop(number):
    name = name_of(number % CHURNING)
    __import__(name)
    del sys.modules[name]


def make_and_drop(number):
    name = name_of(number % CHURNING)
    module = types.ModuleType(name)
    module.__file__ = "/nowhere/" + name + ".py"
    module.__version__ = "%d.2" % (number % CHURNING)
    sys.modules[name] = module
    # Keep the last few, so that not only one is there at a time.
    sys.modules.pop(name_of((number + 7) % CHURNING), None)


def churn(step):
    number = 0
    while True:
        step(number)
        number += 1


def row(name):
    value = sys.modules[name]
    return {
        "name": name,
        "address": id(value),
        "dict": id(value.__dict__),
        "file": value.__file__,
        "version": value.__version__,
    }


stock()
for number in range(STABLE):
    print(json.dumps(row("stable_%03d" % number)))
step = import_and_drop if "import" in sys.argv[1:] else make_and_drop
thread = threading.Thread(target=churn, args=(step,))
thread.daemon = True
thread.start()
print("READY")
sys.stdout.flush()
sys.stdin.read()
os._exit(0)
