"""How long submissions take while what is old is purged.

`python -m tests.benchmarks.purge [--postgres URL] [--rows 200000] [--keep FOLDER]` fills a database, submits twenty
events a second, alone, then while `python main.py purge` removes the oldest 20,000 notifications and more with all that
belongs to them, and then alone again. It ends with 1 when the 95th percentile beside the purge is not under 50 ms, or
when one took that much longer than the longest alone. With a folder, it works on a copy of what was filled there.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles

from rich.console import Console
from rich.table import Table

from app.store import retention
from tests.benchmarks.grown import Grown, grown_to_spoil
from tests.benchmarks.operations import PEOPLE, Operations
from tests.benchmarks.past import SPAN

LEAST = 20_000
MOST_MS = 50.0
_A_SECOND = 20
_ALONE_SECONDS = 15
_PURGE_SECONDS = 300
_ROOT = Path(__file__).parents[2]


def submitted(operations: Operations, done: Callable[[float], bool]) -> list[float]:
    """Milliseconds of each submission, at a steady rate, until that says so of the seconds that have passed."""
    times: list[float] = []
    began = time.monotonic()
    while not done(time.monotonic() - began):
        time.sleep(max(began + len(times) / _A_SECOND - time.monotonic(), 0))
        sent = time.perf_counter()
        operations.submit(1 + len(times) % PEOPLE)
        times.append((time.perf_counter() - sent) * 1_000)
    return times


def days_to_keep(grown: Grown) -> int:
    """The greatest RETENTION_DAYS by which enough is old."""
    now = datetime.now(UTC)
    with grown.services.database.read() as conn:
        for days in range(SPAN.days * 2, 0, -1):
            if retention.count_older(conn, now - timedelta(days=days)) >= LEAST:
                return days
    raise SystemExit(f"there are not {LEAST:,} old notifications: more --rows, please")


@contextmanager
def purging(grown: Grown, days: int) -> Iterator[subprocess.Popen[str]]:
    """The command at work."""
    environ = {**os.environ, **grown.environ, "RETENTION_DAYS": str(days)}
    words = [sys.executable, "main.py", "purge"]
    process = subprocess.Popen(words, cwd=_ROOT, env=environ, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def percentile(times: Sequence[float], number: int) -> float:
    """The time under which so many of a hundred are."""
    return quantiles(times, n=100, method="inclusive")[number - 1]


def shown(console: Console, found: Sequence[tuple[str, list[float]]]) -> None:
    """Print what was measured."""
    table = Table("submissions", "how many", "p50 ms", "p95", "p99", "most")
    for name, times in found:
        figures = (median(times), percentile(times, 95), percentile(times, 99), max(times))
        table.add_row(name, str(len(times)), *(f"{ms:.1f}" for ms in figures))
    console.print(table)


def main() -> int:
    """Measure, print, and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--postgres", metavar="URL", help="a server on which databases of its own are made")
    parser.add_argument("--rows", type=int, default=200_000, help="notifications that have ended")
    parser.add_argument("--keep", metavar="FOLDER", type=Path, help="keep what was filled, and what tells of it, there")
    arguments = parser.parse_args()
    # Who ends it early leaves nothing behind either.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with grown_to_spoil(arguments.rows, arguments.postgres, arguments.keep) as grown:
        operations, days = Operations(grown), days_to_keep(grown)
        operations.submit(0)
        before = submitted(operations, lambda seconds: seconds >= _ALONE_SECONDS)
        with purging(grown, days) as process:
            began = time.monotonic()
            beside = submitted(operations, lambda s: process.poll() is not None or s >= _PURGE_SECONDS)
            took = time.monotonic() - began
            said = process.communicate()[0].strip() if process.poll() == 0 else "the purge did not end well"
        after = submitted(operations, lambda seconds: seconds >= _ALONE_SECONDS)
    console = Console()
    shown(console, [("alone", before), ("beside the purge", beside), ("alone again", after)])
    console.print(f"{said}, in {took:.1f} s")
    ends_well = said.startswith("purged")
    return 0 if ends_well and percentile(beside, 95) < MOST_MS > max(beside) - max(before + after) else 1


if __name__ == "__main__":
    sys.exit(main())
