"""Imports about 700 modules of the standard library, prints how many there are, and waits for its input to end."""
import importlib
import pkgutil
import sys
import warnings

WANTED = 700
# Open windows, print, or end the program.
LEFT_OUT = ("antigravity", "distutils", "lib2to3", "test", "idlelib", "this", "tkinter", "turtle", "turtledemo", "site-packages", "ensurepip")

warnings.simplefilter("ignore")
library = [path for path in sys.path if path.endswith("python%d.%d" % sys.version_info[:2])]
for module in pkgutil.walk_packages(library, onerror=lambda name: None):
    if len(sys.modules) >= WANTED:
        break
    if module.name.startswith(LEFT_OUT) or "__main__" in module.name or ".test" in module.name:
        continue
    try:
        importlib.import_module(module.name)
    except BaseException:  # noqa: B036 (some end the program where they cannot run)
        pass
print("READY", len(sys.modules))
sys.stdout.flush()
sys.stdin.read()
