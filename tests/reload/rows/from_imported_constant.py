"""A constant that another module imported."""
v1 = '''
LIMIT = 10
'''
v2 = '''
LIMIT = 20
'''
user = '''
from row import LIMIT, LIMIT as other
OWN = 10
'''


def hold(row, user):
    return None


def seen(row, user, held):
    return user.LIMIT == user.other == 20 and user.OWN == 10
