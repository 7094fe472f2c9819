"""A closure that was made before."""
v1 = '''
def make(x):
    def inner():
        return 'v1', x
    return inner
'''
v2 = '''
def make(x):
    def inner():
        return 'v2', x
    return inner
'''


def hold(row, user):
    return row.make(5)


def seen(row, user, held):
    return held() == ('v2', 5)
