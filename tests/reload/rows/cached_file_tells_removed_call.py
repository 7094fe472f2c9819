"""A call that is gone is known from a cached file of the old source."""
exit = 1
blocked = 'statement_gone'
v1 = '''
SEEN = []
SEEN.append(1)
def f():
    return 'v1'
'''
v2 = '''
SEEN = []
def f():
    return 'v2'
'''


def hold(row, user):
    return __import__('py_compile').compile(row.__file__, row.__cached__)


def seen(row, user, held):
    return row.f() == 'v1'
