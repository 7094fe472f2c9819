"""Another default of a field, on the class that is there."""
strength = 'execute'
v1 = '''
import dataclasses
@dataclasses.dataclass
class P:
    x: int = 1
    def m(self):
        return 'v1'
'''
v2 = '''
import dataclasses
@dataclasses.dataclass
class P:
    x: int = 5
    def m(self):
        return 'v1'
'''


def hold(row, user):
    return row.P()


def seen(row, user, held):
    return row.P().x == 5 and isinstance(held, row.P)
