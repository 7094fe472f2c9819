"""A coroutine that has begun goes on, and is told."""
stale = 'COROUTINE'
v1 = '''
async def f():
    return 'v1'
'''
v2 = '''
async def f():
    return 'v2'
'''


def hold(row, user):
    return row.f()


def seen(row, user, held):
    try:
        held.send(None)
    except StopIteration as end:
        return end.value == 'v1'
