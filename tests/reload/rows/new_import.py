"""A new import of a module that is loaded already."""
v1 = '''
def f():
    return 'v1'
'''
v2 = '''
import sys
from os import path as p
def f():
    return sys.modules and p
'''


def hold(row, user):
    return None


def seen(row, user, held):
    return row.f() is __import__('os').path
