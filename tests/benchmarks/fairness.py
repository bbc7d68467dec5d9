"""`python -m tests.benchmarks.fairness`: can a flood of one source, or for one user, keep others from their messages?

The whole product runs as by `python main.py`, on SQLite and its own broker, without a limit per user, so that all of
the flood has to be sent. Twice a second somebody else's events are submitted, first alone, then beside a flood of
progress, then beside a flood of finished jobs; told is how long each took from accepted to delivered, by channel.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from sqlalchemy import select

from app.store.tables import events, notifications
from tests.drills import facts
from tests.drills.rig import Rig

MOST_SECONDS: Mapping[str, float] = {"system.error": 5.0, "job.failed": 15.0}
"""What the 95th percentile of these has to stay under."""
_CHANNELS = ("inapp", "webhook")
_FLOOD_SOURCE, _FLOODED = "renderer", "flooded"
_BATCH = 500
_PAUSE_SECONDS = 0.5
_DEADLINE_SECONDS = 420.0
_QUIET = "alone"
_DONE = frozenset({"delivered", "suppressed"})


@dataclass(frozen=True, slots=True)
class Probe:
    """Somebody else's event: of another source, or of the flood's own source but for another user."""

    type: str
    source: str
    user: str
    data: Mapping[str, Any]

    def event(self, number: str) -> dict[str, Any]:
        """One more of them."""
        data = {name: number if value == "{}" else value for name, value in self.data.items()}
        return _event(self.type, self.source, self.user, data)

    @property
    def name(self) -> tuple[str, str, str]:
        """What tells its rows from all others."""
        return self.type, self.source, self.user


_PROGRESS: Mapping[str, Any] = {"job_id": "{}", "percent": 40}
_COMPLETED: Mapping[str, Any] = {"job_id": "{}"}
PROBES = (
    Probe("system.error", "watcher", "ana", {"component": "{}", "message": "no answer"}),
    Probe("job.failed", "watcher", "ana", {"job_id": "{}", "error": "disk full"}),
    Probe("job.completed", "watcher", "ana", _COMPLETED),
    Probe("job.completed", _FLOOD_SOURCE, "bea", _COMPLETED),
    Probe("job.progress", "watcher", "ana", _PROGRESS),
    Probe("job.progress", _FLOOD_SOURCE, "bea", _PROGRESS),
)


@dataclass(frozen=True, slots=True)
class Span:
    """A part of the run: what it is called, when it began and ended, and how many notifications the flood made."""

    name: str
    began: float
    ended: float

    def has(self, moment: datetime) -> bool:
        """Whether something was accepted in it."""
        return self.began <= moment.timestamp() < self.ended


@dataclass(frozen=True, slots=True)
class Measured:
    """How it went: seconds by span, probe and channel, and what did not arrive as it should."""

    times: Mapping[tuple[str, tuple[str, str, str], str], Sequence[float]]
    lost: int
    duplicates: int


def main(words: Sequence[str] | None = None) -> int:
    """Measure and print; the exit code is 1 when something was lost, or urgent things waited too long for the flood."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.fairness", description=__doc__)
    parser.add_argument("--events", type=int, default=10_000, help="how many the flood has")
    parser.add_argument("--alone", type=float, default=20.0, metavar="SECONDS", help="how long without a flood")
    parser.add_argument("--shared", action="store_true", help="all webhooks go to one receiver, not each to its own")
    wanted = parser.parse_args(words)
    console = Console(width=None if sys.stdout.isatty() else 140)
    floods: Mapping[str, Callable[[int], dict[str, Any]]] = {
        "job.progress": lambda number: _event(
            "job.progress",
            _FLOOD_SOURCE,
            _FLOODED,
            {"job_id": f"f-{number % 100}", "percent": number // 100 / wanted.events * 10_000},
            sequence=number,
        ),
        "job.completed": lambda number: _event("job.completed", _FLOOD_SOURCE, _FLOODED, {"job_id": f"f-{number}"}),
    }
    with tempfile.TemporaryDirectory(prefix="im2-fairness-") as folder, _bar(console) as show:
        show("starting", 0.0)
        with Rig(Path(folder) / "rig") as rig:
            for number, user in enumerate(("ana", "bea", _FLOODED)):
                rig.add_user(user, "127.0.0.1" if wanted.shared else f"127.0.0.{number + 2}")
            _promised(rig, [_event("job.completed", "watcher", "ana", {"job_id": "warm-up"})])
            spans = [_probed(rig, _QUIET, lambda: _wait(wanted.alone, show))]
            for type_, made in floods.items():
                flood = [made(number) for number in range(wanted.events)]
                spans.append(_probed(rig, f"beside {type_}", lambda flood=flood: _flood(rig, flood, show)))
            _until_all_ended(rig, show)
            measured = _measured(rig, spans)
    _print(console, wanted.events, spans, measured)
    late = list(_late(measured))
    for line in late:
        console.print(line, style="red")
    return int(bool(measured.lost or late))


def _event(type_: str, source: str, user: str, data: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    told = {"recipients": [user], "channels": list(_CHANNELS)}
    return {"type": type_, "source": source, "data": dict(data), **told, **fields}


def _promised(rig: Rig, batch: Sequence[Mapping[str, Any]]) -> None:
    answer = rig.call("POST", "/events/batch", json={"events": list(batch)})
    answer.raise_for_status()
    if rejected := answer.json()["rejected"]:
        raise RuntimeError(f"{len(rejected)} of the events were refused, the first with {rejected[0]}")


def _probed(rig: Rig, name: str, act: Callable[[], None]) -> Span:
    """Do something, and submit the probes all the while."""
    began, over = time.time(), threading.Event()
    faults: list[Exception] = []

    def submit() -> None:
        number = 0
        while not over.is_set():
            number += 1
            try:
                for place, probe in enumerate(PROBES):
                    rig.call("POST", "/events", json=probe.event(f"p-{began}-{number}-{place}")).raise_for_status()
            except Exception as error:  # noqa: BLE001 - whatever it is, the run has shown nothing
                faults.append(error)
                return
            over.wait(_PAUSE_SECONDS)

    prober = threading.Thread(target=submit)
    prober.start()
    try:
        act()
    finally:
        over.set()
        prober.join()
    if faults:
        raise faults[0]
    return Span(name, began, time.time())


def _wait(seconds: float, show: "Show") -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        show("without a flood", 1 - left / seconds)
        time.sleep(min(left, 0.25))


def _flood(rig: Rig, flood: Sequence[dict[str, Any]], show: "Show") -> None:
    """Submit it as fast as it is taken, and wait until all of it has ended."""
    before = facts.still_open(rig.database)
    for start in range(0, len(flood), _BATCH):
        _promised(rig, flood[start : start + _BATCH])
        show(f"{flood[0]['type']}: {start + _BATCH} events accepted", 0.0)
    whole = len(flood) * len(_CHANNELS)
    _until(lambda: _left_of_flood(rig), whole + before, flood[0]["type"], show)


def _until_all_ended(rig: Rig, show: "Show") -> None:
    left = facts.still_open(rig.database)
    _until(lambda: facts.still_open(rig.database), max(left, 1), "the rest", show)


def _until(left: Callable[[], int], whole: int, what: str, show: "Show") -> None:
    give_up = time.monotonic() + _DEADLINE_SECONDS
    while (open_ := left()) > 0:
        if time.monotonic() > give_up:
            raise TimeoutError(f"{what}: {open_} were open after {_DEADLINE_SECONDS:.0f} s")
        show(f"{what}: {open_} to go", 1 - open_ / whole)
        time.sleep(0.25)


def _left_of_flood(rig: Rig) -> int:
    with rig.database.read() as conn:
        chosen = select(notifications.c.status).where(notifications.c.user_id == _FLOODED)
        return sum(status not in _DONE for status in conn.execute(chosen).scalars())


def _measured(rig: Rig, spans: Sequence[Span]) -> Measured:
    """Compare what was accepted with what arrived. A webhook has arrived when its receiver has it."""
    came: dict[str, float] = {}
    repeats: Counter[str] = Counter()
    for entry in rig.ledger():
        if entry["channel"] == "webhook":
            came.setdefault(entry["key"], entry["t"])
            repeats[entry["key"]] += 1
    names = {probe.name for probe in PROBES}
    times: dict[tuple[str, tuple[str, str, str], str], list[float]] = {}
    lost = 0
    columns = [notifications.c[name] for name in ("id", "type", "source", "user_id", "channel", "status")]
    moments = notifications.c.created_at, notifications.c.delivered_at
    with rig.database.read() as conn:
        planned = len(conn.execute(select(notifications.c.id)).all())
        lost += len(conn.execute(select(events.c.id)).all()) * len(_CHANNELS) - planned
        for row in conn.execute(select(*columns, *moments)):
            at = row.delivered_at.timestamp() if row.delivered_at is not None else None
            if row.channel == "webhook":
                at = came.get(row.id)
            # In the app, progress of which more is known already is left out, and says so.
            lost += row.status not in _DONE if row.channel == "inapp" else at is None
            name = (row.type, row.source, row.user_id)
            span = next((one for one in spans if one.has(row.created_at)), None)
            if at is not None and span is not None and name in names:
                times.setdefault((span.name, name, row.channel), []).append(at - row.created_at.timestamp())
    return Measured(times, lost, sum(count - 1 for count in repeats.values()))


def _late(measured: Measured) -> Iterator[str]:
    for (span, (type_, *_), channel), times in measured.times.items():
        if type_ in MOST_SECONDS and (took := _p95(times)) >= MOST_SECONDS[type_]:
            yield f"{type_} by {channel}, {span}: p95 {took:.1f} s, and not under {MOST_SECONDS[type_]:.0f} s"


def _p95(times: Sequence[float]) -> float:
    return sorted(times)[ceil(0.95 * len(times)) - 1]


def _print(console: Console, count: int, spans: Sequence[Span], measured: Measured) -> None:
    table = Table("event", "of", "channel", title="seconds from accepted to delivered: n, p50 / p95 / max")
    for span in spans:
        table.add_column(span.name, justify="right")
    for probe in PROBES:
        whose = "another source" if probe.source != _FLOOD_SOURCE else "the flood's source, another user"
        for channel in _CHANNELS:
            cells = [_cell(measured.times.get((span.name, probe.name, channel), ())) for span in spans]
            table.add_row(probe.type, whose, channel, *cells)
    console.print(table)
    for span in spans[1:]:
        console.print(f"{span.name}: {count:,} events, all told {span.ended - span.began:.0f} s after the first")
    console.print(f"lost {measured.lost}, duplicates {measured.duplicates}", style="red" if measured.lost else "green")


def _cell(times: Sequence[float]) -> str:
    return f"{len(times)}: {median(times):.2f} / {_p95(times):.2f} / {max(times):.2f}" if times else "none"


Show = Callable[[str, float], None]
"""Tells people what is going on, and how much of it is done, from 0 to 1."""


@contextmanager
def _bar(console: Console) -> Iterator[Show]:
    columns = (BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("", total=1.0)
        yield lambda text, part: progress.update(bar, description=text, completed=part)


if __name__ == "__main__":
    sys.exit(main())
