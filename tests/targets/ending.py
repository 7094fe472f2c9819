"""Stops for ever where Python takes its modules apart."""
import os


class Last(object):
    read = staticmethod(os.read)
    write = staticmethod(os.write)

    def __del__(self):
        self.write(1, b"READY\n")
        self.read(0, 1)


keep = Last()
