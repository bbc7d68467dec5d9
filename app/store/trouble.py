"""What receivers said last where things are not going well, for operators."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from app.store.tables import IS_WAITING, attempts, notifications

_N, _A = notifications.c, attempts.c
# Only over what waits, which an index knows: the words of long ago help nobody.
_last = (
    select(_A.ended_at, _A.detail)
    .join(notifications, _N.id == _A.notification_id)
    .where(IS_WAITING, _N.channel == bindparam("on"), _N.attempts > 0, _A.outcome.in_(("transient", "unknown")))
    .order_by(_A.ended_at.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Trouble:
    """An attempt that did not deliver: when it ended, and why."""

    at: datetime
    detail: str


def last(conn: Connection, channel: str) -> Trouble | None:
    """The newest failed attempt of what waits on a channel."""
    row = conn.execute(_last, {"on": channel}).first()
    return None if row is None else Trouble(row.ended_at, row.detail or "")
