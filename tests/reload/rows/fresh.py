"""What importlib.reload does."""
strength = 'fresh'
v1 = '''
def f():
    return 'v1'
'''
v2 = '''
def f():
    return 'v2'
'''
user = '''
from row import f
'''


def hold(row, user):
    return None


def seen(row, user, held):
    return row.f() == 'v2' and user.f() == 'v1'
