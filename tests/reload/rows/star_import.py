"""Names of a star import."""
v1 = '''
def f():
    return 'v1'
LIMIT = 'v1, far from any other text'
'''
v2 = '''
def f():
    return 'v2'
LIMIT = 'v2, far from any other text'
'''
user = '''
from row import *
'''


def hold(row, user):
    return None


def seen(row, user, held):
    return user.f() == 'v2' and user.LIMIT.startswith('v2')
