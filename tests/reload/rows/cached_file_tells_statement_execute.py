"""A statement that is known to have changed is run by --execute, and no other."""
strength = 'execute'
v1 = '''
X = len('abc')
Y = object()
def f():
    return 'v1'
'''
v2 = '''
X = len('abcd')
Y = object()
def f():
    return 'v2'
'''


def hold(row, user):
    __import__('py_compile').compile(row.__file__, row.__cached__)
    return row.Y


def seen(row, user, held):
    return row.X == 4 and row.Y is held and row.f() == 'v2'
