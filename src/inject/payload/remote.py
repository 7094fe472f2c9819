# What the remote debugging interface of 3.14 runs. Before this text stand the constants of one request:
#   PID      the target as it sees itself: a child it forks meanwhile has a copy of the request
#   PLACE    the file for the answer
#   SOURCE   the program to run
#   ROOM     the longest result, in bytes
# The file: byte 0 how far it is (1 running, 2 done, 3 failed), byte 1 why it failed, from 8 the length of
# the result, from 16 the time in microseconds, from 64 the result. Byte 0 is written last.


def run(names):
    try:
        eval(compile(SOURCE, '<pyunload>', 'exec', 0, True), names)
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


def serve():
    posix = __import__('posix')
    if posix.getpid() != PID:
        return
    now = __import__('time').perf_counter_ns
    # At each of these calls the other threads get the GIL, and it has to be waited for: so there are few.
    file = posix.open(PLACE, posix.O_RDWR | posix.O_CLOEXEC)
    try:
        posix.pwrite(file, b'\1', 0)
        began = now()
        failure, result = run({'__builtins__': __builtins__})
        rest, at = memoryview(result), 64
        while rest:
            count = posix.pwrite(file, rest, at)
            rest, at = rest[count:], at + count
        posix.pwrite(file, bytes([failure]) + bytes(6) + len(result).to_bytes(8, 'little')
                     + ((now() - began) // 1000).to_bytes(8, 'little'), 1)
        posix.pwrite(file, b'\3' if failure else b'\2', 0)
    finally:
        posix.close(file)


serve()
