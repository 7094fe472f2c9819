"""A constant through the module."""
v1 = '''
LIMIT = 'v1'
def f():
    return LIMIT
'''
v2 = '''
LIMIT = 'v2'
def f():
    return LIMIT
'''


def hold(row, user):
    return None


def seen(row, user, held):
    return row.LIMIT == row.f() == 'v2'
