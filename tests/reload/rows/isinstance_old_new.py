"""An old instance is one of the new class."""
v1 = '''
class C:
    attribute = 'v1'
    def m(self):
        return 'v1'
    @property
    def p(self):
        return 'v1'
    @staticmethod
    def s():
        return 'v1'
    @classmethod
    def k(cls):
        return 'v1'
'''
v2 = '''
class C:
    attribute = 'v2'
    def m(self):
        return 'v2'
    @property
    def p(self):
        return 'v2'
    @staticmethod
    def s():
        return 'v2'
    @classmethod
    def k(cls):
        return 'v2'
'''


def hold(row, user):
    return row.C()


def seen(row, user, held):
    return isinstance(held, row.C) and row.C.s() == 'v2'
