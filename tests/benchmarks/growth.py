"""How much slower what people and services wait for gets as the past grows.

`python -m tests.benchmarks.growth [--postgres URL] [--rows 1000000]` fills a database with a hundredth of that, times
each operation, fills it up, and times them again. It ends with 1 when one of those that must not grow takes more than
1.3 times as long.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
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

RUNS = 200
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


def timed(services: Services, size: int, users: int) -> dict[str, list[float]]:
    """Milliseconds of each run of each operation."""
    found: dict[str, list[float]] = {}
    with progress(f"timing at {size:,}", 17) as seen:
        for number, (name, act, runs) in enumerate(Operations(services, users).all()):
            act_times = []
            for _ in range(runs):
                began = time.perf_counter()
                act()
                act_times.append((time.perf_counter() - began) * 1_000)
            # The first ones find nothing where it is kept.
            found[name] = act_times[runs // 10 :]
            seen(number + 1)
    return found


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
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="im2-growth-")))
        environ = {"DATA_DIR": str(folder), "REDIS_URL": _NOWHERE}
        if arguments.postgres:
            environ["DATABASE_URL"] = stack.enter_context(fresh_database(arguments.postgres))
        services = build_services(Settings.load(environ), RecordingPublisher())
        stack.callback(services.close)
        upgrade(services.database)
        past = Past(services.database, arguments.rows)
        rounds = []
        for size in (arguments.rows // 100, arguments.rows):
            with progress(f"filling up to {size:,}", size) as seen:
                past.grow(size, seen)
            rounds.append(timed(services, size, past.users))
        alone, beside, said = beside_a_purge(services, past.users, environ)
    table = Table("median ms", f"{arguments.rows // 100:,}", f"{arguments.rows:,}", "÷")
    too_slow = []
    for name in rounds[0]:
        few, many = median(rounds[0][name]), median(rounds[1][name])
        table.add_row(name, f"{few:.2f}", f"{many:.2f}", f"{many / few:.2f}")
        if many > few * MOST and not name.startswith("desk: by"):
            too_slow.append(name)
    console = Console()
    console.print(table)
    for what, times in (("alone", alone), ("beside a purge", beside)):
        cuts = quantiles(times, n=100)
        told = f"p50 {median(times):.1f}, p95 {cuts[94]:.1f}, p99 {cuts[98]:.1f}, most {max(times):.1f} ms"
        console.print(f"submit {what}: {told} of {len(times)}")
    console.print(said)
    if too_slow:
        console.print(f"more than {MOST} times as long: {', '.join(too_slow)}")
    return 1 if too_slow else 0


if __name__ == "__main__":
    sys.exit(main())
