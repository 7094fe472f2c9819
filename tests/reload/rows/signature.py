"""Other arguments are refused."""
exit = 1
blocked = 'signature'
v1 = '''
def f():
    return 'v1'
'''
v2 = '''
def f(a):
    return 'v2'
'''


def hold(row, user):
    return None


def seen(row, user, held):
    return row.f() == 'v1'
