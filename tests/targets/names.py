"""Imports hundreds of modules, prints name, type, file and refcount of each, and answers every line."""
import sys

WANTED = """
    abc argparse array ast base64 bisect bz2 calendar cmd code codecs collections contextlib copy csv ctypes
    datetime decimal difflib dis email email.mime.text email.parser filecmp fractions functools
    getpass glob gzip hashlib heapq hmac html.parser http.client http.cookiejar http.server imaplib inspect
    io ipaddress itertools json json.tool keyword linecache locale logging logging.config logging.handlers lzma
    mailbox mimetypes mmap multiprocessing multiprocessing.pool numbers operator optparse pdb pickle
    pickletools pkgutil platform plistlib poplib pprint profile pstats pydoc queue random re sched secrets
    select shelve shlex shutil site smtplib socket socketserver sqlite3 ssl statistics string struct
    subprocess symtable tarfile tempfile textwrap threading timeit token tokenize trace traceback types
    unicodedata unittest unittest.mock urllib.request urllib.robotparser uuid wave weakref webbrowser
    wsgiref.simple_server xml.dom.minidom xml.etree.ElementTree xml.sax xmlrpc.client xmlrpc.server
    zipfile zipimport zlib concurrent.futures asyncio curses cProfile decimal typing dataclasses enum
""".split()

WANTED += ["encodings.iso8859_%d" % n for n in range(1, 17) if n != 12]
WANTED += ["encodings.cp%d" % n for n in (37, 437, 500, 737, 775, 850, 852, 855, 857, 860, 861, 862)]
WANTED += ["encodings.cp%d" % n for n in range(1250, 1259)]
for name in WANTED:
    try:
        __import__(name)
    except ImportError:  # not in every build
        pass

import json


def row(name):
    # One reference is that of the call itself.
    count = sys.getrefcount(sys.modules[name]) - 1
    module = sys.modules[name]
    # Not by getattr: a lazy module would be loaded by it.
    return [name, type(module).__name__, getattr(module, "__dict__", {}).get("__file__"), count]


print(json.dumps([row(name) for name in list(sys.modules)]))
print("READY")
sys.stdout.flush()
for line in iter(sys.stdin.readline, ""):
    print("alive " + line.strip())
    sys.stdout.flush()
