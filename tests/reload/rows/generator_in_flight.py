"""A generator that has begun goes on with its old code, and is told."""
stale = 'GENERATOR'
v1 = '''
def g():
    yield 'v1'
    yield 'v1'
'''
v2 = '''
def g():
    yield 'v2'
    yield 'v2'
'''


def hold(row, user):
    generator = row.g()
    next(generator)
    return generator


def seen(row, user, held):
    old = list(held)
    return old == ['v1'] and list(row.g()) == ['v2', 'v2']
