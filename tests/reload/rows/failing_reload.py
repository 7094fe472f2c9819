"""A statement that raises leaves everything as it was."""
strength = 'execute'
exit = 1
cause = 'statement_raised'
v1 = '''
def f():
    return 'v1'
X = 1
'''
v2 = '''
def f(a=3):
    return 'v2'
X = 2
Y = {}['missing']
'''


def hold(row, user):
    return None


def seen(row, user, held):
    return row.f() == 'v1' and row.X == 1 and not hasattr(row, 'Y')
