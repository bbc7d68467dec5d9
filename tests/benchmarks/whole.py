"""The whole product as a benchmark's ground: as by `python main.py`, between receivers of its own."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis import Redis
from sqlalchemy import func, select

from app.config import Settings
from app.store.tables import events, notifications
from tests.benchmarks.commits import Commits
from tests.benchmarks.costs import Meter, Parts
from tests.benchmarks.sender import Sender
from tests.benchmarks.stage import wait_until
from tests.drills import facts
from tests.drills.processes import descendants
from tests.drills.rig import Rig

WORKERS = ("urgent", "local", "outbound")
_N = notifications.c
# What a rig makes shorter than it is by default.
_AS_BY_DEFAULT = ("RELAY_TICK_SECONDS", "RELAY_GRACE_SECONDS", "LEASE_SECONDS", "WEBHOOK_TIMEOUT_SECONDS")


@dataclass(frozen=True, slots=True)
class Whole:
    """The running product, its receivers, and who submits to it."""

    rig: Rig
    redis: Redis
    commits: Commits
    sender: Sender

    def parts(self) -> Parts:
        """The processes that there are now."""
        found: dict[str, list[int]] = {"main": [self.rig.pid], "broker": [self.redis.info("server")["process_id"]]}
        for name in ("api", *(f"worker {group}" for group in WORKERS), "relay", "flower"):
            part = self.rig.part(name)
            if part is not None:
                found[name] = [one.pid for one in (part, *descendants(part.pid))]
        return found

    def everybody(self) -> list[int]:
        """All processes of the product."""
        return [self.rig.pid, *(process.pid for process in descendants(self.rig.pid))]

    def meter(self) -> Meter:
        """Begins to count."""
        return Meter(self.redis, self.commits, self.parts())

    def until_quiet(self, what: str) -> None:
        """Return when nothing has work to do any more."""
        wait_until(lambda: facts.still_open(self.rig.database) == 0, what)

    def judged(self) -> tuple[int, int]:
        """How many notifications were lost, and how many messages came twice."""
        with self.rig.database.read() as conn:
            rows = conn.execute(select(_N.id, _N.channel, _N.status)).all()
            promised = conn.execute(select(func.count()).select_from(events)).scalar_one()
        came = Counter(entry["key"] for entry in self.rig.ledger() if entry["channel"] == "webhook")
        lost = sum(row.status != "delivered" or (row.channel == "webhook" and row.id not in came) for row in rows)
        return lost + self.sender.accepted - promised, came.total() - len(came)

    def arrivals(self, prefix: str) -> dict[str, float]:
        """When the first message about each job of these was received, in seconds since 1970, by the job's id."""
        came: dict[str, float] = {}
        for entry in self.rig.ledger():
            job = json.loads(entry["body"])["data"]["subject_key"]
            if job.startswith(prefix):
                came.setdefault(job, entry["t"])
        return came


@contextmanager
def whole_product(
    directory: Path, *, postgres: str | None = None, environ: Mapping[str, str] | None = None
) -> Iterator[Whole]:
    """Start it, with the settings that it has by default but without limits and Flower; stop it after the block."""
    defaults = Settings.load({})
    usual = {name: str(getattr(defaults, name.lower())) for name in _AS_BY_DEFAULT}
    with (
        Rig(directory, postgres=postgres, environ={**usual, **(environ or {})}) as rig,
        Redis.from_url(rig.broker_url()) as redis,
        Commits(rig.database, rig.database_url) as commits,
    ):
        yield Whole(rig, redis, commits, Sender(rig.url, rig.authorization()))


def event(user: str, job: str, channel: str = "webhook") -> dict[str, Any]:
    """An event for one user on one channel."""
    data = {"job_id": job, "name": "nightly encode", "duration_seconds": 1834}
    return {"type": "job.completed", "recipients": [user], "channels": [channel], "subject_key": job, "data": data}
