"""What has work to do, counted from its rows."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from app.store.tables import IS_OPEN, notifications

_N = notifications.c
_PLACE = (_N.lane, _N.channel, _N.status)
# All of it stands in one index, so that no row is read for it.
_all = select(*_PLACE, func.count(), func.min(_N.created_at)).where(IS_OPEN).group_by(*_PLACE)


@dataclass(frozen=True, slots=True)
class Bunch:
    """Open notifications of one lane, channel and status: how many, and when the oldest was accepted."""

    lane: str
    channel: str
    status: str
    count: int
    oldest: datetime


def everything(conn: Connection) -> list[Bunch]:
    """All that is open, by lane, channel and status."""
    return [Bunch(*row) for row in conn.execute(_all)]
