"""A partial that somebody keeps."""
v1 = '''
def f(x):
    return 'v1'
'''
v2 = '''
def f(x):
    return 'v2'
'''


def hold(row, user):
    return __import__('functools').partial(row.f, 1)


def seen(row, user, held):
    return held() == 'v2'
