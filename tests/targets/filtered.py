"""Puts a seccomp filter on itself and computes. `allow`: everything is allowed. `kill`: making
memory executable kills the process. `fail`: it fails with EPERM.
"""
import ctypes
import struct
import sys

NO_NEW_PRIVILEGES, SECCOMP, FILTER = 38, 22, 2
KILL, FAIL, ALLOW = 0x80000000, 0x00050001, 0x7FFF0000
ANSWER = {"allow": ALLOW, "kill": KILL, "fail": FAIL}[sys.argv[1]]
MPROTECT, EXECUTABLE = 10, 4

# code, jump if true, jump if false, constant
PROGRAM = [
    (0x20, 0, 0, 0),  # number of the call
    (0x15, 0, 3, MPROTECT),
    (0x20, 0, 0, 32),  # third argument
    (0x45, 0, 1, EXECUTABLE),
    (0x06, 0, 0, ANSWER),
    (0x06, 0, 0, ALLOW),
]
code = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *line) for line in PROGRAM))
program = struct.pack("<HxxxxxxQ", len(PROGRAM), ctypes.addressof(code))
libc = ctypes.CDLL(None)
libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_void_p] * 4
assert libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0
assert libc.prctl(SECCOMP, FILTER, ctypes.c_char_p(program), 0, 0) == 0
sys.stdout.write("READY\n")
sys.stdout.flush()
while True:
    sum(range(1000))
