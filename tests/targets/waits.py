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
if how.startswith("asyncio"):
    import asyncio
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


def asyncio_idle(change=lambda loop: None):
    loop = asyncio.new_event_loop()
    change(loop)
    loop.run_forever()


def speak_to_somebody_else(loop):
    server = listening()
    loop.kept = server, loop._csock
    loop._csock = socket.create_connection(server.getsockname())


def listen_to_somebody_else(loop):
    loop.kept = loop._ssock
    loop._ssock = pair()


def loop_of_another_kind():
    import selectors

    selector = selectors.DefaultSelector()
    selector.register(never, selectors.EVENT_READ)
    selector.select()


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
    "asyncio-speaks": lambda: asyncio_idle(speak_to_somebody_else),
    "asyncio-listens": lambda: asyncio_idle(listen_to_somebody_else),
    "selector": loop_of_another_kind,
    "flock": flocked,
}
sys.stdout.write("READY\n")
sys.stdout.flush()
WAITS[how]()
sys.exit("the wait has ended")
