"""Another base class is refused."""
exit = 1
blocked = 'bases'
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
    return None


def seen(row, user, held):
    return row.C.__bases__ == (row.A,)
