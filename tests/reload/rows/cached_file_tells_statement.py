"""A cached file of the old source tells that a statement changed."""
exit = 1
blocked = 'statement'
v1 = '''
X = len('abc')
def f():
    return 'v1'
'''
v2 = '''
X = len('abcd')
def f():
    return 'v2'
'''


def hold(row, user):
    return __import__('py_compile').compile(row.__file__, row.__cached__)


def seen(row, user, held):
    return row.X == 3 and row.f() == 'v1'
