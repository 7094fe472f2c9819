"""A name that another module imported."""
v1 = '''
def f():
    return 'v1'
'''
v2 = '''
def f():
    return 'v2'
'''
user = '''
from row import f
'''


def hold(row, user):
    return None


def seen(row, user, held):
    return user.f() == 'v2'
