"""How much slower what people and services wait for gets as the past grows.

`python -m tests.benchmarks.growth [--postgres URL] [--rows 1000000] [--keep FOLDER]` fills two databases, one with a
hundredth of that, and times each operation on both by turns, for as many people here as there: a first look at each,
and then again. It ends with 1 when one of those that must not grow takes more than 1.3 times as long where there is
more. With a folder, what was filled is found again the next time.

At a first look SQLite's file is read from the disk, on both sides. A server cannot be asked for that: it reads what it
does not hold, and holds all of the smaller database after a few looks. So its first looks are told, and not judged.
"""

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from app.cli.progress import progress
from tests.benchmarks.grown import grown
from tests.benchmarks.operations import PEOPLE, Operation, Operations

AGAIN = 3
MOST = 1.3


@dataclass
class Times:
    """Milliseconds of one operation on the smaller and on the larger database."""

    operation: Operation
    is_first_fair: bool = False
    """Whether both were read from the disk at the first look."""
    first: tuple[list[float], list[float]] = field(default_factory=lambda: ([], []))
    again: tuple[list[float], list[float]] = field(default_factory=lambda: ([], []))

    @property
    def is_too_slow(self) -> bool:
        """Whether it takes too long where there is more."""
        fair = [self.again, self.first] if self.is_first_fair else [self.again]
        return not self.operation.is_bounded and max(map(growth, fair)) > MOST


def growth(times: tuple[Sequence[float], Sequence[float]]) -> float:
    """How many times as long the median is on the larger database."""
    small, large = map(median, times)
    return large / small


def timed(small: Operations, large: Operations) -> list[Times]:
    """Each operation on both; by turns, so that a busy machine is busy for both."""
    pairs = list(zip(small.all(), large.all(), strict=True))
    found = []
    with progress("timing", len(pairs)) as seen:
        for number, pair in enumerate(pairs):
            times = Times(pair[0])
            # Connections are opened and statements built with the one nobody times.
            for operation in pair:
                operation.act(0)
            for turn in range(AGAIN + 1):
                for person in range(1, PEOPLE + 1):
                    if turn == 0:
                        times.is_first_fair = small.forget() and large.forget()
                    _time(pair, person, times.again if turn else times.first)
            found.append(times)
            seen(number + 1)
    return found


def _time(pair: tuple[Operation, Operation], person: int, times: tuple[list[float], list[float]]) -> None:
    both = list(zip(pair, times, strict=True))
    # Each goes first as often as the other.
    for operation, took in both if person % 2 else reversed(both):
        began = time.perf_counter()
        operation.act(person)
        took.append((time.perf_counter() - began) * 1_000)


def shown(console: Console, few: int, many: int, found: Sequence[Times]) -> None:
    """Print what was measured, with a verdict on each."""
    heads = (
        "median (least–most) ms",
        f"first look, {few:,}",
        f"{many:,}",
        "÷",
        f"again, {few:,}",
        f"{many:,}",
        "÷",
        "",
    )
    table = Table(*heads)
    for times in found:
        cells = []
        for both in (times.first, times.again):
            cells += [f"{median(one):.2f} ({min(one):.2f}–{max(one):.2f})" for one in both] + [f"{growth(both):.2f}"]
        verdict = "bounded" if times.operation.is_bounded else f"over {MOST}" if times.is_too_slow else "holds"
        table.add_row(times.operation.name, *cells, verdict)
    console.print(table)
    if slow := [times.operation.name for times in found if times.is_too_slow]:
        console.print(f"more than {MOST} times as long: {', '.join(slow)}")


def main() -> int:
    """Measure, print, and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--postgres", metavar="URL", help="a server on which databases of its own are made")
    parser.add_argument("--rows", type=int, default=1_000_000, help="notifications that have ended")
    parser.add_argument("--keep", metavar="FOLDER", type=Path, help="keep what was filled, and what tells of it, there")
    arguments = parser.parse_args()
    # Who ends it early leaves nothing behind either.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    few, many = arguments.rows // 100, arguments.rows
    with (
        grown(few, arguments.postgres, arguments.keep) as short,
        grown(many, arguments.postgres, arguments.keep) as long,
    ):
        small, large = Operations(short), Operations(long)
        try:
            found = timed(small, large)
        finally:
            small.clear()
            large.clear()
    # A pipe is no narrower than what is told.
    shown(Console(width=None if sys.stdout.isatty() else 180), few, many, found)
    return 1 if any(times.is_too_slow for times in found) else 0


if __name__ == "__main__":
    sys.exit(main())
