"""Methods that are new, one with super()."""
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
        return 'v1'
class C(B):
    def m(self):
        return super().m() + 'v1'
    def n(self):
        return super().m()
    @staticmethod
    def s():
        return 's'
'''


def hold(row, user):
    return row.C()


def seen(row, user, held):
    return held.n() == 'v1' and held.s() == 's' and held.n.__qualname__ == 'C.n'
