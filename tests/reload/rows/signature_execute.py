"""Other arguments of the function that everybody holds."""
strength = 'execute'
v1 = '''
def f():
    return 'v1'
'''
v2 = '''
def f(a, b=2):
    return 'v2', a, b
'''
user = '''
from row import f
'''


def hold(row, user):
    return None


def seen(row, user, held):
    return user.f(1) == ('v2', 1, 2)
