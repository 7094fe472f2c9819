"""An attribute that somebody set on the module."""
v1 = '''
def f():
    return 'v1'
'''
v2 = '''
def f():
    return 'v2'
'''


def hold(row, user):
    return setattr(row, 'extra', 7)


def seen(row, user, held):
    return row.extra == 7 and row.f() == 'v2'
