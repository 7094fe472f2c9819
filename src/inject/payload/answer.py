# What every program that answers in words ends with. The program before this text defines `run`, whose answer, ASCII,
# becomes `result`; and `committed` and `interrupted`, the answer when something raises after the point of no return.


def as_bytes(text):
    """To ASCII without the codec registry: 2.7 would import a codec, and its str is bytes already."""
    return text if type(text) is bytes else text.encode('ascii', 'replace')


def answer():
    try:
        return run()
    except Refusal as refusal:
        return str(refusal)
    except BaseException as error:
        return interrupted() if committed else 'failed ' + type(error).__name__


result = as_bytes(answer())
