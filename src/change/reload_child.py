

# --- the program around it ---
#
# Standard input: {"optimize", "version", "modules": [{"name", "package", "file", "cached"}], "others":
# the same}; only the imports of `others` are asked for. Standard output: one document. Files are read
# here, with the rights of the target: the tool may have more.

LARGEST = 16 << 20
OTHERS = 64 << 20
CACHE_HEADER = 16 if sys.version_info >= (3, 7) else 12


def read(path, limit):
    """The bytes of a regular file and the second it was written in; None when there is none."""
    import os
    import stat
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError, TypeError):
        return None
    try:
        about = os.fstat(file)
        if not stat.S_ISREG(about.st_mode) or about.st_size > limit:
            return None
        with open(file, 'rb', closefd=False) as stream:
            return stream.read(limit), int(about.st_mtime)
    except OSError:
        return None
    finally:
        os.close(file)


def old_code(source_size, source_time, cached):
    """The code of a cached file that was made from another version of the source, else None."""
    import _frozen_importlib_external
    import marshal
    if len(cached) < CACHE_HEADER or cached[:4] != _frozen_importlib_external.MAGIC_NUMBER:
        return None
    flags, time, size = [int.from_bytes(cached[at:at + 4], 'little')
                         for at in (CACHE_HEADER - 12, CACHE_HEADER - 8, CACHE_HEADER - 4)]
    if CACHE_HEADER == 16 and flags != 0:
        return None
    if time == source_time & 0xffffffff and size == source_size & 0xffffffff:
        return None
    code = marshal.loads(cached[CACHE_HEADER:])
    return code if type(code) is CODE else None


def absolute(package, module, level):
    if not level:
        return module
    base = package.rsplit('.', level - 1)[0] if level > 1 else package
    return base + '.' + module if module else base


def imports_of(source, package):
    """((module, name or None, bound as), ...) of all imports of a source."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, None, alias.asname or alias.name
        elif isinstance(node, ast.ImportFrom):
            module = absolute(package, node.module or '', node.level or 0)
            for alias in node.names:
                yield module, alias.name, alias.asname or alias.name


def calls_of(source):
    """(line, name) of what is called when the module runs, outside of functions."""
    found = []
    stack = list(ast.parse(source).body)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Lambda):
            continue
        if isinstance(node, FUNCTIONS):
            stack.extend(node.decorator_list + node.args.defaults)
            found.extend((each.lineno, dotted(each)) for each in node.decorator_list if dotted(each))
            continue
        if isinstance(node, ast.Call):
            found.append((node.lineno, dotted(node.func) or '...'))
        stack.extend(ast.iter_child_nodes(node))
    return sorted(found)[:200]


def in_order(names, uses):
    """What is used before what uses it; circles are cut where they are met."""
    ordered, met = [], set()

    def visit(name):
        if name not in met:
            met.add(name)
            for used in names:
                if used in uses.get(name, ()):
                    visit(used)
            ordered.append(name)
    for name in names:
        visit(name)
    return ordered


def answer_one(module, optimize):
    import marshal
    found = read(module['file'], LARGEST)
    if found is None:
        return {'name': module['name'], 'missing': True}
    source, time = found
    module['source'] = source
    cached = read(module['cached'], LARGEST) if module['cached'] else None
    try:
        old = old_code(len(source), time, cached[0] if cached else b'')
    except (ValueError, EOFError, TypeError):
        old = None
    try:
        found = facts(source, module['file'], optimize, old)
        calls = calls_of(source)
    except SyntaxError as error:
        return {'name': module['name'], 'error': error.msg or 'SyntaxError', 'line': error.lineno or 0}
    except (ValueError, RecursionError, MemoryError) as error:
        return {'name': module['name'], 'error': str(error) or type(error).__name__, 'line': 0}
    return {'name': module['name'], 'facts': marshal.dumps(found).hex(), 'calls': calls,
            'has_old': old is not None}


def naming(others, names):
    """Those of the others whose source names one of the modules at all."""
    words = [name.rpartition('.')[2].encode('utf-8', 'replace') for name in names]
    room = OTHERS
    for other in others:
        found = read(other['file'], min(LARGEST, room))
        if found is not None:
            room -= len(found[0])
            if [word for word in words if word in found[0]]:
                other['source'] = found[0]
                yield other


def main():
    import json
    request = json.load(sys.stdin)
    if '%d.%d.%d' % sys.version_info[:3] != request['version']:
        return {'error': 'version', 'version': '%d.%d.%d' % sys.version_info[:3]}
    answers = [answer_one(module, request['optimize']) for module in request['modules']]
    names = [module['name'] for module in request['modules']]
    uses, imported = {}, []
    for other in request['modules'] + list(naming(request['others'], names)):
        try:
            found = list(imports_of(other.get('source', b''), other['package']))
        except (SyntaxError, ValueError, RecursionError):
            continue
        for module, name, bound in found:
            if module in names:
                uses.setdefault(other['name'], set()).add(module)
            elif name and module + '.' + name in names:
                uses.setdefault(other['name'], set()).add(module + '.' + name)
            if module in names and name:
                imported.append((other['name'], bound, module, name))
    star = [(other, module) for other, _, module, name in imported if name == '*']
    return {'modules': answers, 'imported': [row for row in imported if row[3] != '*'],
            'stars': star, 'order': in_order(names, uses)}


if __name__ == '__main__':
    import json
    sys.stdout.write(json.dumps(main()))
