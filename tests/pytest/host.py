"""A plugin host, to be tested: on `load NAME` it imports plugins.NAME and uses it; on `unload NAME` it lets go
of it as far as it knows. Its leaky kind keeps what a plugin gave it."""
import gc
import os
import sys
import tempfile
import types

LEAKY = "--leaky" in sys.argv
SOURCE = "class Rate:\n    def total(self):\n        return 3\n\ndef activate():\n    return Rate()\n"

folder = os.path.join(tempfile.mkdtemp(), "plugins")
os.mkdir(folder)
plugins = types.ModuleType("plugins")
plugins.__path__ = [folder]
sys.modules["plugins"] = plugins
sys.dont_write_bytecode = True
kept = []


def load(name):
    with open(os.path.join(folder, name + ".py"), "w") as file:
        file.write(SOURCE)
    rate = __import__("plugins." + name, fromlist=["activate"]).activate()
    if LEAKY:
        kept.append(rate)


def unload(name):
    del sys.modules["plugins." + name]
    delattr(plugins, name)
    gc.collect()


print("READY", flush=True)
for line in sys.stdin:
    order, name = line.split()
    {"load": load, "unload": unload}[order](name)
    print("DONE", flush=True)
