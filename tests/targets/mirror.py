"""Does what its argument says (`busy`, `lock`, `sleep`, `read`), and for each line of input prints, on one
line, what of its state code that is run in it from outside must leave as it was. It looks by its own hand,
so that it shows too what the first such code changed.
"""
import gc
import os
import signal
import sys
import threading
import time

how = sys.argv[1]
lock = threading.Lock()
lock.acquire()


def state():
    main = sys.modules["__main__"].__dict__
    builtins = main["__builtins__"]
    return [
        sorted(sys.modules),
        id(sys.modules),
        list(sys.path),
        len(sys.meta_path),
        sorted(main),
        sorted(getattr(builtins, "__dict__", builtins)),
        sorted(os.environ.items()),
        os.getcwd(),
        [str(signal.getsignal(number)) for number in range(1, 32) if number not in (9, 19)],
        sorted(thread.name for thread in threading.enumerate()),
        [str(stream) for stream in (sys.stdin, sys.stdout, sys.stderr)],
        [str(value) for value in (sys.gettrace(), sys.getprofile(), sys.excepthook, sys.displayhook)],
        sys.getrecursionlimit(),
        gc.isenabled(),
        gc.get_threshold(),
        len(gc.garbage),
    ]


def answer():
    line = sys.stdin.readline()
    if not line:
        os._exit(0)
    sys.stdout.write(repr(state()) + "\n")
    sys.stdout.flush()


def answer_for_ever():
    while True:
        answer()


state()  # what the first look itself loads
if how != "read":
    other = threading.Thread(target=answer_for_ever, name="other")
    other.daemon = True
    other.start()
sys.stdout.write("READY\n")
sys.stdout.flush()
if how == "read":
    answer_for_ever()
elif how == "lock":
    lock.acquire()
elif how == "sleep":
    time.sleep(100000)
while True:
    sum(range(1000))
