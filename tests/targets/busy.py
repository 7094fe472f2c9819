"""Computes the same numbers again and again and ends with an error when one comes out wrong.

Arguments choose what goes on besides: `threads` (four more threads that allocate), `brief` (two
threads that start others as fast as they can, which end at once), `timer` (a signal handler a
thousand times a second), `long` (calls of some seconds that hold the GIL), `mdwe` (no memory may be made executable),
`apart` (in an IPC namespace of its own).
"""
import os
import select
import signal
import sys
import threading

ROUND = 20000


def integers():
    total = 0
    for i in range(ROUND):
        total = (total * 31 + i) & 0xFFFFFFFF
    return total


def floats():
    total = 1.0
    for i in range(ROUND):
        total = total * 1.0000001 + i / 7.0
    return total


def allocate():
    while True:
        sorted([str(i) for i in range(200)])


def start_brief_ones():
    while True:
        thread = threading.Thread(target=int)
        thread.daemon = True
        thread.start()


def start(function, count):
    for _ in range(count):
        thread = threading.Thread(target=function)
        thread.daemon = True
        thread.start()


def allow_no_new_code():
    import ctypes

    PR_SET_MDWE, REFUSE_EXEC_GAIN = 65, 1
    if ctypes.CDLL(None).prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0):
        sys.exit("no PR_SET_MDWE here")


def leave_namespace():
    import ctypes

    CLONE_NEWIPC = 0x08000000
    if ctypes.CDLL(None).unshare(CLONE_NEWIPC):
        sys.exit("no IPC namespace of its own")


def input_ended():
    ready = select.select([sys.stdin], [], [], 0)[0]
    return bool(ready) and not sys.stdin.readline()


def main():
    expected = integers(), floats()
    if "threads" in sys.argv:
        start(allocate, 4)
    if "brief" in sys.argv:
        start(start_brief_ones, 2)
    if "timer" in sys.argv:
        signal.signal(signal.SIGALRM, lambda number, frame: None)
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    if "apart" in sys.argv:
        leave_namespace()
    if "mdwe" in sys.argv:
        allow_no_new_code()
    sys.stdout.write("READY\n")
    sys.stdout.flush()
    while True:
        try:
            if input_ended():
                # Neither daemon threads nor the timer are part of the test of an orderly end.
                os._exit(0)
        except select.error:  # 2.7: interrupted by the timer
            pass
        if (integers(), floats()) != expected:
            sys.stdout.write("WRONG\n")
            sys.exit(1)
        if "long" in sys.argv:
            sum(range(60000000)) if sys.version_info[0] > 2 else sum(xrange(60000000))


main()
