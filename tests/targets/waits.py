"""Waits where its argument says, for ever, and ends with an error when the wait comes to an end.

What it waits for never happens. `timed` in front of some: a long time limit, which counts as well.
"""
import os
import select
import socket
import subprocess
import sys
import time

how = sys.argv[1]
LONG = 1000
never, _kept = os.pipe()


def listening():
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(1)
    return server


def pair():
    ours, theirs = socket.socketpair()
    pair.kept = theirs
    return ours


def timed_recv():
    one = pair()
    one.settimeout(LONG)
    return one.recv(1)


def polled():
    poll = select.poll()
    poll.register(never, select.POLLIN)
    return poll.poll()


def epolled():
    poll = select.epoll()
    poll.register(never, select.EPOLLIN)
    return poll.poll()


def readline():
    with open(never) as lines:
        return lines.readline()


def waited():
    return subprocess.Popen(["cat"], stdin=subprocess.PIPE).wait()


def asyncio_idle():
    import asyncio

    loop = asyncio.new_event_loop()
    loop.run_forever()


def flocked():
    import fcntl
    import tempfile

    one = tempfile.NamedTemporaryFile()
    two = open(one.name)
    fcntl.flock(one, fcntl.LOCK_EX)
    fcntl.flock(two, fcntl.LOCK_EX)


WAITS = {
    "sleep": lambda: time.sleep(LONG),
    "select": lambda: select.select([never], [], []),
    "poll": polled,
    "epoll": epolled,
    "read": lambda: os.read(never, 1),
    "readline": readline,
    "accept": lambda: listening().accept(),
    "recv": lambda: pair().recv(1),
    "recv_into": lambda: pair().recv_into(bytearray(1)),
    "timed-recv": timed_recv,
    "waitpid": waited,
    "asyncio": asyncio_idle,
    "flock": flocked,
}
sys.stdout.write("READY\n")
sys.stdout.flush()
WAITS[how]()
sys.exit("the wait has ended")
