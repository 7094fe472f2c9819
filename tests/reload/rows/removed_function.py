"""A function that the source does not have any more."""
v1 = '''
def f():
    return 'v1'
def g():
    pass
'''
v2 = '''
def f():
    return 'v2'
'''


def hold(row, user):
    return None


def seen(row, user, held):
    return not hasattr(row, 'g') and row.f() == 'v2'
