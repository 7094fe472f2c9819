"""An imported function behind a decorator with wraps."""
v1 = '''
import functools
def decorate(f):
    @functools.wraps(f)
    def wrapper():
        return f()
    return wrapper
@decorate
def f():
    return 'v1'
'''
v2 = '''
import functools
def decorate(f):
    @functools.wraps(f)
    def wrapper():
        return f()
    return wrapper
@decorate
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
