"""`python -m tests.benchmarks.latency`: how long from a request to its receiver, at a rate that is nobody's burst?

The whole product runs as by `python main.py`, on SQLite and its own broker. Events are submitted over HTTP at even
distances, whether those before have arrived or not, each for one webhook; told is the time from before its request was
sent until the receiver had it, so what an answer waits for is part of it. `python main.py bench` has it, too.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from tests.benchmarks.aims import Figure
from tests.benchmarks.over_http import RATE, paced
from tests.benchmarks.whole import whole_product

_WARM_UP = 100


def main(words: Sequence[str]) -> int:
    """Measure and print; the exit code is 1 when an event did not arrive exactly once."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.latency", description=__doc__)
    parser.add_argument("--rate", type=float, default=RATE, help="events a second")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--postgres", metavar="URL", help="a server to make a database on, instead of SQLite")
    wanted = parser.parse_args(words)
    console = Console()
    with (
        console.status("measuring"),
        tempfile.TemporaryDirectory(prefix="im2-latency-") as folder,
        whole_product(Path(folder) / "rig", postgres=wanted.postgres) as whole,
    ):
        paced(whole, _WARM_UP, wanted.rate)
        told = paced(whole, round(wanted.rate * wanted.seconds), wanted.rate).figures
        lost, doubled = whole.judged()
    times = f"p50 {told[Figure.P50]:.1f} ms, p99 {told[Figure.P99]:.1f} ms, most {told[Figure.MOST]:.0f} ms"
    console.print(f"{wanted.rate:g}/s for {wanted.seconds:g} s: {times}; lost {lost}, doubled {doubled}")
    return int(lost > 0 or doubled > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
