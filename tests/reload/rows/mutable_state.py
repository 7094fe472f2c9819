"""A list that the program has filled."""
v1 = '''
STATE = []
def f():
    return 'v1'
'''
v2 = '''
STATE = []
def f():
    return 'v2'
'''


def hold(row, user):
    return row.STATE.append(1)


def seen(row, user, held):
    return row.STATE == [1] and row.f() == 'v2'
