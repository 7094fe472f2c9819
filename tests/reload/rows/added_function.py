"""A function that is new."""
v1 = '''
def f():
    return 'v1'
'''
v2 = '''
def f():
    return 'v1'
def g(a: int, b=2):
    return f() + 'v2'
'''


def hold(row, user):
    return None


def seen(row, user, held):
    return row.g(1) == 'v1v2' and row.g.__annotations__ == {'a': int}
