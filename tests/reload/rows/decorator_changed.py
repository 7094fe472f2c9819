"""Another decorator is run by --execute."""
strength = 'execute'
v1 = '''
def one(f):
    return lambda: ('one', f())
def two(f):
    return lambda: ('two', f())
@one
def f():
    return 'v1'
'''
v2 = '''
def one(f):
    return lambda: ('one', f())
def two(f):
    return lambda: ('two', f())
@two
def f(x=1):
    return 'v2'
'''
user = '''
from row import f
'''


def hold(row, user):
    return None


def seen(row, user, held):
    return user.f() == ('two', 'v2')
