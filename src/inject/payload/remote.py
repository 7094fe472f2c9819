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
    if __import__('posix').getpid() != PID:
        return
    now = __import__('time').perf_counter_ns
    file = open(PLACE, 'r+b', 0)
    try:
        file.write(b'\1')
        began = now()
        failure, result = run({'__builtins__': __builtins__})
        file.seek(64)
        rest = memoryview(result)
        while rest:
            rest = rest[file.write(rest):]
        file.seek(1)
        file.write(bytes([failure]) + bytes(6) + len(result).to_bytes(8, 'little')
                   + ((now() - began) // 1000).to_bytes(8, 'little'))
        file.seek(0)
        file.write(b'\3' if failure else b'\2')
    finally:
        file.close()


serve()
