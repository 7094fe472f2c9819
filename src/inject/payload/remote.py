# What the remote debugging interface of 3.14 runs. Before this text stand the constants of one request:
#   PID      the target as it sees itself: a child it forks meanwhile has a copy of the request
#   PLACE    the file for the answer, empty
#   FILE     its device and inode
#   SOURCE   the program to run
#   ROOM     the longest result, in bytes
# The answer: byte 0 whether it failed (2 done, 3 failed), byte 1 why, from 8 the length of the result, from 16 the
# time in microseconds, from 64 the result. It is whole when the file is as long as it says.
#
# At each call of the kernel the other threads get the GIL, and it has to be waited for: so there are few, and none
# before the program.


def run(names):
    try:
        exec(SOURCE, names)  # not `compile`: see exec.py
    except BaseException as error:
        try:
            return 1, repr(error).encode('utf-8', 'backslashreplace')[:ROOM]
        except BaseException:
            return 1, b''
    if 'result' not in names:
        return 2, b''
    result = names['result']
    if type(result) is not bytes:
        return 3, b''
    return (4, b'') if len(result) > ROOM else (0, result)


def write(posix, flags, answer):
    try:
        file = posix.open(PLACE, flags)
    except (FileNotFoundError, PermissionError, ProcessLookupError):
        return  # who asked has gone
    try:
        found = posix.fstat(file)
        # Another file may have the name of one that has gone.
        while answer and (found.st_dev, found.st_ino) == FILE:
            answer = answer[posix.write(file, answer):]
    finally:
        posix.close(file)


def pyunload_script():
    posix = __import__('posix')
    if posix.getpid() != PID:
        return
    now = __import__('time').perf_counter_ns
    flags = posix.O_WRONLY | posix.O_CLOEXEC | posix.O_NONBLOCK
    # An audit hook that forbids the answer says so before anything has run.
    __import__('sys').audit('open', PLACE, None, flags)
    began = now()
    failure, result = run({'__builtins__': __builtins__})
    took = (now() - began) // 1000
    if posix.getpid() == PID:
        head = bytes([3 if failure else 2, failure]) + bytes(6)
        numbers = len(result).to_bytes(8, 'little') + took.to_bytes(8, 'little')
        write(posix, flags, memoryview(head + numbers + bytes(40) + result))


pyunload_script()
