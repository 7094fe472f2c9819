"""An old instance of a dataclass equals a new one."""
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
    x: int = 1
    def m(self):
        return 'v2'
'''


def hold(row, user):
    return row.P(3)


def seen(row, user, held):
    return held == row.P(3) and row.P().m() == 'v2'
