# Finds the collector of the interpreter. Behind common.py.


def is_genuine(names):
    return names is not None and type(names.get('collect')) is type(len)


def find_collector(core, table, module_type):
    """The functions of gc: of the module that is there, else of one made and not registered.
    A copy: when a module dies on 2.7, its own dict loses its values."""
    names = namespace_of(table.get('gc'), module_type)
    if is_genuine(names):
        return dict(names)
    before = table.get('gc')
    if 'ModuleSpec' in core:
        made = core['_imp'].create_builtin(core['ModuleSpec']('gc', None))
        core['_imp'].exec_builtin(made)
    else:
        made = __import__('gc')
    if before is None and table.get('gc') is made:  # the single-phase form registers itself (to 3.9)
        del table['gc']
    names = namespace_of(made, module_type)
    if not is_genuine(names):
        raise Refusal('failed no_collector')
    return dict(names)
