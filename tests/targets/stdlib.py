"""Imports what it can of the standard library, runs some of it hot, and is traced when asked to be."""
import sys
import warnings

warnings.simplefilter('ignore')
NAMES = '''abc argparse ast base64 bisect calendar codecs collections colorsys configparser contextlib
copy csv ctypes datetime decimal difflib dis doctest email email.mime.text email.parser encodings.idna enum
filecmp fnmatch fractions ftplib functools getpass gettext glob gzip hashlib heapq hmac html html.parser
http.client http.cookiejar http.server imaplib inspect io ipaddress json json.tool keyword linecache locale
logging logging.config logging.handlers lzma mailbox mimetypes multiprocessing multiprocessing.pool
nntplib numbers operator optparse os pathlib pdb pickle pickletools pkgutil platform plistlib poplib pprint
profile pstats py_compile pyclbr pydoc queue random re reprlib sched selectors shelve shlex shutil signal
smtplib socket socketserver sqlite3 ssl stat statistics string stringprep subprocess sunau symtable
sysconfig tabnanny tarfile telnetlib tempfile textwrap threading timeit tokenize trace traceback types
typing unittest unittest.mock urllib.parse urllib.request uuid venv wave weakref webbrowser wsgiref.simple_server
xml.dom.minidom xml.etree.ElementTree xml.sax xmlrpc.client xmlrpc.server zipapp zipfile asyncio
concurrent.futures dataclasses importlib.metadata importlib.resources graphlib tomllib zoneinfo
ConfigParser Cookie HTMLParser Queue SimpleHTTPServer SocketServer StringIO UserDict commands compiler
cookielib httplib rfc822 robotparser sets sha urllib2 urlparse user xmlrpclib'''.split()

imported = 0
for name in NAMES:
    try:
        __import__(name)
        imported += 1
    except Exception:
        pass


def hot():
    import json
    import re
    import textwrap
    data = [{'key%d' % i: [i, str(i), i / 3.0, None, True]} for i in range(20)]
    for _ in range(300):
        json.loads(json.dumps(data, indent=1))
        re.compile('(a|b)*c%d' % (_ % 7)).match('ababc1')
        textwrap.fill('word ' * 30, 20)
    import ast
    import copy
    import tokenize
    import io
    for _ in range(30):
        copy.deepcopy(data)
        ast.dump(ast.parse('def f(x):\n    return [i for i in x]\n'))
        if sys.version_info[0] == 3:
            list(tokenize.generate_tokens(io.StringIO(u'def f(x):\n    return x\n').readline))


hot()
if 'trace' in sys.argv:
    def tracer(frame, event, arg):
        try:
            frame.f_trace_opcodes = True
        except AttributeError:
            pass
        return tracer
    sys.settrace(tracer)
    hot()
if 'monitor' in sys.argv and hasattr(sys, 'monitoring'):
    tool = sys.monitoring
    tool.use_tool_id(1, 'test')
    tool.set_events(1, tool.events.LINE | tool.events.PY_START | tool.events.CALL | tool.events.BRANCH
                    | tool.events.INSTRUCTION | tool.events.PY_RETURN)
    for event in (tool.events.LINE, tool.events.PY_START, tool.events.CALL, tool.events.INSTRUCTION):
        tool.register_callback(1, event, lambda *args: None)
    hot()
print('READY')
sys.stdout.flush()
sys.stdin.read()
