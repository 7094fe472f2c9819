"""One row of tests/reload/rows, done by one of the reloaders that run inside a process. Prints + or -.

    bench-reload.py TOOL ROW.py      TOOL is reload, ipython, deduper or jurigged
"""
import os
import sys
import tempfile
import time


def write(folder, name, text):
    path = os.path.join(folder, name + '.py')
    if text is None:
        os.unlink(path)
        return
    with open(path, 'w') as file:
        file.write(text)


def reloader(tool, folder):
    """What reloads the module `row`, prepared before it is imported."""
    if tool == 'reload':
        import importlib
        return importlib.reload
    if tool == 'ipython':
        from IPython.extensions.autoreload import superreload
        objects = {}
        return lambda module: superreload(module, old_objects=objects)
    if tool == 'deduper':
        from IPython.extensions.deduperreload.deduperreload import DeduperReloader
        deduper = DeduperReloader()
        sys.deduper = deduper
        return lambda module: deduper.maybe_reload_module(module)
    from jurigged.register import registry
    registry.auto_register(lambda name: name.startswith(folder))
    return lambda module: registry.get(module.__file__).refresh()


def main():
    tool, path = sys.argv[1:]
    space = {}
    with open(path) as file:
        exec(compile(file.read(), path, 'exec'), space)
    folder = tempfile.mkdtemp()
    sys.path.insert(0, folder)
    sys.dont_write_bytecode = True
    reload = reloader(tool, folder)
    write(folder, 'row', space['v1'])
    write(folder, 'user', space.get('user', ''))
    import row
    import user
    if tool == 'deduper':
        sys.deduper.update_sources()
    held = space['hold'](row, user)
    time.sleep(0.01)
    write(folder, 'row', space['v2'])
    future = time.time() + 10
    if space['v2'] is not None and 'same_second' not in path:
        os.utime(os.path.join(folder, 'row.py'), (future, future))
    try:
        reload(row)
    except BaseException:
        pass
    try:
        seen = space['seen'](row, user, held)
    except BaseException:
        seen = False
    sys.stdout.write('+' if seen is True else '-')
    sys.stdout.flush()
    os._exit(0)


main()
