"""A class with slots."""
v1 = '''
class C:
    __slots__ = ('a',)
    def m(self):
        return 'v1'
'''
v2 = '''
class C:
    __slots__ = ('a',)
    def m(self):
        return 'v2'
'''


def hold(row, user):
    return row.C()


def seen(row, user, held):
    return held.m() == 'v2'
