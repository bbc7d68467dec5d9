"""What should be moving by now, and has been waiting for somebody to move it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, select

from app.store.tables import IS_ANNOUNCED, IS_PENDING, IS_SENDING, IS_UNANNOUNCED, IS_WAITING, UtcTime, notifications

_N = notifications.c
_NOW = bindparam("now", type_=UtcTime)
# By an index each: what nobody has claimed, what waits for its time, and what a worker held and did not give back.
_LONGEST = tuple(
    select(moment.label("since"), _N.lane).where(state, moment <= _NOW).order_by(moment).limit(1)
    for moment, state in ((_N.next_at, IS_PENDING), (_N.next_at, IS_WAITING), (_N.lease_until, IS_SENDING))
)
# By indexes that begin with the lane, so that a long queue of another lane costs nothing.
_ON_LANES = tuple(
    select(func.min(_N.next_at).label("since"), _N.lane)
    .where(state, _N.lane.in_(bindparam("lanes", expanding=True)))
    .group_by(_N.lane)
    .having(func.min(_N.next_at) <= _NOW)
    for state in (IS_ANNOUNCED, IS_UNANNOUNCED)
) + tuple(statement.where(_N.lane.in_(bindparam("lanes", expanding=True))) for statement in _LONGEST[1:])


@dataclass(frozen=True, slots=True)
class Due:
    """Since when something could have gone on, and on which lane."""

    since: datetime
    lane: str


def longest(conn: Connection, now: datetime, lanes: Collection[str] | None = None) -> Due | None:
    """What has been due for the longest, of all lanes or of these alone.

    None when everything open there waits by right, until a time that is to come.
    """
    given = {"now": now} if lanes is None else {"now": now, "lanes": list(lanes)}
    found = (row for statement in (_LONGEST if lanes is None else _ON_LANES) for row in conn.execute(statement, given))
    return min((Due(*row) for row in found), key=lambda due: due.since, default=None)
