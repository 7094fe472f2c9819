"""Waits: `sleep`, `read` (its standard input), `lock`, `thread` (main in a lock, another computes)."""
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
else:
    lock.acquire()
