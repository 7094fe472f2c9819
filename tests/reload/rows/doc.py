"""The text of a function is the new one."""
v1 = '''
def f():
    "v1"
'''
v2 = '''
def f():
    "v2"
'''
user = '''
from row import f
'''


def hold(row, user):
    return None


def seen(row, user, held):
    return user.f.__doc__ == 'v2'
