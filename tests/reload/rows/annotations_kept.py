"""Annotations of a function stay."""
v1 = '''
def f(a: int) -> str:
    return 'v1'
'''
v2 = '''
def f(a: int) -> str:
    return 'v2'
'''


def hold(row, user):
    return None


def seen(row, user, held):
    return row.f.__annotations__ == {'a': int, 'return': str} and row.f(1) == 'v2'
