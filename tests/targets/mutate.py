"""Changes its heap as fast as it can in four threads, and computes the same numbers again and again.

Ends with an error when one comes out wrong; ends well when its standard input does.
"""
import os
import select
import sys
import threading

ROUND = 20000


class Node(object):
    def __init__(self, kept):
        self.kept = kept
        self.me = self


def numbers():
    total = 0
    for i in range(ROUND):
        total = (total * 31 + i) & 0xFFFFFFFF
    return total


def mutate():
    table = {}
    number = 0
    while True:
        number += 1
        table[number] = Node([number, (number,), {number: table}])
        table[number].call = lambda: table
        table.pop(number - 50, None)


def input_ended():
    ready = select.select([sys.stdin], [], [], 0)[0]
    return bool(ready) and not sys.stdin.readline()


expected = numbers()
for _ in range(4):
    thread = threading.Thread(target=mutate)
    thread.daemon = True
    thread.start()
sys.stdout.write("READY\n")
sys.stdout.flush()
while not input_ended():
    if numbers() != expected:
        sys.exit(1)
os._exit(0)
