"""A lock of the module stays the same lock."""
v1 = '''
import threading
LOCK = threading.Lock()
def f():
    return 'v1'
'''
v2 = '''
import threading
LOCK = threading.Lock()
def f():
    return 'v2'
'''


def hold(row, user):
    return row.LOCK


def seen(row, user, held):
    return row.LOCK is held and row.f() == 'v2'
