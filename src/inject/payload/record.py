# What an unload takes away is kept in a record, in the target itself, from before the first change to the
# end: who takes it away may be killed in between, and whoever comes next finds it under a name in the
# namespace of importlib._bootstrap, which nobody lists. It is a list:
#   MARK, what it is, for who finds it
#   the number of the run that made it
#   the names of the packages
#   the entries, each of them written down before the change that it undoes
#   the module objects under their keys
# Putting back an entry that was never taken, or that is back already, does nothing.
MARK = 'pyunload: taken away by an unload that has not ended; the next one puts it back'
RECORD = '_pyunload_record'
MISSING = []

# Keys of larger dicts are put back without their order.
ORDERED = 20000


def home_of_record(core, module_type):
    return core if '_module_locks' in core else namespace_of(core['sys'], module_type)


def find_record(core, module_type):
    record = home_of_record(core, module_type).get(RECORD)
    is_ours = type(record) is list and len(record) == 5 and record[0] == MARK
    return record if is_ours else None


def lazily(core):
    """map() that works when it is asked, in C: on 2.7 under another name."""
    return map if type(map) is type else core['itertools'].imap


def note_order(entries, names):
    if type(map) is type and len(names) < ORDERED:
        entries.append(('order', names, tuple(names), None))


def restore_order(names, keys):
    """Moves what stands behind the first key that is out of its place, in one step of C in which no
    other thread can look: each key is out of the dict only while its value is on its way back."""
    known = set(keys)
    now = list(names)
    wanted = [key for key in keys if key in names] + [key for key in now if key not in known]
    if list(map(id, wanted)) == list(map(id, now)):
        return
    first = 0
    while wanted[first] is now[first]:
        first += 1
    moved = wanted[first:]
    many = [names] * len(moved)
    put, take_out = type(names).__setitem__, type(names).pop
    list(map(put, many, moved, map(take_out, many, moved)))


def is_occupied(entry):
    """Whether something else stands now where this would be put back."""
    kind, place, key, value = entry[:4]
    if kind == 'row':
        return place.get(key, value) is not value
    return kind == 'value' and place.get(key) is not value and place.get(key) is not entry[4]


def undo(entry):
    kind, place, key, value = entry[:4]
    if kind == 'row':
        place.setdefault(key, value)
    elif kind == 'item':
        if not [1 for one in list(place) if one is value]:
            place.insert(key, value)
    elif kind == 'value':
        if place.get(key) is entry[4]:
            place[key] = value
    elif kind == 'attribute':
        type.__setattr__(place, key, value)
    elif kind == 'order':
        restore_order(place, key)
    elif kind == 'call':
        place(*key)


def put_back(entries):
    """All of it, the last change first. What raises is passed over and given back."""
    raised = []
    for entry in reversed(entries):
        try:
            undo(entry)
        except BaseException as error:
            raised.append(type(error).__name__)
    return raised
