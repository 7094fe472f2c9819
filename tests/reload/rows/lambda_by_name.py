"""A lambda that has a name."""
v1 = '''
f = lambda: 'v1'
'''
v2 = '''
f = lambda: 'v2'
'''
user = '''
from row import f
'''


def hold(row, user):
    return None


def seen(row, user, held):
    return user.f() == 'v2'
