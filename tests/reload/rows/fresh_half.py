"""What raises half-way leaves a module half applied, and that is told."""
strength = 'fresh'
exit = 1
v1 = '''
def f():
    return 'v1'
'''
v2 = '''
def f():
    return 'v2'
X = 1 / 0
'''


def hold(row, user):
    return None


def seen(row, user, held):
    return row.f() == 'v2'
