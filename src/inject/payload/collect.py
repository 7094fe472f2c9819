# Runs the collector once more: what was still in use when modules were unloaded may be free by now.


committed = ()


def run():
    core = find_core()
    table = core['sys'].modules
    collector = find_collector(core, table, type(core['sys']))
    return 'collected %d' % collector['collect']()
