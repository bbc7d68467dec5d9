"""What should be moving by now, and has been waiting for somebody to move it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from app.store.tables import IS_PENDING, IS_SENDING, IS_WAITING, UtcTime, notifications

_N = notifications.c
_NOW = bindparam("now", type_=UtcTime)
# By an index each: what nobody has claimed, what waits for its time, and what a worker held and did not give back.
_LONGEST = tuple(
    select(moment.label("since"), _N.lane).where(state, moment <= _NOW).order_by(moment).limit(1)
    for moment, state in ((_N.next_at, IS_PENDING), (_N.next_at, IS_WAITING), (_N.lease_until, IS_SENDING))
)


@dataclass(frozen=True, slots=True)
class Due:
    """Since when something could have gone on, and on which lane."""

    since: datetime
    lane: str


def longest(conn: Connection, now: datetime) -> Due | None:
    """What has been due for the longest; None when everything open waits by right, until a time that is to come."""
    rows = [conn.execute(statement, {"now": now}).one_or_none() for statement in _LONGEST]
    return min((Due(*row) for row in rows if row is not None), key=lambda due: due.since, default=None)
