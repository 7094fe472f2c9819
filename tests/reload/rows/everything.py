"""All of the above at once."""
v1 = '''
import functools
LIMIT = 10
COUNT = 0
def f():
    return 'v1'
def deco(g):
    @functools.wraps(g)
    def wrapper(*a, **k):
        return g(*a, **k)
    return wrapper
@deco
def decorated(x):
    return 'v1'
@functools.lru_cache(None)
def cached(x):
    return 'v1'
def outer(x):
    def inner():
        return ('v1', x)
    return inner
lam = lambda: 'v1'
class C(object):
    attr = 'v1'
    __slots__ = ('a',)
    def m(self):
        return 'v1'
    @property
    def p(self):
        return 'v1'
    @p.setter
    def p(self, v):
        self.a = 'v1'
    @staticmethod
    def s():
        return 'v1'
    @classmethod
    def k(cls):
        return 'v1'
class D(C):
    def m(self):
        return super().m()
def bump():
    global COUNT
    COUNT += 1
'''
v2 = '''
import functools
LIMIT = 10
COUNT = 0
def f():
    return 'v2'
def deco(g):
    @functools.wraps(g)
    def wrapper(*a, **k):
        return g(*a, **k)
    return wrapper
@deco
def decorated(x):
    return 'v2'
@functools.lru_cache(None)
def cached(x):
    return 'v2'
def outer(x):
    def inner():
        return ('v2', x)
    return inner
lam = lambda: 'v2'
class C(object):
    attr = 'v2'
    __slots__ = ('a',)
    def m(self):
        return 'v2'
    @property
    def p(self):
        return 'v2'
    @p.setter
    def p(self, v):
        self.a = 'v2'
    @staticmethod
    def s():
        return 'v2'
    @classmethod
    def k(cls):
        return 'v2'
class D(C):
    def m(self):
        return super().m()
def bump():
    global COUNT
    COUNT += 1
'''
user = '''
from row import f
'''


def hold(row, user):
    row.bump()
    instance = row.D()
    return instance, instance.m, row.outer(5)


def seen(row, user, held):
    instance, method, closure = held
    values = [row.f(), user.f(), row.decorated(1), row.cached(2), closure()[0], row.lam(), instance.m(), method()]
    instance.p = 1
    values += [instance.p, instance.a, row.C.s(), instance.k(), row.C.attr]
    return values == ['v2'] * 13 and row.COUNT == 1
