"""A program with an audit hook is left alone."""
exit = 6
cause = 'audit_hook'
v1 = '''
import sys
sys.addaudithook(lambda event, arguments: None)
def f():
    return 'v1'
'''
v2 = '''
def f():
    return 'v2'
'''


def hold(row, user):
    return None


def seen(row, user, held):
    return row.f() == 'v1'
