"""Waits in `epoll_wait`, for ever, and says so when that ends. With `timed`: for 3 seconds, again
and again, and ends with an error when a wait was too short or raised."""
import select
import sys
import time

poll = select.epoll()
sys.stdout.write("READY\n")
sys.stdout.flush()
if "timed" not in sys.argv:
    poll.poll()
    sys.exit("epoll_wait ended")
clock = getattr(time, "monotonic", time.time)
for _ in range(3):
    began = clock()
    poll.poll(1.5)
    if clock() - began < 1.49:
        sys.exit("epoll_wait ended after %f s" % (clock() - began))
