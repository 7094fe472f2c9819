"""A descriptor class of the module."""
v1 = '''
class D:
    def __get__(self, instance, owner):
        return 'v1'
class C:
    d = D()
'''
v2 = '''
class D:
    def __get__(self, instance, owner):
        return 'v2'
class C:
    d = D()
'''


def hold(row, user):
    return row.C()


def seen(row, user, held):
    return held.d == 'v2'
