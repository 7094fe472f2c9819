"""A shop with a plugin that is held from several places, and one that nothing holds."""
import functools
import gc
import os
import sys
import tempfile
from collections import deque

FILES = {
    'shop/__init__.py': '',
    'shop/plugins/__init__.py': '',
    'shop/cart.py': 'cache = {}\n',
    'shop/views.py': 'from shop.plugins.tax import compute\n',
    'shop/plugins/tax.py': 'class Rate(object):\n    def value(self):\n        return 1\n'
                           'def compute():\n    return Rate()\ndef stored():\n    yield 1\n',
    'shop/plugins/free.py': 'class Free(object):\n    def value(self):\n        return 1\n'
                            'def use():\n    return Free().value()\n',
}
folder = tempfile.mkdtemp()
for name, text in FILES.items():
    path = os.path.join(folder, name)
    if not os.path.isdir(os.path.dirname(path)):
        os.makedirs(os.path.dirname(path))
    with open(path, 'w') as file:
        file.write(text)
sys.path.insert(0, folder)
sys.dont_write_bytecode = True
import json
import shop.cart
import shop.plugins.free
import shop.plugins.tax
import shop.views

shop.cart.cache['eu'] = [shop.plugins.tax.Rate() for _ in range(1204)]
queue = deque([functools.partial(shop.plugins.tax.compute)])


def load_anew():
    del sys.modules['shop.plugins.free']
    del sys.modules['shop.plugins'].free
    __import__('shop.plugins.free')


def reload_with_an_instance_kept():
    kept = []
    for _ in range(5):
        kept.append(sys.modules['shop.plugins.free'].Free())
        load_anew()
    gc.collect()
    return kept


if 'ghosts' in sys.argv:
    kept = reload_with_an_instance_kept()
sys.stdout.write('READY\n')
sys.stdout.flush()
sys.stdin.read()
