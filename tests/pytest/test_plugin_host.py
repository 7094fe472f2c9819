"""Does the plugin host really unload its plugins? It is asked from outside, of its memory.

    PYUNLOAD=/path/to/pyunload pytest test_plugin_host.py

Without pytest: python3 test_plugin_host.py
"""
import json
import os
import subprocess
import sys

PYUNLOAD = os.environ.get("PYUNLOAD", "pyunload")
HOST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "host.py")


class Host:
    """The program under test, in a process of its own."""

    def __init__(self, *options):
        self.process = subprocess.Popen(
            [sys.executable, HOST] + list(options),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            universal_newlines=True,
        )
        self.wait_for("READY")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()

    def order(self, what, name):
        self.process.stdin.write("{} {}\n".format(what, name))
        self.process.stdin.flush()
        self.wait_for("DONE")

    def wait_for(self, line):
        answer = self.process.stdout.readline().strip()
        assert answer == line, "the host answers {!r}".format(answer)


def check(host, *assertions):
    """What pyunload says of these assertions: its exit code, and its document."""
    command = [PYUNLOAD, "check", str(host.process.pid)] + list(assertions) + ["--json"]
    run = subprocess.run(command, stdout=subprocess.PIPE, universal_newlines=True)
    document = json.loads(run.stdout)
    # 0: all hold; 1: one does not. Anything else is no answer.
    assert run.returncode in (0, 1), document["error"]
    return run.returncode, document


def assert_holds(host, *assertions):
    """Fails with the evidence for those that do not hold, and with who holds the module."""
    _, document = check(host, *assertions)
    failing = [one for one in document["assertions"] if not one["holds"]]
    holders = {"why": document["why"], "ghosts": document["ghosts"]}
    assert not failing, json.dumps([failing, holders], indent=2)


def test_a_plugin_is_loaded_until_it_is_unloaded():
    with Host() as host:
        host.order("load", "tax")
        assert_holds(host, "loaded plugins.tax", "generations plugins.tax == 1")


def test_a_plugin_that_is_unloaded_is_gone():
    with Host() as host:
        host.order("load", "tax")
        host.order("unload", "tax")
        assert_holds(host, "absent plugins.tax", "ghosts plugins.tax == 0")


def test_a_plugin_that_is_kept_by_one_instance_is_found():
    with Host("--leaky") as host:
        for _ in range(2):
            host.order("load", "tax")
            host.order("unload", "tax")
        code, document = check(host, "absent plugins.tax", "ghosts plugins.tax == 0")
        assert code == 1, document
        absent, ghosts = document["assertions"]
        assert absent["holds"] and not ghosts["holds"], document
        assert {ghost["module"] for ghost in document["ghosts"]} == {"plugins.tax"}, document
        # The one who holds it is named.
        assert "kept" in json.dumps(document["ghosts"]), document


if __name__ == "__main__":
    for name, test in sorted(globals().items()):
        if name.startswith("test_"):
            test()
            print("passed: " + name)
