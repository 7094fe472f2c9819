"""A metaclass that watches what is set is not gone around."""
exit = 1
blocked = 'class_attribute'
v1 = '''
class M(type):
    def __setattr__(cls, name, value):
        raise RuntimeError
class C(metaclass=M):
    x = 1
'''
v2 = '''
class M(type):
    def __setattr__(cls, name, value):
        raise RuntimeError
class C(metaclass=M):
    x = 2
'''


def hold(row, user):
    return None


def seen(row, user, held):
    return row.C.x == 1
