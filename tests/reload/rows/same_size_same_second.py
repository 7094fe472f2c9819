"""An edit of equal size within the same second."""
v1 = '''
def f():
    return 'v1'
'''
v2 = '''
def f():
    return 'v2'
'''


def hold(row, user):
    return None


def seen(row, user, held):
    return row.f() == 'v2'
