"""What a text costs: every kind of cell in every language, by the CPU of one thread, beside a bare template.

`python -m tests.benchmarks.render` prints the table; what it costs to read templates and catalogues the first time is
told beside it.
"""

import time
from collections.abc import Callable
from itertools import groupby
from statistics import median
from tempfile import TemporaryDirectory

from jinja2 import Environment
from rich.console import Console
from rich.table import Table

from app.cli.lint import ROOT, subject_of
from app.config import Settings
from app.domain.notifications import DIGEST
from app.rendering.lint import gate
from app.rendering.lint.fault import Cell
from app.rendering.lint.gate import Subject, Wanted
from app.rendering.samples import samples

RUNS = 30
_GROUPS = {"inbox": "short", "hook": "short", "chat": "short", "alert": "short", "mail": "mail"}


def main() -> None:
    """Print it."""
    with TemporaryDirectory() as folder:
        subject = subject_of(Settings.load({"DATA_DIR": folder}), ROOT)
    cells = sorted(gate.cells(subject, Wanted()), key=lambda cell: (_group(subject, cell), cell.locale))
    first = {cell: _cpu(_render(subject, cell), 1) for cell in cells}
    table = Table("text", "language", "median µs", "slowest µs", "× a bare template")
    bare = _cpu(_bare(), RUNS)
    slowest = 0.0
    for (group, locale), members in groupby(cells, key=lambda cell: (_group(subject, cell), cell.locale)):
        costs = [_cpu(_render(subject, cell), RUNS) for cell in members]
        slowest = max(slowest, *costs)
        table.add_row(group, locale, f"{median(costs):.0f}", f"{max(costs):.0f}", f"{median(costs) / bare:.1f}")
    console = Console()
    console.print(table)
    console.print(f"a bare template of ten lines: {bare:.0f} µs; the slowest cell: {slowest:.0f} µs")
    console.print(
        f"the first render of all {len(cells)} cells, with reading everything: {sum(first.values()) / 1e6:.1f} s"
    )


def _group(subject: Subject, cell: Cell) -> str:
    """Which cells are told of together."""
    size = _GROUPS[subject.channels[cell.channel]]
    return f"{'digest' if cell.type == DIGEST else 'event'}, {size}"


def _render(subject: Subject, cell: Cell) -> Callable[[], object]:
    sample = next(samples(cell.type, subject.types))
    wanted = {
        "kind": subject.channels[cell.channel],
        "channel": cell.channel,
        "locale": cell.locale,
        "timezone": "Europe/Berlin",
    }
    if cell.type == DIGEST:
        return lambda: subject.renderer.render_digest(sample.occasion, sample.carried, **wanted)
    return lambda: subject.renderer.render(sample.occasion, **wanted)


def _bare() -> Callable[[], object]:
    """A template without sandbox, languages or layout: what Jinja alone takes."""
    lines = "\n".join(f"Line {number}: {{{{ name }}}} is at {{{{ percent }}}} %" for number in range(10))
    template = Environment(autoescape=True).from_string(lines)
    return lambda: template.render(name="encode", percent=42)


def _cpu(work: Callable[[], object], runs: int) -> float:
    """The median of the CPU time of one run, in microseconds."""
    times = []
    for _ in range(runs):
        began = time.thread_time_ns()
        work()
        times.append((time.thread_time_ns() - began) / 1000)
    return median(times)


if __name__ == "__main__":
    main()
