"""A package of three modules and a module beside it, whose name begins alike. Prints its folder; `call`
prints what each module says."""
import os
import select
import sys
import threading

folder = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, folder)
sys.dont_write_bytecode = True
NAMES = ['shop/__init__.py', 'shop/tax.py', 'shop/cart.py', 'shopping.py']


def write(name):
    with open(os.path.join(folder, name), 'w') as file:
        if name == 'shop/cart.py':
            file.write('from shop.tax import rate\n')
            file.write('def total():\n    return rate() + 1\n')
        else:
            file.write('def rate():\n    return 100\n')


os.mkdir(os.path.join(folder, 'shop'))
for each in NAMES:
    write(each)
import shop
import shop.cart
import shopping

# A thread that keeps calling: whatever raises in it is told.
raised = []
calls = [0]


def work():
    while True:
        try:
            shop.cart.total()
            calls[0] += 1
        except BaseException as error:
            raised.append(repr(error))


def say(text):
    sys.stdout.write(text + '\n')
    sys.stdout.flush()


threads = [threading.Thread(target=work) for _ in range(2)]
for thread in threads:
    thread.daemon = True
    thread.start()
say(folder)
say('READY')
rest = b''
while True:
    if not select.select([0], [], [], 0.005)[0]:
        continue
    more = os.read(0, 4096)
    if not more:
        break
    rest += more
    while b'\n' in rest:
        line, rest = rest.split(b'\n', 1)
        say('%d %d %d %s' % (shop.rate(), shop.cart.total(), shopping.rate(), raised[:1]))
os._exit(0)
