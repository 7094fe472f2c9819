# Runs what somebody typed, as a prompt of Python would. Before this text stand the constants of one request:
#   CODE        the text, bytes of UTF-8
#   CUT         where an expression at its end may begin, and
#   PLAIN       whether that can be told without a syntax tree: see exec.rs
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

NAME = '<string>'  # what exec and eval call a text
BUILTINS = __builtins__ if type(__builtins__) is dict else __builtins__.__dict__
SINKS = []  # a Printed, once something was printed


def complete():
    exec(REST, globals())


def utf8(text):
    return text if type(text) is bytes else text.encode('utf-8', 'backslashreplace')


def decoded(text):
    return text.decode('utf-8')


def printed(*values, **options):
    if not SINKS:
        complete()
    return print_here(values, options)


def is_code(text):
    """Whether it can be compiled. None of it runs: its first line leaves it."""
    try:
        exec('raise StopIteration\n' + text, {})
    except StopIteration:
        return True
    except Exception:
        return False


def is_expression(text):
    """The same of a plain expression, which is in a function that nobody calls."""
    try:
        exec('def of():\n return ' + text, {})
        return True
    except Exception:
        return False


def parsed(text):
    """The code without the expression at its end, and that expression: proven to compile, or compiled."""
    body, last = text[:CUT], text[CUT:]
    if PLAIN:
        if is_expression(last) and (not body or is_code(body)):
            return body, '\n' * body.count('\n') + last
        if '\n' not in text and ';' not in text:
            return text, None  # one statement, and no expression
    complete()
    return parsed_as_tree(text)


def raised(text, names, error, trace):
    try:
        complete()
        return told_raised(text, names, error, trace)
    except BaseException:  # its class alone where more cannot be told: an audit hook forbids exec, say
        name = utf8(type(error).__name__)
        return b'raised 0\n\ntype %d\n%s\ntraceback %d\n%s\n\n' % (len(name), name, len(name) + 1, name)


def executed(text):
    names = {'__name__': '__console__', '__doc__': None, '__builtins__': __builtins__, 'print': printed}
    try:
        body, last = parsed(text)
        exec(body, names)
        value = utf8(repr(eval(last, names))) if last else None
    except BaseException:
        return raised(text, names, *CORE['sys'].exc_info()[1:])
    if len(value or b'') > ROOM:
        complete()
        return told_done(value)
    if SINKS:
        return told_done(value)
    return b'ok 0\n\n' + (b'value %d\n%s\n' % (len(value), value) if last else b'')


if bytes is str or BUILTINS.get('__loader__') is None:
    complete()
    CORE = find_core()
else:
    CORE = BUILTINS['__loader__'].find_spec.__func__.__globals__
result = executed(decoded(CODE)) if id(CORE['sys'].modules) == TABLE else b'moved 0\n\n'
