"""`python main.py bench`: how fast the pipeline is here, next to bare Celery in the same run.

Absolute figures drift with the machine; only the ratios say something. A is a bare chain of four no-ops, C a bare task.
"""

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tests.benchmarks import loads
from tests.benchmarks.costs import Costs, Meter
from tests.benchmarks.stage import Stage, set_stage

_LOADS = {
    "A  bare chain of four": (loads.bare_chain, 300),
    "B1 one at a time": (loads.singles, 300),
    "B2 bursts of 500": (loads.bursts, 3000),
    "C  bare task": (loads.bare_task, 300),
}


@dataclass
class Measured:
    """The runs of one load."""

    rates: list[float]
    costs: list[Costs]


def main(words: Sequence[str]) -> int:
    """Measure and print; the exit code is 1 when a notification was lost or doubled."""
    parser = argparse.ArgumentParser(prog="main.py bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="a factor on the number of notifications")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--postgres", metavar="URL", help="a server to make a database on, instead of SQLite")
    parser.add_argument("--unfused", action="store_true", help="send each step through the broker")
    wanted = parser.parse_args(words)
    console = Console()
    sys.setswitchinterval(0.0005)  # as the workers have it
    measured = {name: Measured([], []) for name in _LOADS}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="im2-bench-")))
        load_before = os.getloadavg()[0]
        stage = stack.enter_context(
            set_stage(
                folder,
                postgres=wanted.postgres,
                processes=wanted.processes,
                threads=wanted.threads,
                fused=not wanted.unfused,
            )
        )
        progress = stack.enter_context(Progress(console=console, transient=True))
        task = progress.add_task("measuring", total=(wanted.rounds + 1) * len(_LOADS))
        for round_ in range(wanted.rounds + 1):
            for name, (load, count) in _LOADS.items():
                progress.update(task, description=name)
                _measure(stage, load, max(int(count * wanted.scale), 10), measured[name], kept=round_ > 0)
                progress.advance(task)
        lost, doubled = _judge(stage)
    _print(console, wanted, measured, load_before)
    console.print(f"lost {lost}, doubled {doubled}", style="red" if lost or doubled else "green")
    return 1 if lost or doubled else 0


def _measure(stage: Stage, load: Any, count: int, measured: Measured, *, kept: bool) -> None:
    """Run a load once; the first round only warms up."""
    meter = Meter(stage)
    rate = load(stage, count)
    if kept:
        measured.rates.append(rate)
        measured.costs.append(meter.costs(count))


def _judge(stage: Stage) -> tuple[int, int]:
    """Compare what was accepted with what the receiver got."""
    with stage.services.database.read() as conn:
        accepted = set(conn.exec_driver_sql("SELECT id FROM notifications").scalars())
    got = stage.received()
    return len(accepted - set(got)), len(got) - len(set(got))


def _print(console: Console, wanted: argparse.Namespace, measured: dict[str, Measured], load_before: float) -> None:
    store = "PostgreSQL" if wanted.postgres else "SQLite, synchronous=FULL"
    console.print(
        f"Python {platform.python_version()}, Celery {version('celery')}, {os.cpu_count()} cores, "
        f"load before {load_before:.1f}; "
        f"{store}; {wanted.processes} workers × {wanted.threads} threads, {'unfused' if wanted.unfused else 'fused'}; "
        f"{wanted.rounds} rounds, interleaved"
    )
    table = Table("load", "n/s median", "min", "max", "÷ A", "Redis commands", "messages", "commits", "worker CPU µs")
    yardstick = measured["A  bare chain of four"].rates
    for name, runs in measured.items():
        ratio = median(rate / bare for rate, bare in zip(runs.rates, yardstick, strict=True))
        cost = runs.costs[-1]
        table.add_row(
            name,
            f"{median(runs.rates):,.0f}",
            f"{min(runs.rates):,.0f}",
            f"{max(runs.rates):,.0f}",
            f"{ratio:.2f}",
            f"{cost.commands:.1f}",
            f"{cost.messages:.2f}",
            f"{cost.commits:.2f}",
            f"{median(one.cpu_microseconds for one in runs.costs):,.0f}",
        )
    console.print(table)
