"""A method that uses super()."""
v1 = '''
class B:
    def m(self):
        return 'v1'
class C(B):
    def m(self):
        return super().m() + 'v1'
'''
v2 = '''
class B:
    def m(self):
        return 'v2'
class C(B):
    def m(self):
        return super().m() + 'v2'
'''


def hold(row, user):
    return row.C()


def seen(row, user, held):
    return held.m() == 'v2v2'
