"""A new class is run by --execute."""
strength = 'execute'
v1 = '''
def f():
    return 'v1'
'''
v2 = '''
def f():
    return 'v1'
class C:
    def m(self):
        return f()
'''


def hold(row, user):
    return None


def seen(row, user, held):
    return row.C().m() == 'v1'
