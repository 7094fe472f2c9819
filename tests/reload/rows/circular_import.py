"""Two modules that import each other."""
v1 = '''
import user
def f():
    return 'v1'
'''
v2 = '''
import user
def f():
    return 'v2'
'''
user = '''
import row
def f():
    return row.f()
'''


def hold(row, user):
    return None


def seen(row, user, held):
    return user.f() == 'v2' and user.row is row
