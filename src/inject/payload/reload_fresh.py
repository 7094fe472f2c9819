# Does what importlib.reload does, module by module: the source runs again in the namespace that is
# there. Before this text stand the constants of one request:
#   TABLE      id(sys.modules) as it was read from outside
#   MODULES    ((key, id of the module, id of its globals), ...), what is imported before what imports it
# The answer is lines of words, the first one the status. There is no way back from a statement.

committed = []


def hexadecimal(text):
    return text.encode('utf-8', 'surrogatepass').hex() or '-'


def find(core, key, value, module_type):
    """The new spec of a module, from the finders of the program."""
    parent = key.rpartition('.')[0]
    path = None
    if parent:
        names = namespace_of(core['sys'].modules.get(parent), module_type)
        if names is None:
            raise Refusal('changed')
        path = names.get('__path__')
    spec = core['_find_spec'](key, path, value)
    if spec is None:
        raise Refusal('missing %s' % hexadecimal(key))
    return spec


def run():
    core = find_core()
    table = core['sys'].modules
    module_type = type(core['sys'])
    if id(table) != TABLE or type(table) is not dict:
        raise Refusal('moved')
    if '_find_spec' not in core:
        raise Refusal('failed too_old')
    for key, module, names in MODULES:
        if id(table.get(key)) != module or id(namespace_of(table.get(key), module_type)) != names:
            raise Refusal('changed')
    lines = ['done']
    for index, (key, _, _) in enumerate(MODULES):
        value = table[key]
        spec = find(core, key, value, module_type)
        committed.append(index)
        try:
            core['_exec'](spec, value)
        except BaseException as error:
            lines.append('half %d %s' % (index, hexadecimal(type(error).__name__)))
            break
        lines.append('fresh %d' % index)
    return '\n'.join(lines)


def interrupted():
    return '\n'.join(['done', 'interrupted 1'] + ['fresh %d' % index for index in committed[:-1]])
