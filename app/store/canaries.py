"""Canaries: test messages that cross the lanes, one row per lane.

A canary that is lost is sent again under its id, so a lane has one under way at most, and its age is that of the first
try. All times in here come from one clock.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Update, delete, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from app.store.tables import canaries

_C = canaries.c


@dataclass(frozen=True, slots=True)
class Canary:
    """The newest of a lane, tried first at `sent_at` and last at `tried_at`; `crossed_at` may be that of one before."""

    lane: str
    id: str
    sent_at: datetime
    tried_at: datetime
    published_at: datetime | None
    """When the broker last took it; None when it did not, or refused it since."""
    crossed_id: str | None
    crossed_at: datetime | None

    @property
    def is_under_way(self) -> bool:
        """Whether no worker has done it yet."""
        return self.crossed_id != self.id


def known(conn: Connection) -> dict[str, Canary]:
    """The newest canary of each lane that ever had one."""
    rows = select(_C.lane, _C.id, _C.sent_at, _C.tried_at, _C.published_at, _C.crossed_id, _C.crossed_at)
    return {row.lane: Canary(*row) for row in conn.execute(rows)}


def send(conn: Connection, lane: str, seen: Canary | None, canary_id: str, now: datetime) -> bool:
    """Put a new canary in the place of the one that was seen there; false when somebody else was quicker."""
    values = {"id": canary_id, "sent_at": now, "tried_at": now, "published_at": None}
    if seen is None:
        insert = sqlite_insert if conn.dialect.name == "sqlite" else postgresql_insert
        added = insert(canaries).values(lane=lane, **values).on_conflict_do_nothing().returning(_C.lane)
        return conn.execute(added).scalar() is not None
    return conn.execute(_as_seen(seen).values(**values)).rowcount == 1


def send_again(conn: Connection, seen: Canary, now: datetime) -> bool:
    """Note that a canary is sent once more; false when somebody else was quicker, or it has crossed meanwhile."""
    again = _as_seen(seen).where(_C.crossed_id.is_distinct_from(seen.id))
    return conn.execute(again.values(tried_at=now)).rowcount == 1


def published(conn: Connection, ids: Collection[str], now: datetime | None) -> None:
    """Note that the broker took these; with None, that it did not."""
    conn.execute(update(canaries).where(_C.id.in_(ids)).values(published_at=now))


def cross(conn: Connection, lane: str, ids: Collection[str], now: datetime) -> bool:
    """Note that the canary of a lane has come through on it; false when it is none, or came before."""
    arrived = update(canaries).where(_C.lane == lane, _C.id.in_(ids), _C.crossed_id.is_distinct_from(_C.id))
    return conn.execute(arrived.values(crossed_id=_C.id, crossed_at=now)).rowcount == 1


def forget(conn: Connection) -> None:
    """Let there be none."""
    conn.execute(delete(canaries))


def _as_seen(seen: Canary) -> Update:
    return update(canaries).where(_C.lane == seen.lane, _C.id == seen.id, _C.tried_at == seen.tried_at)
