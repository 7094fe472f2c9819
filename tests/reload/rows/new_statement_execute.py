"""A new statement is run by --execute."""
strength = 'execute'
v1 = '''
def f():
    return 'v1'
'''
v2 = '''
def f():
    return 'v2'
TABLE = dict(a=f)
'''


def hold(row, user):
    return None


def seen(row, user, held):
    return row.TABLE['a']() == 'v2' and row.f() == 'v2'
