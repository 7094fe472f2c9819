# What a source defines, found without running it: code objects, and for each statement what can be
# compared with live objects. Runs in a process of its own, with the Python of the target; what it
# says goes, marshalled, into the program of inject/payload/reload.py.
#
# A statement becomes a tuple (kind, name, line, ...), see `Scope`. All names bound by it are known;
# values only where they are literals that cannot be changed.
import __future__
import ast
import sys

SCALARS = (type(None), bool, int, float, complex, str, bytes, type(Ellipsis))
FUTURE = sum({getattr(__future__, name).compiler_flag for name in __future__.all_feature_names
              if getattr(__future__, name).compiler_flag > 0x1000})
TEXT = __future__.annotations.compiler_flag if hasattr(__future__, 'annotations') else 0
CODE = type(compile('0', '', 'eval'))
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def literal(node):
    """(value,) of an expression that is made of immutable literals only, else None."""
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    return (value,) if is_plain(value) else None


def is_plain(value):
    if type(value) is tuple:
        return all(is_plain(item) for item in value)
    return type(value) in SCALARS


def dotted(node):
    """`a.b.c` as text, None for any other expression."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        left = dotted(node.value)
        return left and left + '.' + node.attr
    return None


def decorator(node):
    return dotted(node.func if isinstance(node, ast.Call) else node) or '?'


def bound_by(node):
    """Every name that a statement may bind in its own scope, in order."""
    names = []
    stack = [node]
    while stack:
        node = stack.pop()
        if isinstance(node, FUNCTIONS + (ast.ClassDef,)):
            names.append(node.name)
            continue
        if isinstance(node, (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.append(node.id)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            names.append(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names.extend((alias.asname or alias.name.split('.')[0]) for alias in node.names)
        elif type(node).__name__ in ('MatchAs', 'MatchStar') and node.name:
            names.append(node.name)
        elif type(node).__name__ == 'TypeAlias':
            names.append(node.name.id)
        stack.extend(reversed(list(ast.iter_child_nodes(node))))
    return tuple(names)


def first_line(node):
    lines = [node.lineno] + [each.lineno for each in getattr(node, 'decorator_list', ())]
    return min(lines)


class Unit(object):
    """One source, and what all its scopes share."""

    def __init__(self, source, filename, optimize):
        self.filename = filename
        self.optimize = optimize
        self.code = compile(source, filename, 'exec', 0, True, optimize)
        self.flags = self.code.co_flags & FUTURE
        self.tree = compile(source, filename, 'exec', ast.PyCF_ONLY_AST | self.flags, True)

    def compile_alone(self, node):
        """A module that consists of this statement."""
        module = ast.Module([node], []) if sys.version_info >= (3, 8) else ast.Module([node])
        return compile(module, self.filename, 'exec', self.flags, True, self.optimize)

    def annotations(self, node):
        """Code of a dict of the annotations of a function, None without any."""
        arguments = node.args
        every = list(getattr(arguments, 'posonlyargs', ())) + arguments.args + arguments.kwonlyargs
        every += [each for each in (arguments.vararg, arguments.kwarg) if each]
        found = [(each.arg, each.annotation) for each in every if each.annotation]
        if node.returns:
            found.append(('return', node.returns))
        if not found:
            return None
        is_text = self.flags & TEXT
        if is_text and not hasattr(ast, 'unparse'):
            return None
        values = [ast.Constant(ast.unparse(value)) if is_text else value for _, value in found]
        keys = [ast.Str(name) if sys.version_info < (3, 8) else ast.Constant(name) for name, _ in found]
        table = ast.Expression(ast.Dict(keys, values))
        ast.copy_location(table.body, node)
        ast.fix_missing_locations(table)
        return compile(table, self.filename, 'eval', self.flags, True, self.optimize)


class Scope(object):
    """The statements of a module or of the body of a class, as tuples."""

    def __init__(self, unit, code, is_module):
        self.unit = unit
        self.codes = list(inner_codes(code))
        self.is_module = is_module
        self.items = []

    def read(self, body, conditional=False):
        for index, node in enumerate(body):
            value = node.value if isinstance(node, ast.Expr) else None
            if value is not None and literal(value) is not None:
                text = literal(value)[0]
                if index == 0 and not conditional and type(text) is str and self.unit.optimize < 2:
                    self.items.append(('constant', '__doc__', node.lineno, text, None, False))
                continue
            self.statement(node, conditional)
        return tuple(self.items)

    def alone(self, node, conditional):
        return self.unit.compile_alone(node) if self.is_module and not conditional else None

    def statement(self, node, conditional):
        alone = self.alone(node, conditional)
        if isinstance(node, FUNCTIONS):
            self.function(node, alone, conditional)
        elif isinstance(node, ast.ClassDef):
            self.klass(node, alone, conditional)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            self.imports(node, alone, conditional)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            self.assignment(node, alone, conditional)
        elif isinstance(node, ast.Delete):
            names = tuple(target.id for target in node.targets if isinstance(target, ast.Name))
            self.items.append(('del', names, node.lineno, None, alone, conditional))
        elif not isinstance(node, ast.Pass):
            self.items.append(('other', bound_by(node), node.lineno, None, alone, conditional))
            for part in ('body', 'orelse', 'finalbody'):
                self.nested(getattr(node, part, None))
            for handler in getattr(node, 'handlers', ()):
                self.nested(handler.body)

    def nested(self, body):
        if isinstance(body, list):
            kept = [node for node in body
                    if isinstance(node, FUNCTIONS + (ast.ClassDef, ast.If, ast.Try, ast.With))]
            self.read(kept, True)

    def code_at(self, name, line):
        found = [code for code in self.codes if code.co_name == name and code.co_firstlineno == line]
        return found[0] if len(found) == 1 else None

    def function(self, node, alone, conditional):
        arguments = node.args
        defaults = tuple(literal(value) for value in arguments.defaults)
        pairs = zip(arguments.kwonlyargs, arguments.kw_defaults)
        kwdefaults = tuple((each.arg, literal(value)) for each, value in pairs if value is not None)
        decorators = tuple(decorator(each) for each in node.decorator_list)
        self.items.append((
            'def', node.name, node.lineno, self.code_at(node.name, first_line(node)), alone, conditional,
            decorators, defaults, kwdefaults, self.unit.annotations(node)))

    def klass(self, node, alone, conditional):
        code = self.code_at(node.name, first_line(node))
        inner = Scope(self.unit, code, False).read(node.body) if code is not None else ()
        bases = tuple(dotted(base) for base in node.bases)
        decorators = tuple(decorator(each) for each in node.decorator_list)
        keywords = tuple(keyword.arg or '**' for keyword in node.keywords)
        fields = tuple(each.target.id for each in node.body
                       if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name))
        self.items.append(('class', node.name, node.lineno, code, alone, conditional,
                           decorators, bases, keywords, inner, fields))

    def imports(self, node, alone, conditional):
        level = getattr(node, 'level', 0) or 0
        bound = []
        for alias in node.names:
            if isinstance(node, ast.Import):
                whole = alias.name if alias.asname else alias.name.split('.')[0]
                bound.append((alias.asname or whole, 0, whole, None))
            else:
                bound.append((alias.asname or alias.name, level, node.module or '', alias.name))
        self.items.append(('import', None, node.lineno, tuple(bound), alone, conditional))

    def assignment(self, node, alone, conditional):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = [target.id for target in targets if isinstance(target, ast.Name)]
        if node.value is None:
            return
        value = literal(node.value)
        if value is not None and len(names) == len(targets):
            for name in names:
                self.items.append(('constant', name, node.lineno, value[0], alone, conditional))
            return
        code = None
        if isinstance(node.value, ast.Lambda) and len(names) == len(targets) == 1:
            code = self.code_at('<lambda>', node.value.lineno)
            if code is not None:
                defaults = tuple(literal(each) for each in node.value.args.defaults)
                self.items.append(('def', names[0], node.lineno, code, alone, conditional,
                                   ('<lambda>',), defaults, (), None))
                return
        self.items.append(('state', bound_by(node), node.lineno, None, alone, conditional))


def inner_codes(code):
    """The codes of the definitions of a scope; those of generic ones are one scope deeper."""
    for value in code.co_consts:
        if type(value) is CODE:
            if value.co_name.startswith('<generic parameters'):
                for inner in inner_codes(value):
                    yield inner
            yield value


def written(tree):
    """Names that code of the module assigns later on: of the module, and of its classes."""
    names, attributes = set(), set()
    classes = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            names.update(node.names)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, (ast.Store, ast.Del)):
            owner = node.value
            text = dotted(owner) or ''
            is_class = text.split('.')[-1] in classes | {'cls', '__class__'}
            if is_class or isinstance(owner, ast.Call) and dotted(owner.func) == 'type':
                attributes.add(node.attr)
    return tuple(sorted(names)), tuple(sorted(attributes))


def stream(code):
    """What a scope does, instruction by instruction, without positions: (token, line) each. A code
    object of a function stands for itself by name only; a class body is a scope of its own."""
    import dis
    line = 0
    for step in dis.get_instructions(code):
        start = getattr(step, 'line_number', None)
        if start is None:
            start = step.starts_line if step.starts_line is not True else None
        line = start or line
        value = step.argval
        if type(value) is CODE:
            value = ('code', value.co_name)
        elif step.opcode in dis.hasjrel or step.opcode in dis.hasjabs:
            value = None
        if step.opname not in ('RESUME', 'NOP', 'CACHE', 'EXTENDED_ARG', 'SETUP_ANNOTATIONS'):
            yield (step.opname, type(value).__name__, repr(value)), line


def changes(old, new, where=''):
    """((scope, line of the new source or 0, line of the old source or 0), ...) of what differs."""
    import difflib
    before, after = list(stream(old)), list(stream(new))
    matcher = difflib.SequenceMatcher(None, [token for token, _ in before], [token for token, _ in after],
                                      False)
    found = set()
    for tag, low, high, first, last in matcher.get_opcodes():
        if tag != 'equal':
            found.update((where, line, 0) for _, line in after[first:last])
            lost = before[low:high]
            if first == last and [1 for token, _ in lost if token[0].startswith('CALL')] \
                    and not [1 for token, _ in lost if token[0] == 'MAKE_FUNCTION']:
                found.update((where, 0, line) for _, line in lost[:1])
    olds = {code.co_name: code for code in inner_codes(old)}
    for code in inner_codes(new):
        if not code.co_flags & 1 and code.co_name in olds and not code.co_name.startswith('<'):
            found.update(changes(olds[code.co_name], code, where + code.co_name + '.'))
    return found


def imported_from(source, names):
    """((module, level, name, bound as), ...) of the from-imports of a source that name one of these."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if alias.name in names or alias.name == '*':
                    found.append((node.module or '', node.level or 0, alias.name,
                                  alias.asname or alias.name))
    return found


def facts(source, filename, optimize, old=None):
    """Everything about one source. `old` is the code of the module in its cached file, or None."""
    unit = Unit(source, filename, optimize)
    items = Scope(unit, unit.code, True).read(unit.tree.body)
    differing = tuple(sorted(changes(old, unit.code))) if old is not None else ()
    return (unit.code, items, written(unit.tree), old, differing)
