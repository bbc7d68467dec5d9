"""What people get to see of a drill."""

import math
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

from tests.drills.stage import Drill, Options, Result

_MOST_FAULTS = 20
_COLUMNS = (
    "accepted",
    "delivered",
    "suppressed",
    "digested",
    "failed",
    "expired",
    "open",
    "lost",
    "phantom",
    "duplicates",
    "explained",
    "recovered",
    "took",
)


def time_of(seconds: float) -> str:
    """A time as people say it."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{math.ceil(seconds / 60)} min"


def foretold(drills: Sequence[Drill], options: Options) -> str:
    """How long these will take."""
    which = drills[0].name if len(drills) == 1 else f"{len(drills)} drills"
    by_minutes = [drill.name for drill in drills if drill.by_minutes]
    share = f", {options.minutes:g} min of them {by_minutes[0]} (--minutes)" if by_minutes and len(drills) > 1 else ""
    return f"{which}: about {time_of(sum(drill.lasts(options) for drill in drills))}{share}"


def show(console: Console, results: Iterable[Result]) -> None:
    """Print one table with a line for each drill, then its notes and faults."""
    results = list(results)
    table = Table("drill")
    for name in _COLUMNS:
        table.add_column(name, justify="right")
    table.add_column("verdict")
    for result in results:
        verdict = "[green]holds[/green]" if result.passed else "[red]BROKEN[/red]"
        table.add_row(result.name, *_numbers(result), verdict)
    console.print(table)
    for result in results:
        for note in result.notes:
            console.print(f"{result.name}: {note}", markup=False, soft_wrap=True)
        for fault in result.faults[:_MOST_FAULTS]:
            console.print(f"{result.name}: [red]{fault}[/red]", soft_wrap=True)
        if len(result.faults) > _MOST_FAULTS:
            console.print(f"{result.name}: and {len(result.faults) - _MOST_FAULTS} more", markup=False)


def _numbers(result: Result) -> list[str]:
    judged = result.judgement
    count = judged.statuses.get
    ended = [count(status, 0) for status in ("delivered", "suppressed", "digested", "failed", "expired")]
    still_open = sum(count(status, 0) for status in ("pending", "held", "sending", "retrying"))
    numbers = [judged.accepted, *ended, still_open, judged.lost, judged.phantom, judged.duplicates, judged.explained]
    return [*map(str, numbers), f"{result.recovered:.1f} s", f"{result.took:.0f} s"]
