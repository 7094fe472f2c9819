# The rest of exec.py, in its namespace: tells an exception of what somebody typed as Python writes it.


def name_of(kind):
    module = kind.__module__ if type(kind.__module__) is str else '?'
    name = getattr(kind, '__qualname__', kind.__name__)
    if module in ('builtins', 'exceptions', '__main__'):
        return name
    return module + '.' + name


def message_of(error):
    try:
        return utf8(str(error))
    except Exception:
        try:
            return utf8(BUILTINS['unicode'](error))
        except Exception:
            return b'<its text could not be made>'


def frames(trace, names, lines):
    """One entry a frame, the outermost first; of many the first and the last. What somebody typed runs in `names`."""
    entries = []
    while trace is not None:
        code, number = trace.tb_frame.f_code, trace.tb_lineno
        entry = '  File "%s", line %s, in %s\n' % (code.co_filename, number, code.co_name)
        is_typed = code.co_filename == NAME and trace.tb_frame.f_globals is names
        if is_typed and number is not None and 0 < number <= len(lines):
            entry = utf8(entry) + b'    ' + utf8(lines[number - 1].strip()) + b'\n'
        entries.append(utf8(entry))
        trace = trace.tb_next
    if len(entries) > 60:
        left_out = utf8('  ... %d more ...\n' % (len(entries) - 60))
        entries = entries[:20] + [left_out] + entries[-40:]
    return entries


def place_in_text(error):
    """Of text that is no Python: where it goes wrong."""
    number, text, offset = error.lineno, error.text, error.offset
    parts = [utf8('  File "%s", line %s\n' % (error.filename, number))]
    if text and type(offset) is int:
        parts.append(b'    ' + utf8(text).rstrip() + b'\n')
        parts.append(b'    ' + b' ' * min(max(offset - 1, 0), 200) + b'^\n')
    return parts


def told(error, trace, names, lines, seen):
    """The traceback as text, causes first."""
    parts = []
    cause = getattr(error, '__cause__', None)
    hidden = getattr(error, '__suppress_context__', False)
    before = cause if cause is not None else None if hidden else getattr(error, '__context__', None)
    if before is not None and id(before) not in seen and len(seen) < 10:
        seen = seen + [id(before)]
        parts.extend(told(before, before.__traceback__, names, lines, seen))
        parts.append(b'\nThe above exception was the direct cause of the following exception:\n\n'
                     if cause is not None else
                     b'\nDuring handling of the above exception, another exception occurred:\n\n')
    if trace is not None:
        parts.append(b'Traceback (most recent call last):\n')
        parts.extend(frames(trace, names, lines))
    message = message_of(error)
    if isinstance(error, SyntaxError) and error.filename == NAME:
        parts.extend(place_in_text(error))
        message = utf8(error.msg)
    last = utf8(name_of(type(error)))
    parts.append(last + (b': ' + message if message else b'') + b'\n')
    return parts


def is_ours(trace):
    code = trace.tb_frame.f_code
    return code in (executed.__code__, parsed.__code__, tree_of.__code__)


def told_raised(text, names, error):
    trace = CORE['sys'].exc_info()[2]
    while trace is not None and is_ours(trace):
        trace = trace.tb_next
    traceback = b''.join(told(error, trace, names, text.split('\n'), [id(error)]))
    return records([('raised', b''), ('type', utf8(name_of(type(error)))), ('message', message_of(error)),
                    ('traceback', traceback)])
