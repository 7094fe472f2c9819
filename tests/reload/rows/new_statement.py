"""A new statement is refused."""
exit = 1
blocked = 'new_name'
v1 = '''
def f():
    return 'v1'
'''
v2 = '''
def f():
    return 'v1'
TABLE = dict(a=f)
'''


def hold(row, user):
    return None


def seen(row, user, held):
    return not hasattr(row, 'TABLE')
