"""Waits: `sleep`, `read` (its standard input), `lock`, `thread` (in a lock while another thread
computes), `join` (for a thread that waits for ever), `timed` (for a lock, with a time limit).
"""
import sys
import threading
import time

how = sys.argv[1]


def compute():
    while True:
        sum(range(1000))


lock = threading.Lock()
lock.acquire()
if how == "thread":
    thread = threading.Thread(target=compute)
    thread.daemon = True
    thread.start()
sys.stdout.write("READY\n")
sys.stdout.flush()
if how == "sleep":
    time.sleep(1000)
elif how == "read":
    sys.stdin.readline()
elif how == "join":
    thread = threading.Thread(target=lock.acquire)
    thread.daemon = True
    thread.start()
    thread.join()
elif how == "timed":
    began = time.time()
    lock.acquire(timeout=600)
    sys.exit("woken after %f s" % (time.time() - began))
else:
    lock.acquire()
