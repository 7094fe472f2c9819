"""Does nothing until its standard input ends."""
import json  # noqa: F401 (something in sys.modules that is neither builtin nor from C)
import sys

print("READY")
sys.stdout.flush()
sys.stdin.read()
