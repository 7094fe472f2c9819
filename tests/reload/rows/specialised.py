"""A function that ran hot."""
v1 = '''
def g():
    return 'v1'
def f(n):
    for _ in range(n):
        g()
    return g()
'''
v2 = '''
def g():
    return 'v2'
def f(n):
    for _ in range(n):
        g()
    return g()
'''


def hold(row, user):
    return row.f(5000)


def seen(row, user, held):
    return row.f(10) == 'v2'
