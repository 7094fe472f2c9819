"""Who still holds a removed function is told."""
stale = 'removed_function'
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
user = '''
from row import g
'''


def hold(row, user):
    return None


def seen(row, user, held):
    return not hasattr(row, 'g') and user.g() is None
