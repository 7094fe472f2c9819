# Runs what somebody typed, as a prompt of Python would. Before this text stand the constants of one request:
#   CODE        the text
#   CUT         where an expression at its end may begin, and
#   PLAIN       whether that can be told without a syntax tree: see exec.rs
#   ALONE       whether the text, where it is no expression, is one statement
#   TABLE       id(sys.modules) as it was read from outside
#   ROOM        how many bytes of standard output, of the value and of a traceback come back
#   REST        common.py, exec_rest.py and exec_raised.py, as text
# The answer is a list of records: a name, a length, a line end, so many bytes, a line end.
#
# While a program is compiled, no other thread runs Python: here is only what nearly all code needs. What is behind
# the first print, an exception, a long value, and what 2.7 does in another way, is in REST. And the first call of
# `compile` in a process takes 2 to 10 ms, because the interpreter makes a hundred classes of syntax trees for it;
# `exec` and `eval` of a text do not.
#
# Other threads may run meanwhile, so sys.stdout stays as it is: the code has a `print` of its own, whose
# text comes back. What it writes to sys.stdout by another way goes where the program's own output goes.

BUILTINS = __builtins__ if type(__builtins__) is dict else __builtins__.__dict__
SINKS = []  # a Printed, once something was printed


def complete():
    exec(REST, globals())


def utf8(text):
    return text if type(text) is bytes else text.encode('utf-8', 'backslashreplace')


def printed(*values, **options):
    if not SINKS:
        complete()
    return print_here(values, options)


# None of the text runs: its first line leaves it, or it is in a function that nobody calls.
def compiles(text):
    try:
        exec(text, {})
    except Exception as error:
        return type(error) is StopIteration
    return True


def executed(text):
    names = {'__name__': '__console__', '__doc__': None, '__builtins__': __builtins__, 'print': printed}
    body, last, value = text[:CUT], text[CUT:], None
    try:
        if PLAIN and compiles('def of():\n return ' + last) and (not body or compiles('raise StopIteration\n' + body)):
            last = '\n' * body.count('\n') + last
        elif ALONE:
            body, last = text, None
        else:
            complete()
            body, last = parsed(text)
        exec(body, names)
        if last:
            value = utf8(repr(eval(last, names)))
    except BaseException as error:
        try:
            complete()
            return told_raised(text, names, error)
        except BaseException:  # its class alone where more cannot be told: an audit hook forbids exec, say
            name = utf8(type(error).__name__)
            return b'raised 0\n\ntype %d\n%s\ntraceback %d\n%s\n\n' % (len(name), name, len(name) + 1, name)
    if len(value or b'') > ROOM:
        complete()
    elif not SINKS:
        return b'ok 0\n\n' if value is None else b'ok 0\n\nvalue %d\n%s\n' % (len(value), value)
    return told_done(value)


if bytes is str or BUILTINS.get('__loader__') is None:
    complete()
    CORE = find_core()
else:
    CORE = BUILTINS['__loader__'].find_spec.__func__.__globals__
result = executed(CODE) if id(CORE['sys'].modules) == TABLE else b'moved 0\n\n'
