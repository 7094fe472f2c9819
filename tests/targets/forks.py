"""Starts a program whose start waits: the child of `vfork` opens a pipe with a name, and this process
waits in the kernel until that has been opened by somebody for writing. Prints the name of the pipe first.
"""
import os
import select
import sys

gate = os.path.join(os.path.dirname(os.path.abspath(__file__)), "gate")
os.mkfifo(gate)
sys.stdout.write(gate + "\nREADY\n")
sys.stdout.flush()
waits = [(os.POSIX_SPAWN_OPEN, 3, gate, os.O_RDONLY, 0)]
os.waitpid(os.posix_spawn("/bin/true", ["true"], {}, file_actions=waits), 0)
while not (select.select([sys.stdin], [], [], 0)[0] and not sys.stdin.readline()):
    sum(range(1000))
