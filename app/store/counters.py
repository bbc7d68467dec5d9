"""Service-wide counters: rows upserted in the transaction of the fact they count.

Each process adds to rows of its own, so that processes do not wait for each other; the sum over processes is the value.
"""

import json
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache
from typing import Literal, get_args

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from app.store.tables import counters

ACCEPTED = "notifications_accepted_total"
TERMINAL = "notifications_total"
ATTEMPTS = "notification_attempts_total"
SECONDS = "notification_delivery_seconds"
LIMITED = "notification_rate_limit_hits_total"
DUPLICATES = "notification_duplicates_total"
GATE_ERRORS = "notification_gate_errors_total"
REFUSED = "notification_messages_refused_total"
PURGED = "notifications_purged_total"
Refusal = Literal["unreadable", "too_large", "unknown_task", "malformed"]
"""Why a message on a lane was dropped: no JSON, too long, no task for this lane, not what such a task takes."""
REFUSALS: tuple[Refusal, ...] = get_args(Refusal)
DELIVERY_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 21600, 86400)
"""Upper bounds in seconds; a last bucket takes the rest."""


_KEY = ["process", "name", "labels"]
_sqlite_add = sqlite_insert(counters)
_postgresql_add = postgresql_insert(counters)
_add = {
    "sqlite": _sqlite_add.on_conflict_do_update(
        index_elements=_KEY, set_={"value": counters.c.value + _sqlite_add.excluded.value}
    ),
    "postgresql": _postgresql_add.on_conflict_do_update(
        index_elements=_KEY, set_={"value": counters.c.value + _postgresql_add.excluded.value}
    ),
}


class Tally:
    """What one transaction counted."""

    def __init__(self) -> None:
        self._counts: defaultdict[tuple[str, str], float] = defaultdict(float)

    def add(self, name: str, labels: Mapping[str, str], amount: float = 1) -> None:
        """Count something."""
        self._counts[name, label_text(labels)] += amount

    def ended(self, type_: str, channel: str, status: str, reason: str | None) -> None:
        """Count a notification that has just become terminal."""
        self.add(TERMINAL, {"type": type_, "channel": channel, "status": status, "reason": reason or ""})

    def observe_seconds(self, seconds: float, labels: Mapping[str, str]) -> None:
        """Put a delivery time into its histogram."""
        place = bisect_left(DELIVERY_BUCKETS, seconds)
        bound = f"{DELIVERY_BUCKETS[place]:g}" if place < len(DELIVERY_BUCKETS) else "+Inf"
        self.add(f"{SECONDS}_bucket", {**labels, "le": bound})
        self.add(f"{SECONDS}_sum", labels, max(seconds, 0.0))

    def save(self, conn: Connection, process: str) -> None:
        """Add it all to the rows of this process; call it last, so that their locks are short."""
        if not self._counts:
            return
        # Sorted, so that two transactions lock the rows in the same order.
        conn.execute(
            _add[conn.dialect.name],
            [
                {"process": process, "name": name, "labels": labels, "value": value}
                for (name, labels), value in sorted(self._counts.items())
            ],
        )


def label_text(labels: Mapping[str, str]) -> str:
    """Labels as they are stored: a JSON object with sorted names."""
    return _label_text(tuple(sorted(labels.items())))


@lru_cache(maxsize=4096)
def _label_text(labels: tuple[tuple[str, str], ...]) -> str:
    # Labels are few and bounded, and asked for with every fact.
    return json.dumps(dict(labels), separators=(",", ":"))


def totals(conn: Connection) -> list[tuple[str, dict[str, str], float]]:
    """Every counter summed over the processes, as (name, labels, value)."""
    rows = conn.execute(
        select(counters.c.name, counters.c.labels, func.sum(counters.c.value)).group_by(
            counters.c.name, counters.c.labels
        )
    )
    return [(name, json.loads(labels), value) for name, labels, value in rows]
