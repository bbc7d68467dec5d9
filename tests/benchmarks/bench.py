"""`python main.py bench`: how fast the product is here, next to bare Celery in the same run.

Absolute figures drift with the machine; only the ratios say something. A is a bare chain of four, C a bare task.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from math import ceil
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from tests.benchmarks import apprise_sends, registry, report
from tests.benchmarks.measuring import Way, measure


def main(words: Sequence[str]) -> int:
    """Measure and print; the exit code is 1 when a notification was lost or doubled."""
    wanted = _wanted(words)
    console = Console(width=None if sys.stdout.isatty() else 160)
    if (wanted.apprise or "apprise" in wanted.only) and not apprise_sends.installed():
        console.print(apprise_sends.HOW_TO_INSTALL, style="red")
        return 2
    chosen = registry.chosen(wanted.only, apprise=wanted.apprise)
    way = Way(wanted.postgres, wanted.processes, wanted.threads, not wanted.unfused, wanted.rounds, scale=wanted.scale)
    load_before = os.getloadavg()[0]
    console.print(report.heading(way, load_before))
    seconds = chosen.seconds(way.rounds, way.scale)
    console.print(f"This takes about {ceil(seconds / 30) / 2:g} minutes.")
    columns = (BarColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    sys.setswitchinterval(0.0005)  # as the workers have it
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("starting", total=seconds)
        try:
            results = measure(chosen, way, lambda text, over: progress.update(bar, description=text, advance=over))
        except ConnectionError as error:
            # The command line would take it for a reader of our output who has seen enough.
            raise RuntimeError("a part that is measured hung up") from error
    report.show(console, results)
    if wanted.json is not None:
        wanted.json.write_text(json.dumps(report.as_json(results, way, load_before), indent=1) + "\n")
    return int(results.lost > 0 or results.doubled > 0)


def _wanted(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="main.py bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="a factor on the number of notifications")
    parser.add_argument("--quick", action="store_true", help="one round of half as many")
    parser.add_argument("--only", type=_names, default=(), metavar="NAMES", help=f"some of {','.join(registry.NAMES)}")
    parser.add_argument("--processes", type=int, default=2, help="workers of the stage")
    parser.add_argument("--threads", type=int, default=4, help="of each of them")
    parser.add_argument("--postgres", metavar="URL", help="a server to make a database on, instead of SQLite")
    parser.add_argument("--unfused", action="store_true", help="send each step through the broker")
    parser.add_argument("--apprise", action="store_true", help="compare with apprise's library, if it is installed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all of it to a file, too")
    wanted = parser.parse_args(words)
    if wanted.quick:
        wanted.rounds, wanted.scale = 1, 0.5
    return wanted


def _names(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if unknown := [name for name in names if name not in registry.NAMES]:
        raise argparse.ArgumentTypeError(f"no such load: {', '.join(unknown)}")
    return names
