"""Imports a package and uses it; then deletes it as an unload does, and says which globals dicts are alive.

Argument: the package. After READY, line by line, each answered with lines and DONE: `drop` deletes it and says what
is left, as `left` does, by the `__name__` of every globals dict of the package that is alive, sorted; `spin` answers
at once and then computes until the next line comes, so that it can be changed from outside; `well` says how many
sums came out wrong; `keys` says how many keys of the package sys.modules has; `again` imports the package, uses it
as before, and says whether it is whole.
"""
import gc
import io
import sys


def use_json():
    import json
    assert json.loads(json.dumps({'a': [1, 2.5, None]}, indent=1, sort_keys=True))['a'][1] == 2.5
    try:
        json.loads('{')
    except ValueError:
        pass


def use_email():
    import email
    from email.mime.multipart import MIMEMultipart
    from email.mime.text import MIMEText
    whole = MIMEMultipart()
    whole['Subject'] = u'caf\u00e9'
    whole.attach(MIMEText(u'text \u00e9', 'plain', 'utf-8'))
    assert email.message_from_string(whole.as_string()).get_payload()[0].get_payload(decode=True)


def use_xml():
    import xml.dom.minidom
    import xml.etree.ElementTree as tree
    root = tree.fromstring('<a><b c="1">text</b></a>')
    assert root.find('b').get('c') == '1' and tree.tostring(root)
    assert xml.dom.minidom.parseString('<a><b/></a>').toprettyxml()


def use_asyncio():
    import asyncio

    async def leaf(number):
        await asyncio.sleep(0.001)
        return number

    async def whole():
        queue = asyncio.Queue()
        await queue.put(await asyncio.gather(leaf(1), leaf(2)))
        return await asyncio.wait_for(queue.get(), 10)

    assert asyncio.run(whole()) == [1, 2]


use__asyncio = use_asyncio


def use_logging():
    import logging
    import logging.handlers
    handler = logging.StreamHandler(io.StringIO())
    logger = logging.getLogger('some.program')
    logger.addHandler(handler)
    logger.warning('%s', 1)
    logger.removeHandler(handler)


def use_sqlite3():
    import datetime
    import sqlite3
    database = sqlite3.connect(':memory:', detect_types=sqlite3.PARSE_DECLTYPES)
    database.row_factory = sqlite3.Row
    database.create_function('twice', 1, lambda value: value * 2)
    database.execute('create table t (day date, n integer)')
    database.execute("insert into t values ('2026-01-02', 1)")
    row = database.execute('select day, twice(n) as m from t').fetchone()
    assert row['day'] == datetime.date(2026, 1, 2) and row['m'] == 2
    database.close()


def use_random():
    import random
    values = list(range(10))
    random.shuffle(values)
    assert random.Random(1).random() < 1 and random.choice(values) in values


def use_requests():
    import requests
    session = requests.Session()
    session.cookies.set('a', 'b')
    assert session.prepare_request(requests.Request('POST', 'http://localhost/', json={'a': 1})).body
    try:
        session.get('http://127.0.0.1:9/', timeout=0.2)
    except requests.ConnectionError:
        pass
    session.close()


def use_flask():
    import flask
    app = flask.Flask('program')

    @app.route('/<name>')
    def greet(name):
        flask.session
        return flask.render_template_string('hello {{ name }}', name=name)

    answer = app.test_client().get('/you')
    assert answer.data == b'hello you'


def use_jinja2():
    import jinja2
    environment = jinja2.Environment(loader=jinja2.DictLoader({'base': '{% block b %}{% endblock %}'}))
    source = '{% extends "base" %}{% block b %}{% for i in n %}{{ i|upper|title }}{% endfor %}{% endblock %}'
    assert environment.from_string(source).render(n='abc') == 'ABC'


def use_numpy():
    import numpy
    matrix = numpy.arange(9.0).reshape(3, 3) + numpy.eye(3)
    assert numpy.allclose(matrix @ numpy.linalg.inv(matrix), numpy.eye(3))
    assert numpy.fft.fft(numpy.random.default_rng(1).random(8)).shape == (8,)
    assert str(numpy.array(['a', 'b'])) and numpy.ma.masked_array([1, 2], [True, False]).sum() == 2


def is_within(name, package):
    return name == package or name.startswith(package + '.')


def globals_of(package):
    """Of the modules that are the package's own: by identity, each with a mark that nothing else has."""
    found = {}
    for key, module in list(sys.modules.items()):
        own_name = getattr(module, '__name__', key)
        is_borrowed = sys.modules.get(own_name) is module and not is_within(own_name, package)
        if is_within(key, package) and module is not None and not is_borrowed:
            vars(module)['_mark_of_the_test_'] = 'globals'
            found[id(vars(module))] = key
    return found


def delete(package):
    """Keys, other keys of the same modules, and the attributes of parents that stay."""
    going = [key for key in sys.modules if is_within(key, package)]
    modules = [sys.modules[key] for key in going]
    own = [module for key, module in zip(going, modules) if is_within(getattr(module, '__name__', key), package)]
    going += [key for key, module in sys.modules.items() if key not in going and any(module is one for one in own)]
    for key in sorted(going, key=len, reverse=True):
        module = sys.modules.pop(key)
        parent, _, child = key.rpartition('.')
        if parent in sys.modules and parent not in going and vars(sys.modules[parent]).get(child) is module:
            delattr(sys.modules[parent], child)


def names_left(marked):
    alive = [thing for thing in gc.get_objects() if type(thing) is dict and id(thing) in marked]
    return sorted(thing['__name__'] for thing in alive if thing.get('_mark_of_the_test_') == 'globals')


wrong = 0


def spin():
    import select
    global wrong
    while not select.select([sys.stdin], [], [], 0)[0]:
        wrong += sum(range(1000)) != 499500


def shape(package):
    """The keys of the package, each with whether its parent has it as an attribute."""
    parts = [(key, key.rpartition('.')) for key in sys.modules if is_within(key, package)]
    return sorted((key, hasattr(sys.modules.get(part[0]), part[2])) for key, part in parts)


def is_of_another(key, package):
    return not is_within(getattr(sys.modules.get(key), '__name__', key), package)


def use_again(package, before):
    globals()['use_' + package]()
    after = shape(package)
    # `requests` makes keys for all that is loaded of `urllib3` (requests/packages.py): more when it comes again.
    differ = set(before) ^ set(after)
    wrong = [part for part in differ if part in before or not is_of_another(part[0], package)]
    return 'not whole: %s' % sorted(wrong) if wrong else 'whole'


def answer(line, package, marked, before):
    if line == 'well':
        return [str(wrong)]
    if line == 'again':
        return [use_again(package, before)]
    if line == 'keys':
        return [str(len([key for key in sys.modules if is_within(key, package)]))]
    if line == 'spin':
        return []
    if line == 'drop':
        delete(package)
    for _ in range(3):
        gc.collect()
    return names_left(marked)


def main():
    package = sys.argv[1]
    globals()['use_' + package]()
    marked, before = globals_of(package), shape(package)
    gc.collect()
    print('READY', flush=True)
    for line in iter(sys.stdin.readline, ''):
        line = line.strip()
        for text in answer(line, package, marked, before) + ['DONE']:
            print(text, flush=True)
        if line == 'spin':
            spin()


main()
