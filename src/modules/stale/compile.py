# Run by a twin of the target: compiles files and says what came of it. Nothing compiled is executed.
import marshal
import sys

OLD = sys.version_info[0] == 2
if OLD:
    import imp
    import posix
    MAGIC = imp.get_magic()
    HEADER = 8
    WIDE = (unicode,)  # noqa: F821
    LONG = long  # noqa: F821
else:
    import posix
    MAGIC = sys.modules['_frozen_importlib_external'].MAGIC_NUMBER
    HEADER = 16 if sys.version_info >= (3, 7) else 12
    WIDE = (str,)
    LONG = None


def number(out, value):
    out += bytearray((value & 255, value >> 8 & 255, value >> 16 & 255, value >> 24 & 255))


def block(out, data):
    number(out, len(data))
    out += data


def text(out, value):
    if isinstance(value, WIDE):
        if not OLD:
            try:
                data = value.encode('utf-8')
                out += b'8'
                return block(out, data)
            except UnicodeError:
                data = value.encode('utf-32-le', 'surrogatepass')
        else:
            data = value.encode('utf-32-le')
        out += b'4'
        block(out, data)
    else:
        out += b'b'
        block(out, value)


def integer(out, kind, value):
    out += kind
    out += b'-' if value < 0 else b'+'
    value = abs(value)
    digits = []
    while value:
        digits.append(int(value & 0x3fffffff))
        value >>= 30
    number(out, len(digits))
    for digit in digits:
        number(out, digit)


def items(out, kind, values):
    out += kind
    number(out, len(values))
    for value in values:
        constant(out, value)


def constant(out, value):
    kind = type(value)
    if value is None:
        out += b'N'
    elif value is Ellipsis:
        out += b'E'
    elif kind is bool:
        out += b'T' if value else b'F'
    elif kind is int:
        integer(out, b'I', value)
    elif kind is LONG:
        integer(out, b'L', value)
    elif kind is float:
        out += b'D' + marshal.dumps(value)[1:9]
    elif kind is complex:
        out += b'Y' + marshal.dumps(value)[1:17]
    elif kind in WIDE:
        out += b'U'
        text(out, value)
    elif kind is bytes:
        out += b'B'
        block(out, value)
    elif kind is tuple:
        items(out, b'(', value)
    elif kind is frozenset:
        items(out, b'{', value)
    elif kind is slice:
        items(out, b':', (value.start, value.stop, value.step))
    elif kind is CODE:
        out += b'C'
        code_object(out, value)
    else:
        out += b'?'


def names(out, values):
    number(out, len(values))
    for value in values:
        text(out, value)


CODE = type((lambda: 0).__code__)
LINES = 'co_linetable' if sys.version_info >= (3, 10) else 'co_lnotab'


def code_object(out, code):
    text(out, code.co_name)
    qualname = getattr(code, 'co_qualname', None)
    out += b'n' if qualname is None else b'q'
    if qualname is not None:
        text(out, qualname)
    number(out, code.co_firstlineno)
    number(out, code.co_argcount)
    number(out, getattr(code, 'co_posonlyargcount', 0))
    number(out, getattr(code, 'co_kwonlyargcount', 0))
    number(out, code.co_flags)
    for values in (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars):
        names(out, values)
    block(out, code.co_code)
    block(out, getattr(code, 'co_exceptiontable', b''))
    block(out, getattr(code, LINES))
    number(out, len(code.co_consts))
    for value in code.co_consts:
        constant(out, value)


class Scope(object):
    def __init__(self):
        self.bound = {}
        self.star = False

    def bind(self, name):
        self.bound[name] = self.bound.get(name, 0) + 1


def targets(node, scope):
    kind = type(node).__name__
    if kind == 'Name':
        scope.bind(node.id)
    for child in ('elts', 'value', 'target', 'targets', 'optional_vars'):
        inner = getattr(node, child, None)
        if child in ('value',) and kind != 'Starred':
            continue
        for one in inner if isinstance(inner, list) else [inner]:
            if one is not None:
                targets(one, scope)


def literal(node):
    """(value,) of an expression of immutable literals, else None."""
    kind = type(node).__name__
    if kind in ('Constant', 'NameConstant'):
        return (node.value,)
    if kind in ('Num', 'Str', 'Bytes'):
        return (getattr(node, 'n', getattr(node, 's', None)),)
    if kind == 'Name' and OLD and node.id in ('None', 'True', 'False'):
        return ({'None': None, 'True': True, 'False': False}[node.id],)
    if kind == 'UnaryOp' and type(node.op).__name__ == 'USub':
        inner = literal(node.operand)
        return (-inner[0],) if inner and type(inner[0]) in (int, float, LONG) else None
    if kind == 'Tuple':
        parts = [literal(each) for each in node.elts]
        return (tuple([part[0] for part in parts]),) if None not in parts else None
    return None


def literals(node, prefix, scope, constants):
    """Notes a plain assignment of a literal to one name."""
    kind = type(node).__name__
    if kind == 'Assign' and len(node.targets) == 1:
        target = node.targets[0]
    elif kind == 'AnnAssign' and node.value is not None:
        target = node.target
    else:
        return
    value = literal(node.value)
    if type(target).__name__ == 'Name' and value:
        constants.append((prefix, target.id, node.lineno, value[0], scope))


def scan(body, prefix, scope, sure, found, declared, constants):
    for node in body:
        kind = type(node).__name__
        if kind in ('FunctionDef', 'AsyncFunctionDef', 'ClassDef'):
            scope.bind(node.name)
            is_class = kind == 'ClassDef'
            found.append([prefix, node.name, node.lineno, is_class, bool(node.decorator_list), sure, scope])
            if is_class:
                inner = Scope()
                scan(node.body, prefix + node.name + '.', inner, True, found, declared, constants)
            collect_globals(node, declared)
            continue
        if kind in ('Import', 'ImportFrom'):
            for alias in node.names:
                if alias.name == '*':
                    scope.star = True
                else:
                    scope.bind((alias.asname or alias.name).split('.')[0])
        elif kind in ('Assign', 'AugAssign', 'AnnAssign', 'Delete', 'For', 'AsyncFor'):
            targets(node, scope)
            if sure:
                literals(node, prefix, scope, constants)
        elif kind in ('With', 'AsyncWith'):
            for item in getattr(node, 'items', [node]):
                targets(item, scope)
        elif kind in ('Expr', 'Exec'):
            # Whatever writes into its own namespace is not followed.
            call = getattr(node, 'value', None)
            if kind == 'Exec' or type(call).__name__ == 'Call' and 'globals' in names_in(call):
                scope.star = True
        for part in ('body', 'orelse', 'finalbody', 'handlers', 'cases'):
            inner = getattr(node, part, None)
            if isinstance(inner, list):
                scan(inner, prefix, scope, False, found, declared, constants)


def walk(node):
    stack = [node]
    while stack:
        node = stack.pop()
        yield node
        for name in getattr(node, '_fields', ()):
            value = getattr(node, name, None)
            stack.extend(value if isinstance(value, list) else [value])


def names_in(node):
    return [inner.id for inner in walk(node) if type(inner).__name__ == 'Name']


def collect_globals(node, declared):
    for inner in walk(node):
        if type(inner).__name__ == 'Global':
            declared.update(inner.names)


def stored_attributes(tree):
    """Names of attributes that the module itself writes somewhere: state, not constants."""
    return [node.attr for node in walk(tree)
            if type(node).__name__ == 'Attribute' and type(node.ctx).__name__ != 'Load']


def version_of(tree):
    for node in tree.body:
        if type(node).__name__ == 'Assign' and len(node.targets) == 1:
            if getattr(node.targets[0], 'id', None) == '__version__':
                value = getattr(node.value, 'value', getattr(node.value, 's', None))
                if isinstance(value, WIDE + (str,)):
                    return value
    return None


def definitions(out, source, path):
    tree = compile(source, path, 'exec', 0x400, True)
    found, declared, scope, constants = [], set(), Scope(), []
    scan(tree.body, '', scope, True, found, declared, constants)
    version = version_of(tree)
    out += b'n' if version is None else b'v'
    if version is not None:
        text(out, version)
    number(out, len(found))
    for prefix, name, line, is_class, decorated, sure, own in found:
        once = own.bound.get(name) == 1 and not own.star and name not in declared
        text(out, prefix + name)
        number(out, line)
        out += bytearray((is_class, decorated, sure and once))
    declared.update(stored_attributes(tree))
    constants = [one for one in constants
                 if one[4].bound.get(one[1]) == 1 and not one[4].star and one[1] not in declared]
    number(out, len(constants))
    for prefix, name, line, value, _ in constants:
        text(out, prefix + name)
        number(out, line)
        constant(out, value)


def is_as_cached(path, code):
    """Whether the cached file is of an older writing of the source, and that had the same code."""
    try:
        if OLD:
            cached = path + b'c'
        else:
            folder, slash, name = path.rpartition('/')
            stem = name.rpartition('.')[0]
            cached = '%s%s__pycache__/%s.%s.pyc' % (folder, slash, stem, sys.implementation.cache_tag)
        about = posix.stat(path)
        with open(cached, 'rb') as file:
            head = bytearray(file.read(HEADER))
            if bytes(head[:4]) != MAGIC or HEADER == 16 and any(head[4:8]):
                return False
            stamp = head[-4:] if OLD else head[-8:-4]
            time = stamp[0] | stamp[1] << 8 | stamp[2] << 16 | stamp[3] << 24
            if time == int(about.st_mtime) & 0xffffffff:
                return False
            return marshal.loads(file.read()) == code
    except (OSError, IOError, ValueError, EOFError, TypeError):
        return False


def read(path):
    try:
        with open(path, 'rb') as file:
            return file.read()
    except (IOError, OSError) as error:
        first = error
    archive = path
    while True:
        archive, slash, _ = archive.rpartition('/' if isinstance(path, str) else b'/')
        if not slash:
            raise first
        try:
            if posix.stat(archive).st_mode & 0o170000 == 0o100000:
                break
        except OSError:
            continue
        raise first
    import zipimport
    return zipimport.zipimporter(archive).get_data(path)


def answer(out, path, compiled, optimize):
    try:
        data = read(path)
    except (IOError, OSError) as error:
        out += b'm' if getattr(error, 'errno', None) in (2, 20, None) else b'u'
        return text(out, str(error))
    if compiled:
        if data[:4] != MAGIC:
            out += b'v'
            return text(out, 'compiled by another version')
        code = marshal.loads(data[HEADER:])
        if type(code) is not CODE:
            out += b'u'
            return text(out, 'no code in it')
    elif OLD:
        code = compile(data, path, 'exec', 0, True)
    else:
        code = compile(data, path, 'exec', 0, True, optimize)
    out += b'o'
    code_object(out, code)
    if compiled:
        out += b'n'
        number(out, 0)
        number(out, 0)
        out += b'n'
    else:
        definitions(out, data, path)
        out += b'y' if is_as_cached(path, code) else b'n'
    block(out, marshal.dumps(code))


def take(data, at):
    size = data[at] | data[at + 1] << 8 | data[at + 2] << 16 | data[at + 3] << 24
    return data[at + 4:at + 4 + size], at + 4 + size


def say(data):
    data = bytes(data)
    while data:
        data = data[posix.write(1, data[:1 << 20]):]


def main():
    data = bytearray()
    while True:
        part = posix.read(0, 1 << 16)
        if not part:
            break
        data += part
    hello = bytearray(b'pyunload')
    number(hello, sys.hexversion)
    say(hello)
    at = 0
    sys.setrecursionlimit(10000)
    while at < len(data):
        compiled, optimize = data[at], data[at + 1]
        path, at = take(data, at + 2)
        path = bytes(path) if OLD else bytes(path).decode('utf-8', 'surrogateescape')
        out = bytearray()
        try:
            answer(out, path, compiled, optimize)
        except SyntaxError as error:
            out = bytearray(b's')
            text(out, '%s (line %s)' % (error.msg, error.lineno))
        except Exception as error:
            out = bytearray(b'u')
            text(out, type(error).__name__ + ': ' + str(error))
        frame = bytearray()
        block(frame, out)
        say(frame)


main()
