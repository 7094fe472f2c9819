"""Another layout of instances is refused, also by --execute."""
strength = 'execute'
exit = 1
blocked = 'layout'
v1 = '''
class C:
    __slots__ = ('a',)
'''
v2 = '''
class C:
    __slots__ = ('a', 'b')
'''


def hold(row, user):
    return None


def seen(row, user, held):
    return row.C.__slots__ == ('a',)
