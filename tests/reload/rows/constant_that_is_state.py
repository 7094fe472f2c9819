"""A name that the program itself writes keeps its value."""
v1 = '''
COUNT = 0
def bump():
    global COUNT
    COUNT += 1
    return 'v1'
'''
v2 = '''
COUNT = 0
def bump():
    global COUNT
    COUNT += 1
    return 'v2'
'''


def hold(row, user):
    return row.bump()


def seen(row, user, held):
    return row.COUNT == 1 and row.bump() == 'v2'
