"""A source with an error changes nothing."""
exit = 1
cause = 'syntax_error'
v1 = '''
def f():
    return 'v1'
'''
v2 = '''
def f(:
'''


def hold(row, user):
    return None


def seen(row, user, held):
    return row.f() == 'v1'
