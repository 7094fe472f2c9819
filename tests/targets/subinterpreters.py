"""Two interpreters besides the main one: a thread executes the first for ever, nobody the second. Prints
their numbers. Then waits for its input to end.
"""
import os
import sys
import threading

import _interpreters as interpreters

running, idle = interpreters.create(), interpreters.create()
code = "while True:\n    sum(range(1000))"
thread = threading.Thread(target=interpreters.exec, args=(running, code))
thread.daemon = True
thread.start()
sys.stdout.write("%d\n%d\nREADY\n" % (running, idle))
sys.stdout.flush()
sys.stdin.readline()
os._exit(0)
