"""Another base class, set on the class that is there."""
strength = 'execute'
v1 = '''
class A:
    pass
class B:
    pass
class C(A):
    pass
'''
v2 = '''
class A:
    pass
class B:
    pass
class C(B):
    pass
'''


def hold(row, user):
    return row.C()


def seen(row, user, held):
    return row.C.__bases__ == (row.B,) and isinstance(held, row.B)
