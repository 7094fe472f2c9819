"""The module stays the same object."""
v1 = '''
def f():
    return 'v1'
'''
v2 = '''
def f():
    return 'v2'
'''


def hold(row, user):
    return row


def seen(row, user, held):
    return held is row is __import__('row') and row.f() == 'v2'
