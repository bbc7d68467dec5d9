"""Inbox items, as rows.

Every change of an item, its arrival included, gets a revision: a number that grows by user, in the order in which the
changes are committed. The first thing a change does is to raise its user's head, which locks it until the commit, so
that whoever has seen revision n will never find a smaller one that is new. A plain sequence would not do: on PostgreSQL
a transaction may take a number and commit it after a later one was seen.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from operator import itemgetter
from typing import Any, Literal

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    and_,
    bindparam,
    delete,
    exists,
    func,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from app.store import live_items
from app.store.tables import IS_UNREAD, inbox, inbox_heads, notifications

State = Literal["unread", "read", "archived", "all"]
STATES: tuple[State, ...] = ("unread", "read", "archived", "all")

_I = inbox.c
_IN_STATE: dict[State, Any] = {
    "unread": IS_UNREAD,
    "read": _I.read_at.is_not(None) & _I.archived_at.is_(None),
    "archived": _I.archived_at.is_not(None),
    "all": text("1 = 1"),
}
_H = inbox_heads.c


def _adding(insert: Callable[..., Any]) -> Any:
    return insert(inbox).on_conflict_do_nothing(index_elements=["notification_id"])


def _raising(insert: Callable[..., Any]) -> Any:
    given = insert(inbox_heads)
    raised = {"revision": _H.revision + given.excluded.revision}
    return given.on_conflict_do_update(index_elements=["user_id"], set_=raised).returning(_H.user_id, _H.revision)


_INSERTS: dict[str, Callable[..., Any]] = {"sqlite": sqlite_insert, "postgresql": postgresql_insert}
_ADD = {database: _adding(insert) for database, insert in _INSERTS.items()}
_RAISE = {database: _raising(insert) for database, insert in _INSERTS.items()}
_RENEW = (
    update(inbox)
    .where(_I.notification_id == bindparam("row"))
    .values(revision=bindparam("next"), updated_at=bindparam("now"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One inbox item.

    `duplicates` is its notification's, `seq` its place in the order of arrival, and `revision` the number of its latest
    change.
    """

    id: str
    notification_id: str
    event_id: str | None
    user_id: str
    type: str
    priority: str
    subject_key: str | None
    sequence: int | None
    title: str
    text: str
    data: dict[str, Any]
    read_at: datetime | None
    archived_at: datetime | None
    created_at: datetime
    updated_at: datetime
    seq: int
    revision: int
    duplicates: int


_ITEMS = select(
    *(_I[name] for name in Item.__slots__ if name != "duplicates"),
    func.coalesce(notifications.c.duplicates, 0).label("duplicates"),
).select_from(inbox.outerjoin(notifications, notifications.c.id == _I.notification_id))


def _unread(reader: str | BindParameter[str]) -> ColumnElement[bool]:
    # The condition on seq is always met. SQLite needs it to see that of all indexes that begin with the user, the one
    # on unread items is the best; with another, a long inbox would be read to its end to count the few unread.
    return and_(_I.user_id == reader, _I.seq > 0, IS_UNREAD)


# What every open stream asks at every change; built once, as that costs more than asking.
_READER: BindParameter[str] = bindparam("reader")
_HEAD = select(_H.revision).where(_H.user_id == _READER)
_CHANGED = _ITEMS.where(_I.user_id == _READER, _I.revision > bindparam("after"))
_NEXT_CHANGED = _CHANGED.order_by(_I.revision).limit(bindparam("most"))
_COUNT_UNREAD = select(func.count()).select_from(inbox).where(_unread(_READER))


def put(conn: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Add items; a notification that is in the inbox already stays as it is.

    What is under way has one item, which tells how far it is and then how it ended.
    """
    if not rows:
        return
    revisions = _next_revisions(conn, [row["user_id"] for row in rows])
    # From here on nobody else changes these inboxes.
    numbered = [row | {"revision": revision} for row, revision in zip(rows, revisions, strict=True)]
    settled = live_items.settled(conn, numbered)
    if settled.moved:
        conn.execute(live_items.MOVE, settled.moved)
    if settled.new:
        # In the order of their ids, by which pages sort what came at the same moment.
        conn.execute(_ADD[conn.dialect.name], sorted(settled.new, key=itemgetter("id")))


def of_user(conn: Connection, user_id: str, state: State, *, before: int | None, limit: int) -> list[Item]:
    """A user's items in that state, newest first, those before a place in the order of arrival."""
    conditions: list[ColumnElement[bool]] = [_I.user_id == user_id, _IN_STATE[state]]
    if before is not None:
        conditions.append(_I.seq < before)
    rows = conn.execute(_ITEMS.where(*conditions).order_by(_I.seq.desc()).limit(limit)).mappings()
    return [Item(**row) for row in rows]


def head(conn: Connection, user_id: str) -> int:
    """The latest revision of a user's inbox; 0 when nothing ever was in it."""
    return conn.execute(_HEAD, {"reader": user_id}).scalar() or 0


def changed(conn: Connection, user_id: str, *, after: int, limit: int) -> list[Item]:
    """A user's items whose latest change came after a revision, in the order of these changes."""
    rows = conn.execute(_NEXT_CHANGED, {"reader": user_id, "after": after, "most": limit}).mappings()
    return [Item(**row) for row in rows]


def load(conn: Connection, user_id: str, item_id: str) -> Item | None:
    """One item of this user."""
    row = conn.execute(_ITEMS.where(_I.id == item_id, _I.user_id == user_id)).mappings().one_or_none()
    return None if row is None else Item(**row)


def remove(conn: Connection, user_id: str, notification_ids: Iterable[str]) -> None:
    """Delete the items of these notifications of a user, who is not told of it."""
    # In turn with all other changes of this inbox, or on PostgreSQL they might wait for each other in a circle.
    conn.execute(select(_H.revision).where(_H.user_id == user_id).with_for_update())
    conn.execute(delete(inbox).where(_I.notification_id.in_(list(notification_ids))))


def purge(conn: Connection, notification_ids: Sequence[str]) -> None:
    """Delete the items of these notifications, whosever they are; nobody is told of it."""
    mine = _I.notification_id.in_(notification_ids)
    if conn.dialect.name != "sqlite":
        # In turn with all other changes of these inboxes, and in the order in which they lock several.
        users = conn.execute(select(_I.user_id).where(mine).distinct()).scalars().all()
        heads = select(_H.revision).where(_H.user_id.in_(users))
        conn.execute(heads.order_by(_H.user_id).with_for_update())
    conn.execute(delete(inbox).where(mine))


def forget(conn: Connection, user_id: str) -> None:
    """Drop what is kept about an inbox that has no items any more."""
    conn.execute(select(_H.revision).where(_H.user_id == user_id).with_for_update())
    conn.execute(delete(inbox_heads).where(_H.user_id == user_id, ~exists().where(_I.user_id == user_id)))


def unread_count(conn: Connection, user_id: str) -> int:
    """How many items are neither read nor archived."""
    return conn.execute(_COUNT_UNREAD, {"reader": user_id}).scalar_one()


def mark(
    conn: Connection, user_id: str, item_id: str, *, read: bool | None, archived: bool | None, now: datetime
) -> bool:
    """Change whether an item is read or archived (None: leave it); false when the user has no such item.

    What is read or archived already keeps the time when that happened.
    """
    if load(conn, user_id, item_id) is None:
        return False
    (revision,) = _next_revisions(conn, [user_id])
    values: dict[str, Any] = {"updated_at": now, "revision": revision}
    for column, wanted in ((_I.read_at, read), (_I.archived_at, archived)):
        if wanted is not None:
            values[column.name] = func.coalesce(column, literal(now, column.type)) if wanted else None
    conn.execute(update(inbox).where(_I.id == item_id).values(**values))
    return True


def mark_all_read(conn: Connection, user_id: str, now: datetime) -> bool:
    """Mark everything unread of a user as read; false when there was nothing."""
    if not unread_count(conn, user_id):
        return False
    (first,) = _next_revisions(conn, [user_id])
    # From here on nobody else changes this inbox. Each item has a revision of its own: a stream that breaks off in the
    # middle can then go on from there.
    place = (func.row_number().over(order_by=_I.seq) - 1).label("place")
    unread = select(_I.seq, place).where(_unread(user_id)).subquery()
    marked = conn.execute(
        update(inbox)
        .where(_I.seq == unread.c.seq)
        .values(read_at=now, updated_at=now, revision=literal(first) + unread.c.place)
    ).rowcount
    _next_revisions(conn, [user_id] * (marked - 1))
    return True


def renew(conn: Connection, notification_ids: Collection[str], now: datetime) -> set[str]:
    """Note that what the items of these notifications show has changed elsewhere; returns whose items they are."""
    of_these = select(_I.user_id, _I.notification_id).where(_I.notification_id.in_(notification_ids))
    found = conn.execute(of_these.order_by(_I.user_id, _I.seq)).all()
    if found:
        revisions = _next_revisions(conn, [row.user_id for row in found])
        conn.execute(
            _RENEW,
            [
                {"row": row.notification_id, "next": revision, "now": now}
                for row, revision in zip(found, revisions, strict=True)
            ],
        )
    return {row.user_id for row in found}


def _next_revisions(conn: Connection, user_ids: Sequence[str]) -> list[int]:
    """A revision for each change in a list of their users. The inboxes of these users are ours until the commit."""
    changes = Counter(user_ids)
    if not changes:
        return []
    # In one order, so that two transactions with the same users wait for each other and no more.
    rows = [{"user_id": user_id, "revision": changes[user_id]} for user_id in sorted(changes)]
    latest = {row.user_id: row.revision for row in conn.execute(_RAISE[conn.dialect.name], rows)}
    upcoming = {user_id: count(revision - changes[user_id] + 1) for user_id, revision in latest.items()}
    return [next(upcoming[user_id]) for user_id in user_ids]
