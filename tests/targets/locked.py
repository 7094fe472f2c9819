"""Takes and lets go the lock whose address it is told, and computes meanwhile.

Lines on standard input: `semaphore ADDRESS` takes a `PyThread_type_lock`, `mutex ADDRESS` sets the
byte of a `PyMutex`, `free` lets it go again. Each is answered with a line.
"""
import ctypes
import select
import sys


def say(line):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


ctypes.pythonapi.PyThread_acquire_lock.argtypes = [ctypes.c_void_p, ctypes.c_int]
ctypes.pythonapi.PyThread_release_lock.argtypes = [ctypes.c_void_p]
held = None
say("READY")
while True:
    if not select.select([sys.stdin], [], [], 0)[0]:
        sum(range(1000))
        continue
    line = sys.stdin.readline()
    if not line:
        break
    words = line.split()
    if words[0] == "semaphore":
        held = int(words[1])
        ctypes.pythonapi.PyThread_acquire_lock(held, 1)
    elif words[0] == "mutex":
        ctypes.c_uint8.from_address(int(words[1])).value = 1
        held = -int(words[1])
    elif held > 0:
        ctypes.pythonapi.PyThread_release_lock(held)
    else:
        ctypes.c_uint8.from_address(-held).value = 0
    say(words[0])
