"""A default argument."""
strength = 'execute'
v1 = '''
def f(x='v1'):
    return x
'''
v2 = '''
def f(x='v2'):
    return x
'''
user = '''
from row import f
'''


def hold(row, user):
    return None


def seen(row, user, held):
    return user.f() == 'v2'
