"""Lines in tracebacks are those of the new file."""
v1 = '''
def f():
    raise ValueError
'''
v2 = '''
# one
# two
def f():
    raise ValueError
'''


def hold(row, user):
    return None


def seen(row, user, held):
    return row.f.__code__.co_firstlineno == 4
