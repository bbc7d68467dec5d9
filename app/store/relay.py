"""What the relay asks of the database: rows to announce, to release and to close.

Every statement that picks rows also stamps them, so any number of relays may run at once.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, Connection, Select, func, or_, select, update
from sqlalchemy.sql.elements import TextClause

from app.store.erasure import being_erased
from app.store.held import PLANNED
from app.store.notifications import Moved
from app.store.tables import IS_ANNOUNCED, IS_OPEN, IS_PAUSED, IS_SENDING, IS_UNANNOUNCED, IS_WAITING, notifications

TakenBack = Literal["requested", "read", "erased"]
TAKEN_BACK: tuple[TakenBack, ...] = get_args(TakenBack)
"""Why somebody may have taken back what was being sent."""
_N = notifications.c
_announced_counts = select(_N.lane, func.count().label("waiting")).where(IS_ANNOUNCED).group_by(_N.lane)


@dataclass(frozen=True, slots=True)
class Stamped:
    """A row that the caller, and no other relay, has to announce now."""

    id: str
    lane: str
    channel: str
    target: str


def announced_counts(conn: Connection) -> dict[str, int]:
    """How many rows of each lane are announced and not claimed yet."""
    return {row.lane: row.waiting for row in conn.execute(_announced_counts)}


def lanes_with_backlog(conn: Connection) -> list[str]:
    """The lanes that have rows nobody announced yet."""
    return list(_skip_scan(conn, _N.lane, IS_UNANNOUNCED))


def sources_with_backlog(conn: Connection, lane: str) -> list[str]:
    """The sources of a lane's rows that nobody announced yet."""
    return list(_skip_scan(conn, _N.source, IS_UNANNOUNCED, _N.lane == lane))


def users_with_backlog(conn: Connection, lane: str, source: str, after: str, most: int) -> list[str]:
    """Some of the users for whom rows of a source wait that nobody announced yet: those that come after this one.

    After the last comes the first.
    """
    here = (IS_UNANNOUNCED, _N.lane == lane, _N.source == source)
    later = _skip_scan(conn, _N.user_id, *here, after=after)
    earlier = _skip_scan(conn, _N.user_id, *here, _N.user_id <= after)
    return list(islice(chain(later, earlier), most))


def _skip_scan(conn: Connection, column: ColumnElement[str], *conditions: Any, after: str = "") -> Iterator[str]:
    """The distinct values of an index's next column, by one look-up each instead of a scan."""
    value: str | None = after
    while True:
        value = conn.execute(select(func.min(column)).where(*conditions, column > value)).scalar()
        if value is None:
            return
        yield value


def take_backlog(conn: Connection, lane: str, source: str, user_id: str, limit: int, now: datetime) -> list[Stamped]:
    """Stamp the oldest unannounced rows of one source for one user that are due."""
    theirs = [_N.lane == lane, _N.source == source, _N.user_id == user_id, _N.next_at <= now]
    return _stamp(conn, IS_UNANNOUNCED, theirs, _N.id, limit, now)


def take_lost(conn: Connection, lane: str, before: datetime, limit: int, now: datetime) -> list[Stamped]:
    """Stamp rows whose announcement is older than `before` and was never answered."""
    return _stamp(conn, IS_ANNOUNCED, [_N.lane == lane, _N.announced_at < before], _N.announced_at, limit, now)


def oldest_announcements(conn: Connection) -> dict[str, datetime]:
    """When the longest unanswered announcement of each lane was made."""
    rows = conn.execute(select(_N.lane, func.min(_N.announced_at)).where(IS_ANNOUNCED).group_by(_N.lane))
    return dict(rows.all())


def take_retries(conn: Connection, announced_before: datetime, limit: int, now: datetime) -> list[Stamped]:
    """Stamp retries that are due and that no Celery countdown brought back in time."""
    missed = or_(_N.announced_at.is_(None), _N.announced_at < announced_before)
    return _stamp(conn, IS_WAITING, [_N.status == "retrying", _N.next_at <= now, missed], _N.next_at, limit, now)


def take_lapsed(conn: Connection, announced_before: datetime, limit: int, now: datetime) -> list[Stamped]:
    """Stamp rows whose lease has ended without an outcome."""
    missed = or_(_N.announced_at.is_(None), _N.announced_at < announced_before)
    return _stamp(
        conn, IS_SENDING, [_N.lease_until < now, missed, _N.cancel_requested_at.is_(None)], _N.lease_until, limit, now
    )


def exhausted(conn: Connection, channel: str, most_attempts: int, now: datetime, limit: int) -> list[str]:
    """Rows of a channel whose lease has ended with the last attempt they had, or whose plan was made shorter."""
    spent = (_N.channel == channel, _N.attempts >= most_attempts)
    lapsed = select(_N.id).where(IS_SENDING, _N.lease_until < now, *spent)
    too_late = select(_N.id).where(IS_WAITING, _N.status == "retrying", _N.next_at <= now, *spent)
    return [id_ for statement in (lapsed, too_late) for id_ in conn.execute(statement.limit(limit)).scalars()]


def release(conn: Connection, now: datetime, limit: int) -> list[Moved]:
    """Let held rows whose time has come go on as pending, unless they are to be looked at again before.

    They are announced as backlog.
    """
    due = [_N.status == "held", _N.reason.not_in(PLANNED), _N.next_at <= now]
    chosen = _chosen(conn, IS_WAITING, due, _N.next_at, limit)
    return _moved(conn, chosen, {"status": "pending", "reason": None, "announced_at": None, "updated_at": now})


def expire(conn: Connection, now: datetime, limit: int) -> list[Moved]:
    """Close open rows that are past their time, unless somebody is sending them right now."""
    at_rest = or_(_N.status != "sending", _N.lease_until < now)
    chosen = _chosen(conn, IS_OPEN, [_N.expires_at <= now, at_rest], _N.expires_at, limit)
    return _moved(conn, chosen, {"status": "expired", "reason": None, "announced_at": None, "updated_at": now})


def end_cancelled(conn: Connection, reason: TakenBack, now: datetime, limit: int) -> list[Moved]:
    """Close rows that were taken back, for this reason, while a worker held them that is gone now."""
    why = being_erased() if reason == "erased" else ~being_erased() & (func.coalesce(_N.reason, "requested") == reason)
    marked = [_N.cancel_requested_at.is_not(None), _N.lease_until < now, why]
    values = {"status": "cancelled", "reason": reason, "announced_at": None, "updated_at": now}
    return _moved(conn, _chosen(conn, IS_SENDING, marked, _N.lease_until, limit), values)


def channels_with_paused(conn: Connection) -> set[str]:
    """The channels on which something waits for the end of a pause."""
    return set(_skip_scan(conn, _N.channel, IS_PAUSED))


def end_pause(conn: Connection, channels: Collection[str], now: datetime, limit: int) -> list[Moved]:
    """Let go on what waits for the end of a pause on these channels."""
    chosen = _chosen(conn, IS_PAUSED, [_N.channel.in_(channels)], _N.id, limit)
    values = {"status": "pending", "reason": None, "announced_at": None, "next_at": now, "updated_at": now}
    return _moved(conn, chosen, values)


def fail_exhausted(conn: Connection, ids: Sequence[str], now: datetime) -> list[Moved]:
    """Close rows that have no attempt left and that nobody is sending."""
    at_rest = or_((_N.status == "sending") & (_N.lease_until < now), (_N.status == "retrying") & (_N.next_at <= now))
    chosen = _locked(conn, select(_N.id).where(_N.id.in_(ids), at_rest))
    values = {"status": "failed", "reason": "attempts_exhausted", "announced_at": None, "updated_at": now}
    return _moved(conn, chosen, values)


def next_due(conn: Connection) -> datetime | None:
    """When the next waiting row is due."""
    return conn.execute(select(func.min(_N.next_at)).where(IS_WAITING)).scalar()


def _chosen(
    conn: Connection, index: TextClause, conditions: Sequence[Any], order: ColumnElement[Any], limit: int
) -> Any:
    return _locked(conn, select(_N.id).where(index, *conditions).order_by(order).limit(limit))


def _locked(conn: Connection, chosen: Select[Any]) -> Select[Any]:
    """The rows that no other relay has just picked: PostgreSQL would look at the choice of a statement only once."""
    return chosen if conn.dialect.name == "sqlite" else chosen.with_for_update(skip_locked=True)


def _stamp(
    conn: Connection,
    index: TextClause,
    conditions: Sequence[Any],
    order: ColumnElement[Any],
    limit: int,
    now: datetime,
) -> list[Stamped]:
    statement = (
        update(notifications)
        .where(_N.id.in_(_chosen(conn, index, conditions, order, limit)))
        .values(announced_at=now)
        .returning(_N.id, _N.lane, _N.channel, _N.target)
    )
    return sorted((Stamped(*row) for row in conn.execute(statement)), key=lambda row: row.id)


def _moved(conn: Connection, chosen: Any, values: dict[str, Any]) -> list[Moved]:
    statement = (
        update(notifications)
        .where(_N.id.in_(chosen))
        .values(**values)
        .returning(_N.id, _N.type, _N.channel, _N.created_at)
    )
    return [Moved(*row) for row in conn.execute(statement)]
