# The rest of exec.py, in its namespace: what prints, and what 2.7 does in another way. Behind common.py.


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


if bytes is str:
    PRINT_FUNCTION = 0x10000  # CO_FUTURE_PRINT_FUNCTION

    def utf8(text):
        """To UTF-8 by the codec of the interpreter itself; nothing is imported for it."""
        if type(text) is bytes:
            return text
        codecs = namespace_of(CORE['sys'].modules.get('_codecs'), type(CORE['sys'])) or {}
        if 'utf_8_encode' in codecs:
            return codecs['utf_8_encode'](text, 'backslashreplace')[0]
        return ''.join([chr(ord(c)) if ord(c) < 128 else '\\u%04x' % ord(c) for c in text])

    def decoded(text):
        return BUILTINS['unicode'](text, 'utf-8')

    def tree_of(text):
        try:
            return compile(text, NAME, 'exec', ONLY_AST | PRINT_FUNCTION, True), PRINT_FUNCTION
        except SyntaxError:
            # A print statement, which writes to sys.stdout.
            return compile(text, NAME, 'exec', ONLY_AST, True), 0
