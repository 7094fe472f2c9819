"""A method inherited from a class of the same module."""
v1 = '''
class B:
    def m(self):
        return 'v1'
class C(B):
    pass
'''
v2 = '''
class B:
    def m(self):
        return 'v2'
class C(B):
    pass
'''


def hold(row, user):
    return row.C()


def seen(row, user, held):
    return held.m() == 'v2'
