"""A function that somebody replaced is not put back."""
exit = 1
blocked = 'not_found'
v1 = '''
def f():
    return 'v1'
def g():
    return 'v1'
'''
v2 = '''
def f():
    return 'v2'
def g():
    return 'v2'
'''


def hold(row, user):
    return setattr(row, 'f', lambda: 'other')


def seen(row, user, held):
    return row.f() == 'other' and row.g() == 'v1'
