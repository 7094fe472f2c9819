"""A source that is gone changes nothing."""
exit = 1
cause = 'missing_file'
v1 = '''
def f():
    return 'v1'
'''
v2 = None


def hold(row, user):
    return None


def seen(row, user, held):
    return row.f() == 'v1'
