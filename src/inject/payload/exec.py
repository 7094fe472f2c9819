# Runs what somebody typed, as a prompt of Python would. Before this text stand the constants of one request:
#   CODE        the text, bytes of UTF-8
#   TABLE       id(sys.modules) as it was read from outside
#   ROOM        how many bytes of standard output, of the value and of a traceback come back
#   RAISED      exec_raised.py
# The answer is a list of records: a name, a length, a line end, so many bytes, a line end.
#
# Other threads may run meanwhile, so sys.stdout stays as it is: the code has a `print` of its own, whose
# text comes back. What it writes to sys.stdout by another way goes where the program's own output goes.

committed = ()
NAME = '<exec>'
ONLY_AST = 0x400        # PyCF_ONLY_AST
PRINT_FUNCTION = 0x10000  # CO_FUTURE_PRINT_FUNCTION of 2.7


class Printed(object):
    """What is printed, as far as there is room; the rest is counted."""

    def __init__(self):
        self.parts = []
        self.room = ROOM
        self.cut = False

    def write(self, text):
        data = utf8(text)
        self.cut = self.cut or len(data) > self.room
        data = data[:self.room]
        self.room -= len(data)
        self.parts.append(data)

    def flush(self):
        pass


def utf8(text):
    """To UTF-8 by the codec of the interpreter itself; nothing is imported for it."""
    if type(text) is bytes:
        return text
    if bytes is not str:
        return text.encode('utf-8', 'backslashreplace')
    codecs = namespace_of(CORE['sys'].modules.get('_codecs'), type(CORE['sys'])) or {}
    if 'utf_8_encode' in codecs:
        return codecs['utf_8_encode'](text, 'backslashreplace')[0]
    return ''.join([chr(ord(c)) if ord(c) < 128 else '\\u%04x' % ord(c) for c in text])


def print_into(sink):
    genuine = BUILTINS['print']

    def printed(*values, **options):
        if options.get('file') is None:
            options['file'] = sink
        return genuine(*values, **options)
    return printed


def parsed(text):
    """The code without the expression at its end, and that expression, both compiled."""
    try:
        flags = 0 if bytes is not str else PRINT_FUNCTION
        tree = compile(text, NAME, 'exec', ONLY_AST | flags, True)
    except SyntaxError:
        if bytes is not str:
            raise
        flags = 0  # 2.7: a print statement, which writes to sys.stdout
        tree = compile(text, NAME, 'exec', ONLY_AST, True)
    last = None
    if tree.body and type(tree.body[-1]).__name__ == 'Expr':
        kinds = type(tree).__mro__[1].__subclasses__()
        expression = [kind for kind in kinds if kind.__name__ == 'Expression'][0]
        last = compile(expression(tree.body.pop().value), NAME, 'eval', flags, True)
    return compile(tree, NAME, 'exec', flags, True), last


def raised(error, trace, lines):
    """The exception as records; its class alone where more cannot be told (an audit hook forbids compile, say)."""
    try:
        eval(compile(RAISED, '<pyunload>', 'exec', 0, True), globals())
        return told_whole(error, trace, lines)
    except BaseException:
        name = utf8(type(error).__name__)
        return [('raised', b''), ('type', name), ('message', b''), ('traceback', name + b'\n')]


def evaluated(text, names):
    body, last = parsed(text)
    eval(body, names)
    return [] if last is None else [('value', utf8(repr(eval(last, names))))]


def records(found):
    parts = []
    for name, data in found:
        if len(data) > ROOM:
            data = data[:ROOM]
            found.append(('cut', utf8(name)))
        parts.append(utf8('%s %d\n' % (name, len(data))) + data + b'\n')
    return b''.join(parts)


def executed():
    sys = CORE['sys']
    if id(sys.modules) != TABLE:
        return records([('moved', b'')])
    text = CODE.decode('utf-8') if bytes is not str else BUILTINS['unicode'](CODE, 'utf-8')
    sink = Printed()
    names = {'__name__': '__console__', '__doc__': None, '__builtins__': __builtins__,
             'print': print_into(sink)}
    try:
        found = [('ok', b'')] + evaluated(text, names)
    except BaseException:
        error, trace = sys.exc_info()[1:]
        found = raised(error, trace, text.split(u'\n'))
        error = trace = None
    if sink.cut:
        found.append(('cut', b'stdout'))
    return records(found + [('stdout', b''.join(sink.parts))])


BUILTINS = __builtins__ if type(__builtins__) is dict else __builtins__.__dict__
CORE = find_core()
result = executed()
