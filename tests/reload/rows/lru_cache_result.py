"""A cached result stays, and is told; the function behind it is new."""
stale = 'cached_results'
v1 = '''
import functools
@functools.lru_cache(None)
def f(x):
    return 'v1'
'''
v2 = '''
import functools
@functools.lru_cache(None)
def f(x):
    return 'v2'
'''


def hold(row, user):
    return row.f(1)


def seen(row, user, held):
    return row.f(1) == 'v1' and row.f(2) == 'v2'
