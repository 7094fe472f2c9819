"""One state of the matrix of scripts/soak: does what its argument says, for ever, and ends with an
error when a result is wrong, a wait ends too early, or an exception comes out of nowhere.
"""
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time

how = sys.argv[1]
LONG = 100000


def ready():
    sys.stdout.write("READY\n")
    sys.stdout.flush()


def compute():
    total = 0
    for i in range(3000):
        total = (total * 31 + i) & 0xFFFFFFFF
    return total, [float(i) / 7 for i in range(50)], sorted(str(i) for i in range(50))


EXPECTED = compute()


def check():
    if compute() != EXPECTED:
        sys.stdout.write("WRONG\n")
        sys.stdout.flush()
        os._exit(1)


def busy(step=check):
    ready()
    while True:
        step()


def daemon(function):
    thread = threading.Thread(target=function)
    thread.daemon = True
    thread.start()


def for_ever(function):
    def run():
        while True:
            function()

    return run


def threads(function, count=4):
    for _ in range(count):
        daemon(for_ever(function))


def c_malloc():
    """A function that has C make and free memory without the GIL."""
    try:
        import ctypes
    except ImportError:
        # A build without it: opendir and closedir do so too.
        return lambda: os.listdir("/")
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.free.argtypes = [ctypes.c_void_p]

    def make_and_free():
        for size in (64, 1000, 5000, 200000):
            libc.free(libc.malloc(size))

    return make_and_free


def qsort_in_c():
    """A long call that holds the GIL."""
    sorted(range(3000000), key=lambda x: -x) and None


def listening():
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(1)
    return server


def locked():
    lock = threading.Lock()
    lock.acquire()
    return lock


def wait_for(prepare):
    """`prepare` gives the call that must never return."""
    wait = prepare()
    ready()
    wait()
    sys.exit("the wait has ended")


def queue_get():
    try:
        import queue
    except ImportError:
        import Queue as queue
    return queue.Queue().get


def condition():
    condition = threading.Condition()
    condition.acquire()
    return condition.wait


def asyncio_idle():
    import asyncio

    return asyncio.new_event_loop().run_forever


NEVER = os.pipe()


def polled(make):
    def prepare():
        poll = make()
        poll.register(NEVER[0], 1)
        return poll.poll

    return prepare


def deep(depth):
    if depth:
        return deep(depth - 1)
    ready()
    while True:
        check_flat()


def check_flat():
    total = 0
    for i in range(3000):
        total = (total * 31 + i) & 0xFFFFFFFF
    if total != EXPECTED[0]:
        os._exit(1)


def audited():
    def hook(name, arguments):
        if name in ("compile", "exec"):
            raise RuntimeError("the hook of the program")

    sys.addaudithook(hook)
    busy(check_flat)


def shadowed():
    import __main__

    for name in ("compile", "exec", "eval", "print", "type", "len"):
        setattr(__main__, name, None)
    busy(check_flat)


def traced():
    def trace(frame, event, argument):
        return trace

    sys.settrace(trace)
    busy()


def set_user():
    os.setgid(65534)
    os.setuid(65534)
    busy()


def sub_interpreters():
    try:
        import _interpreters as interpreters
    except ImportError:
        import _xxsubinterpreters as interpreters
    for _ in range(3):
        interpreters.create()
    busy()


def forking():
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    check_flat()


def imports():
    for name in ("colorsys", "this_is_not_there", "bisect", "wave_is_not_there"):
        sys.modules.pop(name, None)
        try:
            __import__(name)
        except ImportError:
            pass


def no_new_code():
    import ctypes

    PR_SET_MDWE, REFUSE_EXEC_GAIN = 65, 1
    if ctypes.CDLL(None).prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0):
        sys.exit("no PR_SET_MDWE here")
    busy()


def timer():
    signal.signal(signal.SIGALRM, lambda number, frame: None)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    busy()


def collected():
    import gc

    busy(lambda: (gc.collect(), check_flat()))


def library(kind):
    import ctypes

    return getattr(ctypes, kind)(os.path.join(os.path.dirname(os.path.abspath(__file__)), "registers.so"))


def registers(kind):
    """Full registers in a C function: with the GIL held (PyDLL), or released (CDLL)."""
    held = library(kind).hold_registers

    def hold():
        changed = held(1000000)
        if changed:
            sys.stderr.write("registers of kind %d were changed\n" % changed)
            os._exit(1)

    busy(hold)


def gil_call():
    stay = library("PyDLL").stay
    busy(lambda: (stay(700), check_flat()))


def greenlets():
    import greenlet

    def other():
        total = 0
        while True:
            total = total + sum(range(greenlet.getcurrent().parent.switch(total)))

    partner = greenlet.greenlet(other)
    partner.switch()
    total = [0]

    def step():
        total[0] += sum(range(50))
        if partner.switch(50) != total[0]:
            os._exit(1)
        check_flat()

    busy(step)


def lock_with_workers():
    threads(check)
    return locked().acquire


STATES = {
    "busy": busy,
    "contended": lambda: (threads(check), busy()),
    "malloc": lambda: (threads(c_malloc()), busy()),
    "sleep": lambda: wait_for(lambda: lambda: time.sleep(LONG)),
    "lock": lambda: wait_for(lock_with_workers),
    "queue": lambda: wait_for(queue_get),
    "condition": lambda: wait_for(condition),
    "event": lambda: wait_for(lambda: threading.Event().wait),
    "asyncio": lambda: wait_for(asyncio_idle),
    "select": lambda: wait_for(lambda: lambda: select.select([NEVER[0]], [], [])),
    "poll": lambda: wait_for(polled(select.poll)),
    "epoll": lambda: wait_for(polled(select.epoll)),
    "read": lambda: wait_for(lambda: lambda: os.read(NEVER[0], 1)),
    "accept": lambda: wait_for(lambda: listening().accept),
    "recv": lambda: wait_for(lambda: (lambda pair: lambda: pair[0].recv(1))(socket.socketpair())),
    "subprocess": lambda: wait_for(lambda: subprocess.Popen(["cat"], stdin=subprocess.PIPE).wait),
    "pause": lambda: wait_for(lambda: signal.pause),
    "timer": timer,
    "gc": collected,
    "imports": lambda: busy(imports),
    "long-call": lambda: busy(qsort_in_c),
    "deep": lambda: (sys.setrecursionlimit(500), deep(470)),
    "audited": audited,
    "traced": traced,
    "shadowed": shadowed,
    "setuid": set_user,
    "subinterpreters": sub_interpreters,
    "forking": lambda: busy(forking),
    "registers": lambda: registers("PyDLL"),
    "registers-released": lambda: registers("CDLL"),
    "gil-call": gil_call,
    "greenlet": greenlets,
    "mdwe": no_new_code,
}
STATES[how]()
