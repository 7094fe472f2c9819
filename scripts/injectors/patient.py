"""What `scripts/bench inject` injects into. Arguments: the state, a library made of heartbeat.c, a file of four 64-bit
words that is shared with the benchmark: longest stop of a thread without Python, longest time between two rounds of
the main thread (both in nanoseconds), rounds done, rounds that went wrong.
"""
import ctypes
import mmap
import struct
import sys
import threading
import time

STATE, LIBRARY, SHARED = sys.argv[1:4]
with open(SHARED, "r+b") as file:
    shared = mmap.mmap(file.fileno(), 4096)
library = ctypes.CDLL(LIBRARY)


def word(index):
    return struct.unpack_from("Q", shared, 8 * index)[0]


def put(index, value):
    struct.pack_into("Q", shared, 8 * index, value)


def work():
    """Some tens of microseconds; returns whether the sum came out right."""
    return sum(range(1000)) == 499500


def allocate():
    while True:
        sorted([str(i) for i in range(200)])


def allocate_in_c():
    while True:
        library.allocate()


def round_of_main():
    if STATE != "sleep":
        return work()
    began = time.monotonic()
    time.sleep(1.5)
    return time.monotonic() - began >= 1.5


for _ in range({"contended": 4, "malloc": 4}.get(STATE, 0)):
    threading.Thread(target=allocate if STATE == "contended" else allocate_in_c, daemon=True).start()
library.start_beat(ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(shared))))
print("READY", flush=True)
before = time.perf_counter_ns()
while True:
    right = round_of_main()
    after = time.perf_counter_ns()
    if STATE != "sleep":
        put(1, max(word(1), after - before))
    put(2, word(2) + 1)
    put(3, word(3) + (not right))
    before = after
