"""A constant that is known to be the same in the source keeps what somebody set."""
v1 = '''
LIMIT = 1
OTHER = 1
def f():
    return 'v1'
'''
v2 = '''
LIMIT = 1
OTHER = 222
def f():
    return 'v2'
'''


def hold(row, user):
    __import__('py_compile').compile(row.__file__, row.__cached__)
    row.LIMIT = 5


def seen(row, user, held):
    return row.LIMIT == 5 and row.OTHER == 222 and row.f() == 'v2'
