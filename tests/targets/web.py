"""Imports flask, requests and jinja2 from its PYTHONPATH and runs them hot. At a line of input it runs them under
tracers, and under sys.monitoring as a coverage tool uses it, and prints TRACED."""
import sys
import warnings

warnings.simplefilter('ignore')
import flask
import jinja2
import requests


def hot(times):
    app = flask.Flask('program')

    @app.route('/<name>')
    def greet(name):
        return flask.render_template_string('hello {{ name|upper }}', name=name)

    client = app.test_client()
    environment = jinja2.Environment()
    for index in range(times):
        assert client.get('/you').data == b'hello YOU'
        text = '{%% for i in n %%}{{ i|title }}%d{%% endfor %%}' % (index % 5)
        assert environment.from_string(text).render(n='ab')
        request = requests.Request('POST', 'http://a.b/c', params={'q': [1, 2]}, json={'a': index}, headers={'X': '1'})
        prepared = requests.Session().prepare_request(request)
        assert prepared.url == 'http://a.b/c?q=1&q=2'
        requests.utils.default_headers()


def tracer(frame, event, arg):
    return tracer


def by_opcode(frame, event, arg):
    frame.f_trace_opcodes = True
    return by_opcode


def trace():
    sys.settrace(tracer)
    hot(3)
    sys.settrace(by_opcode)
    hot(1)
    if not hasattr(sys, 'monitoring'):
        return
    tool = sys.monitoring
    tool.use_tool_id(tool.COVERAGE_ID, 'test')
    tool.set_events(tool.COVERAGE_ID, tool.events.LINE | tool.events.PY_START | tool.events.PY_RETURN)
    for event in (tool.events.LINE, tool.events.PY_START, tool.events.PY_RETURN):
        tool.register_callback(tool.COVERAGE_ID, event, lambda *args: tool.DISABLE)
    hot(5)


def say(text):
    sys.stdout.write(text + '\n')
    sys.stdout.flush()


hot(40)
say('READY')
for line in sys.stdin:
    trace()
    say('TRACED')
