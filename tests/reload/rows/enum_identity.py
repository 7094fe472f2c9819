"""A member of an enum stays the same."""
v1 = '''
import enum
class Colour(enum.Enum):
    RED = 1
    def m(self):
        return 'v1'
'''
v2 = '''
import enum
class Colour(enum.Enum):
    RED = 1
    def m(self):
        return 'v2'
'''


def hold(row, user):
    return row.Colour.RED


def seen(row, user, held):
    return held is row.Colour.RED and held is row.Colour(1) and held.m() == 'v2'
