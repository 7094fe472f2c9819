"""A shop with plugins that nobody uses any more, for `pyunload demo`. Ends when its input does."""
import os
import select
import shutil
import sys
import tempfile

FILES = {
    "__init__.py": "",
    "tax.py": "RATES = {'eu': 21}\n\n\ndef tax(price):\n    return price * RATES['eu'] // 100\n",
    "legacy.py": "TABLE = list(range(200000))\n\n\nclass Order(object):\n    pass\n",
}


def write_plugins(folder):
    package = os.path.join(folder, "shop_plugins")
    os.mkdir(package)
    for name, source in FILES.items():
        with open(os.path.join(package, name), "w") as file:
            file.write(source)
    sys.path.insert(0, folder)


def sell(tax):
    """Works until the input ends, as a server would until it is told to stop."""
    sold = 0
    while not select.select([sys.stdin], [], [], 0)[0]:
        for price in range(1000):
            sold += price + tax.tax(price)
    return sold


def main():
    sys.dont_write_bytecode = True
    folder = tempfile.mkdtemp(prefix="pyunload-demo-")
    try:
        write_plugins(folder)
        import shop_plugins.legacy
        from shop_plugins import tax

        # The old plugin is not needed any more, but sys.modules keeps it, with its big table.
        del shop_plugins
        print("READY %d" % os.getpid())
        sys.stdout.flush()
        sell(tax)
    finally:
        shutil.rmtree(folder)


main()
