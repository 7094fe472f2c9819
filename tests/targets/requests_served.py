"""Serves requests with eight threads, as a web server does: each imports what it needs and calls it.

READY with the folder of the modules. Then `served` prints how many requests were served and DONE; `seen` prints each
answer that was given since it was asked last, sorted, and DONE; `stop` prints what went wrong, then DONE.
"""
import os
import sys
import tempfile
import threading
import time
import traceback

FILES = {
    'shop_views/__init__.py': 'from shop_prices import price\nVERSION = 1\ndef view():\n    return VERSION, price()\n',
    'shop_views/late.py': 'from . import view\ndef twice():\n    return view(), view()\n',
    'shop_prices.py': 'VERSION = 1\ndef price():\n    return VERSION\n',
    'shop_prices_of_others.py': 'VERSION = 1\n',
}
folder = tempfile.mkdtemp()
for name, text in FILES.items():
    path = os.path.join(folder, name)
    if not os.path.isdir(os.path.dirname(path)):
        os.makedirs(os.path.dirname(path))
    with open(path, 'w') as file:
        file.write(text)
    # Older than any edit of a test.
    os.utime(path, (1, 1))
sys.path.insert(0, folder)
sys.dont_write_bytecode = True
stopping = False
wrong = []
served = [0] * 8
seen = set()


def serve(number):
    while not stopping:
        try:
            from shop_views.late import twice
            first, second = twice()
            if first != second:
                raise ValueError('%r and %r in one request' % (first, second))
            seen.add(first)
            del twice
        except BaseException:
            wrong.append(traceback.format_exc().replace('\n', ' | '))
        served[number] += 1
        time.sleep(0.0005)


def answer(*lines):
    for line in lines + ('DONE',):
        sys.stdout.write(line + '\n')
    sys.stdout.flush()


def main():
    import shop_prices_of_others  # stays
    threads = [threading.Thread(target=serve, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.daemon = True
        thread.start()
    while not all(served):
        time.sleep(0.001)
    listener = threading.Thread(target=listen)
    listener.start()
    sys.stdout.write(folder + '\nREADY\n')
    sys.stdout.flush()
    while not stopping:
        sum(range(1000))
        time.sleep(0.0001)
    for thread in threads:
        thread.join()
    answer(*wrong[:20])


def listen():
    global stopping
    for line in iter(sys.stdin.readline, ''):
        if line.strip() == 'served':
            answer('%d' % sum(served))
        elif line.strip() == 'seen':
            answers = sorted(map(repr, seen.copy()))
            seen.clear()
            answer(*answers)
        else:
            break
    stopping = True


main()
