"""Apprise's library at the bursts' receiver, for comparison: its object is made for each message, as its API does it.

It is no requirement of ours: without it, the comparison is left out. This module is also the process that sends.
"""

import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from importlib.util import find_spec

from tests.benchmarks.aims import Figure
from tests.benchmarks.sample import Load, Sample
from tests.benchmarks.stage import ROOT, Stage

HOW_TO_INSTALL = "apprise is not installed; for the comparison: pip install apprise"
_PROCESSES = 2
_PATH = "/apprise"


def installed() -> bool:
    """Whether there is something to compare with."""
    return find_spec("apprise") is not None


def sends(stage: Stage, count: int) -> Sample:
    """Send from two processes at once; timed is from when both are ready until both are through."""
    each = count // _PROCESSES
    before = _arrived(stage)
    with ExitStack() as stack:
        senders = [
            stack.enter_context(_sender(f"json://127.0.0.1:{stage.port}{_PATH}", each)) for _ in range(_PROCESSES)
        ]
        for sender in senders:
            assert sender.stdout is not None
            sender.stdout.readline()
        began = time.perf_counter()
        for sender in senders:
            assert sender.stdin is not None
            sender.stdin.close()
        failed = [code for sender in senders if (code := sender.wait())]
        seconds = time.perf_counter() - began
    sent = each * _PROCESSES
    if failed or _arrived(stage) - before != sent:
        raise RuntimeError(f"apprise brought {_arrived(stage) - before} of {sent} through")
    return Sample(sent, {Figure.RATE: sent / seconds})


def _arrived(stage: Stage) -> int:
    return sum(entry["path"] == _PATH for entry in stage.ledger())


def _sender(url: str, count: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", __name__, url, str(count)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _send(url: str, count: int) -> int:
    """Send so many as soon as the standard input ends; how many failed."""
    from apprise import Apprise  # noqa: PLC0415 - it may not be there

    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.read()
    failed = 0
    for number in range(count):
        one = Apprise()
        one.add(url)
        failed += not one.notify(title="Job finished", body=f"nightly encode {number} took 30 minutes and 34 seconds.")
    return failed


def main(words: Sequence[str]) -> int:
    """Be one of the processes that send."""
    url, count = words
    return int(_send(url, int(count)) > 0)


LOAD: Load[Stage] = Load("apprise", "   apprise's library", sends, 400, 3.0)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
