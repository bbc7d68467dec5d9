"""How much slower what people and services wait for gets as the past grows.

`python -m tests.benchmarks.growth [--postgres URL] [--rows 1000000]` fills two databases, one with a hundredth of
that, and times each operation on both by turns. It ends with 1 when one of those that must not grow takes more than 1.3
times as long where there is more.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from app.bootstrap import Services, build_services
from app.cli.progress import progress
from app.config import Settings
from app.store import delivery, due, events, notifications
from app.store.history import Filters
from app.store.migrate import upgrade
from tests.benchmarks.past import HEAVY_USER, SPAN, Past
from tests.benchmarks.stage import fresh_database
from tests.fakes.publisher import RecordingPublisher

RUNS = 60
MOST = 1.3
_ROOT = Path(__file__).parents[2]
# Nothing that is timed here asks Redis.
_NOWHERE = "redis://127.0.0.1:1/0"


class Operations:
    """What is timed, each on other people and events than the time before."""

    def __init__(self, services: Services, users: int) -> None:
        self._services = services
        self._users = users
        self._number = 0
        self._pending: list[str] = []

    def all(self) -> Iterator[tuple[str, Callable[[], object], int]]:
        """Their names, what they do, and how often they are timed."""
        history, inbox, relay = self._services.history, self._services.inbox, self._services.relay
        yield "submit", self.submit, RUNS
        yield "claim", self.claim, RUNS
        yield "history: first page", lambda: history.page(Filters(user_id=self._user())), RUNS
        yield "history: first page of who has most", lambda: history.page(Filters(user_id=HEAVY_USER)), RUNS
        yield "history: one notification", self.one, RUNS
        yield "inbox: first page", lambda: inbox.page(self._user()), RUNS
        yield "inbox: first page of who has most", lambda: inbox.page(HEAVY_USER), RUNS
        yield "relay: looking for what is due", relay.feed, RUNS
        yield "relay: a sweep", relay.sweep, 20
        yield "desk: newest of all", lambda: history.page(Filters()), RUNS
        yield "desk: newest dead letters", lambda: history.page(Filters(status="failed")), RUNS
        yield "desk: dead letters of a channel", lambda: history.page(Filters(status="failed", channel="slack")), 20
        yield "desk: by subject, and there is none", lambda: history.page(Filters(subject_key="nothing")), 20
        yield "desk: by channel and status, and there is none", self.rare, 20
        yield "metrics", self._services.metrics.snapshot, RUNS
        yield "health: what is due", self.due, RUNS
        yield "idempotency keys: forgetting", self.forget, RUNS

    def submit(self) -> None:
        """Accept an event for one person, who has an inbox only."""
        user = self._user()
        data = {"job_id": f"new-{self._number}", "error": "disk full"}
        event = {"type": "job.failed", "recipients": [user], "data": data}
        accepted = self._services.intake.submit(event, owner="key_1", actor="key:key_1")
        with self._services.database.read() as conn:
            self._pending += [row.id for row in notifications.of_event(conn, accepted.id)]

    def claim(self) -> None:
        """Take the lease on one of those."""
        now = datetime.now(UTC)
        with self._services.database.write() as conn:
            lease = now + timedelta(hours=1)
            assert delivery.claim(conn, [self._pending.pop()], now=now, lease_until=lease, most_attempts=4)

    def one(self) -> None:
        """Everything about somebody's newest notification."""
        page = self._services.history.page(Filters(user_id=self._user()), limit=1)
        if page.items:
            self._services.history.notification(page.items[0]["id"])

    def rare(self) -> None:
        """What an operator asks for, and nothing is found."""
        self._services.history.page(Filters(channel="pagerduty", status="delivered"))

    def due(self) -> None:
        """What `/health` asks the database for."""
        with self._services.database.read() as conn:
            due.longest(conn, datetime.now(UTC))

    def forget(self) -> None:
        """What the relay does at every sweep."""
        with self._services.database.write() as conn:
            events.forget_keys(conn, datetime.now(UTC) - SPAN, 500)

    def _user(self) -> str:
        self._number += 1
        return f"u-{self._number * 7_919 % self._users}"


def timed(small: Operations, large: Operations) -> dict[str, tuple[list[float], list[float]]]:
    """Milliseconds of each run of each operation on both; by turns, so that a busy machine is busy for both."""
    found: dict[str, tuple[list[float], list[float]]] = {}
    pairs = list(zip(small.all(), large.all(), strict=True))
    with progress("timing", len(pairs)) as seen:
        for number, ((name, on_small, runs), (_, on_large, _)) in enumerate(pairs):
            times: tuple[list[float], list[float]] = ([], [])
            for _ in range(runs):
                for act, took in zip((on_small, on_large), times, strict=True):
                    began = time.perf_counter()
                    act()
                    took.append((time.perf_counter() - began) * 1_000)
            found[name] = times
            seen(number + 1)
    return found


@contextmanager
def grown(size: int, server: str | None) -> Iterator[tuple[Services, Past, dict[str, str]]]:
    """The services on a database with so much of a past, and the environment of a command that is to use it too."""
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="im2-growth-"))
        environ = {"DATA_DIR": folder, "REDIS_URL": _NOWHERE}
        if server:
            environ["DATABASE_URL"] = stack.enter_context(fresh_database(server, f"growth_{size}"))
        services = build_services(Settings.load(environ), RecordingPublisher())
        stack.callback(services.close)
        upgrade(services.database)
        past = Past(services.database, size)
        with progress(f"filling up to {size:,}", size) as seen:
            past.grow(size, seen)
        yield services, past, environ


def beside_a_purge(services: Services, users: int, environ: dict[str, str]) -> tuple[list[float], list[float], str]:
    """Milliseconds of submissions, twenty a second, alone and while half of the past is purged; what that says."""
    operations = Operations(services, users)

    def submissions(enough: Callable[[int], bool]) -> list[float]:
        times: list[float] = []
        while not enough(len(times)):
            began = time.perf_counter()
            operations.submit()
            times.append((time.perf_counter() - began) * 1_000)
            time.sleep(0.05)
        return times

    alone = submissions(lambda count: count >= RUNS)
    purge = subprocess.Popen(
        [sys.executable, "main.py", "purge"],
        cwd=_ROOT,
        env={**os.environ, **environ, "RETENTION_DAYS": str(SPAN.days // 2)},
        stdout=subprocess.PIPE,
        text=True,
    )
    began = time.monotonic()
    beside = submissions(lambda _count: purge.poll() is not None or time.monotonic() - began > 60)
    if purge.poll() is None:
        purge.terminate()
    said = purge.communicate()[0].strip() or "it was not through after a minute"
    return alone, beside, said


def main() -> int:
    """Measure, print, and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--postgres", metavar="URL", help="a server on which a database of its own is made")
    parser.add_argument("--rows", type=int, default=1_000_000, help="notifications that have ended")
    arguments = parser.parse_args()
    console = Console()
    few, many = arguments.rows // 100, arguments.rows
    with grown(few, arguments.postgres) as (one, short, _), grown(many, arguments.postgres) as (other, long, environ):
        too_slow = shown(console, few, many, timed(Operations(one, short.users), Operations(other, long.users)))
        alone, beside, said = beside_a_purge(other, long.users, environ)
    for what, times in (("alone", alone), ("beside a purge", beside)):
        cuts = quantiles(times, n=100)
        told = f"p50 {median(times):.1f}, p95 {cuts[94]:.1f}, p99 {cuts[98]:.1f}, most {max(times):.1f} ms"
        console.print(f"submit {what}: {told} of {len(times)}")
    console.print(said)
    return 1 if too_slow else 0


def shown(console: Console, few: int, many: int, found: Mapping[str, tuple[list[float], list[float]]]) -> list[str]:
    """Print what was measured; what takes too long where there is more."""
    table = Table("median ms", f"{few:,}", f"{many:,}", "÷")
    too_slow = []
    for name, times in found.items():
        before, after = map(median, times)
        table.add_row(name, f"{before:.2f}", f"{after:.2f}", f"{after / before:.2f}")
        # What is looked for among everything is bounded, and not the same.
        if after > before * MOST and not name.startswith("desk: by"):
            too_slow.append(name)
    console.print(table)
    if too_slow:
        console.print(f"more than {MOST} times as long: {', '.join(too_slow)}")
    return too_slow


if __name__ == "__main__":
    sys.exit(main())
