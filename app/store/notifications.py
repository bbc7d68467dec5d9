"""Notifications as rows: every statement is a compare-and-set on the table of allowed transitions.

Statements on the way of a notification are built once: building one costs SQLAlchemy more than running it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Connection, and_, bindparam, insert, or_, select, update

from app.domain.notifications import Notification, Status, sources_of
from app.store.tables import IS_OPEN, IS_WAITING, notifications

_N = notifications.c
_COLUMNS = tuple(field.name for field in fields(Notification))
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)


@dataclass(frozen=True, slots=True)
class Brief:
    """What never changes about a notification once it exists."""

    id: str
    event_id: str | None
    user_id: str
    type: str
    channel: str
    lane: str
    target: str
    priority: str
    subject_key: str | None
    sequence: int | None
    source: str
    fingerprint: str
    created_at: datetime
    expires_at: datetime
    replay_of: str | None
    alert_key: str | None
    alert_step: int | None
    closes_alert: bool


_BRIEF = [_N[name] for name in Brief.__slots__]
_insert = insert(notifications)
_briefs = select(*_BRIEF).where(_N.id.in_(_IDS))
_briefs_to_render = select(*_BRIEF, _N.duplicates, and_(_N.content.is_(None), IS_OPEN).label("bare")).where(
    _N.id.in_(_IDS)
)
_in_order = select(_N.id).where(_N.id.in_(_IDS)).order_by(_N.id).with_for_update()
_statuses = select(_N.id, _N.status).where(_N.id.in_(_IDS))


@dataclass(frozen=True, slots=True)
class Moved:
    """A notification that has just changed its state."""

    id: str
    type: str
    channel: str
    created_at: datetime


def insert_notifications(conn: Connection, batch: Sequence[Notification]) -> None:
    """Store new notifications."""
    if batch:
        # Not `asdict`, which copies deeply.
        conn.execute(_insert, [{name: getattr(one, name) for name in _COLUMNS} for one in batch])


def load(conn: Connection, notification_id: str) -> Notification | None:
    """One notification as it stands."""
    row = conn.execute(select(notifications).where(_N.id == notification_id)).mappings().one_or_none()
    return None if row is None else Notification(**row)


def of_event(conn: Connection, event_id: str) -> list[Notification]:
    """Everything an event led to, oldest first."""
    rows = conn.execute(select(notifications).where(_N.event_id == event_id).order_by(_N.id)).mappings()
    return [Notification(**row) for row in rows]


def briefs(conn: Connection, ids: Iterable[str]) -> dict[str, Brief]:
    """What never changes about these notifications, by id."""
    return {row.id: Brief(*row) for row in conn.execute(_briefs, {"ids": list(ids)})}


def briefs_to_render(conn: Connection, ids: Iterable[str]) -> tuple[dict[str, Brief], dict[str, int]]:
    """The same, and how often those of them that are open and not rendered yet have been repeated."""
    rows = conn.execute(_briefs_to_render, {"ids": list(ids)}).all()
    return {row.id: Brief(*row[:-2]) for row in rows}, {row.id: row.duplicates for row in rows if row.bare}


def statuses(conn: Connection, ids: Iterable[str]) -> dict[str, str]:
    """The status of each that exists."""
    return {row.id: row.status for row in conn.execute(_statuses, {"ids": list(ids)})}


_store_content = (
    update(notifications)
    .where(_N.id == bindparam("row"), _N.content.is_(None), IS_OPEN)
    .values(content=bindparam("rendered"), updated_at=bindparam("at"))
)


def lock_in_order(conn: Connection, ids: Iterable[str]) -> None:
    """Lock rows in the order of their ids, before statements that would lock several of them in an order of their own.

    Two transactions that share rows then never wait for each other in a circle. SQLite has one writer at a time.
    """
    wanted = sorted(set(ids))
    if len(wanted) > 1 and conn.dialect.name != "sqlite":
        conn.execute(_in_order, {"ids": wanted}).all()


def store_content(conn: Connection, rendered: Mapping[str, Mapping[str, Any]], now: datetime) -> None:
    """Keep what was rendered; what is already there stays, and what has ended gets no text any more."""
    if rendered:
        lock_in_order(conn, rendered)
        conn.execute(
            _store_content, [{"row": id_, "rendered": dict(text), "at": now} for id_, text in rendered.items()]
        )


def move(
    conn: Connection,
    ids: Sequence[str],
    status: Status,
    reason: str | None,
    now: datetime,
    *,
    only_from: Sequence[Status] | None = None,
    next_at: datetime | None = None,
) -> list[Moved]:
    """Move those that may into a state; returns the ones that moved.

    `next_at` is when they are due again; the announcement is taken back, since what waits or ends is not on its way.
    """
    allowed = [before for before in sources_of(status) if only_from is None or before in only_from]
    values: dict[str, Any] = {"status": status, "reason": reason, "updated_at": now, "announced_at": None}
    if next_at is not None:
        values["next_at"] = next_at
    lock_in_order(conn, ids)
    rows = conn.execute(
        update(notifications)
        .where(_N.id.in_(ids), _N.status.in_(allowed))
        .values(**values)
        .returning(_N.id, _N.type, _N.channel, _N.created_at)
    )
    return [Moved(*row) for row in rows]


_postpone = (
    update(notifications)
    .where(
        _N.id == bindparam("row"),
        or_(_N.status == "pending", _N.status == "retrying"),
        _N.next_at <= bindparam("at"),
    )
    .values(next_at=bindparam("until"), announced_at=None, updated_at=bindparam("at"))
)


def postpone(conn: Connection, times: Mapping[str, datetime], now: datetime) -> None:
    """Let what is due wait until its time: the relay announces it again. What waits already keeps its own time."""
    lock_in_order(conn, times)
    conn.execute(_postpone, [{"row": id_, "until": until, "at": now} for id_, until in times.items()])


def hold(conn: Connection, ids: Sequence[str], reason: str, until: datetime, now: datetime) -> list[Moved]:
    """Hold what would be sent now; returns what was. A retry that is not due yet keeps its own time."""
    lock_in_order(conn, ids)
    due = (_N.status == "pending") | ((_N.status == "retrying") & (_N.next_at <= now))
    rows = conn.execute(
        update(notifications)
        .where(_N.id.in_(ids), due)
        .values(status="held", reason=reason, next_at=until, announced_at=None, updated_at=now)
        .returning(_N.id, _N.type, _N.channel, _N.created_at)
    )
    return [Moved(*row) for row in rows]


def reset_held(conn: Connection, channel: str, target: str, until: datetime, now: datetime) -> None:
    """Give what a target's breaker holds another time to wait for."""
    held = and_(_N.status == "held", _N.reason == "breaker_open", _N.channel == channel, _N.target == target)
    chosen = select(_N.id).where(IS_WAITING, held).order_by(_N.id)
    if conn.dialect.name != "sqlite":
        # What is locked is being released or cancelled just now.
        chosen = chosen.with_for_update(skip_locked=True)
    conn.execute(update(notifications).where(_N.id.in_(chosen)).values(next_at=until, updated_at=now))


def unannounce(conn: Connection, ids: Sequence[str]) -> None:
    """Note that these were not announced after all, so that the relay does it."""
    lock_in_order(conn, ids)
    conn.execute(update(notifications).where(_N.id.in_(ids)).values(announced_at=None))


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What was cancelled at once, and how many are being sent and end with that attempt."""

    moved: list[Moved]
    marked: int


def cancel(conn: Connection, chosen: ColumnElement[bool], reason: str, now: datetime) -> Cancelled:
    """Cancel those of the chosen that have not ended; what is being sent is marked, and not tried again."""
    if conn.dialect.name != "sqlite":
        # In the order in which outcomes lock them, so that the two do not wait for each other in a circle.
        conn.execute(select(_N.id).where(chosen).order_by(_N.id).with_for_update())
    rows = conn.execute(
        update(notifications)
        .where(chosen, _N.status.in_(("pending", "held", "retrying")))
        .values(status="cancelled", reason=reason, updated_at=now, announced_at=None)
        .returning(_N.id, _N.type, _N.channel, _N.created_at)
    )
    moved = [Moved(*row) for row in rows]
    # That somebody asked for it needs no words until it ends.
    noted = {} if reason == "requested" else {"reason": reason}
    marked = conn.execute(
        update(notifications)
        .where(chosen, _N.status == "sending")
        .values(cancel_requested_at=now, **noted)
        .returning(_N.id)
    ).all()
    return Cancelled(moved, len(marked))


def of_one(notification_id: str) -> ColumnElement[bool]:
    """Chooses one notification."""
    return _N.id == notification_id


def of_these(ids: Sequence[str]) -> ColumnElement[bool]:
    """Chooses these notifications."""
    return _N.id.in_(ids)


def of_a_type(user_id: str, channel: str, type_: str) -> ColumnElement[bool]:
    """Chooses a user's notifications of one type on one channel."""
    return and_(_N.user_id == user_id, _N.channel == channel, _N.type == type_)


def of_an_event(event_id: str) -> ColumnElement[bool]:
    """Chooses all notifications of an event."""
    return _N.event_id == event_id


def delivered_after(conn: Connection, user_id: str, channel: str, moment: datetime) -> bool:
    """Whether anything has reached a user on a channel after a moment. It looks at all that they were sent."""
    reached = select(_N.id).where(_N.user_id == user_id, _N.channel == channel, _N.delivered_at > moment)
    return conn.execute(reached.limit(1)).first() is not None
