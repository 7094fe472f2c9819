# The rest of exec.py, in its namespace: what prints, what puts longer answers together, what tells an expression at the
# end in any text, and what 2.7 does in another way. Behind common.py.

NAME = '<string>'  # what exec and eval call a text
ONLY_AST = 0x400  # PyCF_ONLY_AST


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

    def records(self):
        cut = [('cut', b'stdout')] if self.cut else []
        return cut + [('stdout', b''.join(self.parts))]


def print_here(values, options):
    if not SINKS:
        SINKS.append(Printed())
    if options.get('file') is None:
        options['file'] = SINKS[0]
    return BUILTINS['print'](*values, **options)


def records(found):
    """These and what was printed, as much of each as there is room for."""
    parts, found = [], found + (SINKS[0].records() if SINKS else [])
    for name, data in found:
        if len(data) > ROOM:
            data = data[:ROOM]
            found.append(('cut', utf8(name)))
        parts.append(utf8('%s %d\n' % (name, len(data))) + data + b'\n')
    return b''.join(parts)


def told_done(value):
    return records([('ok', b'')] + ([] if value is None else [('value', value)]))


def tree_of(text):
    """The syntax tree, and the flags with which to compile it."""
    return compile(text, NAME, 'exec', ONLY_AST, True), 0


def parsed(text):
    """The code without the expression at its end, and that expression, of any text."""
    tree, flags = tree_of(text)
    last = None
    if tree.body and type(tree.body[-1]).__name__ == 'Expr':
        kinds = type(tree).__mro__[1].__subclasses__()
        expression = [kind for kind in kinds if kind.__name__ == 'Expression'][0]
        last = compile(expression(tree.body.pop().value), NAME, 'eval', flags, True)
    return compile(tree, NAME, 'exec', flags, True), last


if bytes is str:
    PLAIN = ALONE = 0
    PRINT_FUNCTION = 0x10000  # CO_FUTURE_PRINT_FUNCTION

    def utf8(text):
        """To UTF-8 by the codec of the interpreter itself; nothing is imported for it."""
        if type(text) is bytes:
            return text
        codecs = namespace_of(CORE['sys'].modules.get('_codecs'), type(CORE['sys'])) or {}
        if 'utf_8_encode' in codecs:
            return codecs['utf_8_encode'](text, 'backslashreplace')[0]
        return ''.join([chr(ord(c)) if ord(c) < 128 else '\\u%04x' % ord(c) for c in text])

    def tree_of(text):
        try:
            return compile(text, NAME, 'exec', ONLY_AST | PRINT_FUNCTION, True), PRINT_FUNCTION
        except SyntaxError:
            # A print statement, which writes to sys.stdout.
            return compile(text, NAME, 'exec', ONLY_AST, True), 0
