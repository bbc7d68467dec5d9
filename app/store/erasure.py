"""Erasing a person from the rows: which are theirs, and what is left of them.

What is being sent is left alone until that ends; its worker knows the message anyway.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, bindparam, cast, delete, exists, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from app.domain.ids import ERASED_USER
from app.domain.notifications import TERMINAL
from app.store import inbox
from app.store.notifications import Moved, lock_in_order
from app.store.tables import (
    attempts,
    contacts,
    erasures,
    events,
    idempotency,
    markers,
    notifications,
    preferences,
)

_N = notifications.c
_E = erasures.c
_SCRUB_DUE = "scrub_due"


@dataclass(frozen=True, slots=True)
class Erasure:
    """A person who is being erased: what was theirs up to a moment goes, what comes after it stays."""

    user_id: str
    pseudonym: str
    requested_at: datetime
    last_event_id: str = ""
    """Up to which event the search through all of them has come."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What one step took from a person: the notifications it cancelled, and all that are not theirs any more."""

    cancelled: list[Moved]
    ids: list[str]


def cut_off(conn: Connection, user_id: str, now: datetime) -> None:
    """Drop at once what has no history: what they chose, and how to reach them; what is being sent ends with that.

    In the order in which changes of preferences and outcomes lock the same, so that none waits for the other in a
    circle; whom the audit log names comes after it.
    """
    conn.execute(delete(preferences).where(preferences.c.user_id == user_id))
    mark_sending(conn, Erasure(user_id, "", now), now)
    conn.execute(delete(contacts).where(contacts.c.user_id == user_id))


def begin(conn: Connection, wanted: Erasure) -> None:
    """Note whom to erase."""
    insert = sqlite_insert if conn.dialect.name == "sqlite" else postgresql_insert
    row = {name: getattr(wanted, name) for name in Erasure.__slots__}
    again = {name: value for name, value in row.items() if name != "user_id"}
    conn.execute(insert(erasures).values(row).on_conflict_do_update(index_elements=["user_id"], set_=again))


def under_way(conn: Connection) -> list[Erasure]:
    """Everybody who is being erased."""
    return [Erasure(*row) for row in conn.execute(select(*(_E[name] for name in Erasure.__slots__)))]


def being_erased() -> ColumnElement[bool]:
    """Whether a notification's person is being erased, for statements about notifications."""
    return exists().where(_E.user_id == _N.user_id, _E.requested_at >= _N.created_at)


def has_rows(conn: Connection, erasure: Erasure) -> bool:
    """Whether a notification is theirs still."""
    return bool(conn.execute(select(exists().where(*_theirs(erasure)))).scalar_one())


def mark_sending(conn: Connection, erasure: Erasure, now: datetime) -> None:
    """Let what is being sent end with that attempt. It looks at everything that is theirs still."""
    marked = update(notifications).where(*_theirs(erasure), _N.status == "sending", _N.cancel_requested_at.is_(None))
    conn.execute(marked.values(cancel_requested_at=now))


def take(conn: Connection, erasure: Erasure, limit: int, now: datetime) -> Taken:
    """Take the newest of their notifications from them: none is sent any more, or says to whom or what it was."""
    chosen = select(_N.id).where(*_theirs(erasure), _N.status != "sending").order_by(_N.id.desc()).limit(limit)
    ids = list(conn.execute(chosen).scalars())
    lock_in_order(conn, ids)
    mine = (_N.id.in_(ids), _N.user_id == erasure.user_id)
    cancelled = conn.execute(
        update(notifications)
        .where(*mine, _N.status.in_(("pending", "held", "retrying")))
        .values(status="cancelled", reason="erased", updated_at=now, announced_at=None)
        .returning(_N.id, _N.type, _N.channel, _N.created_at)
    )
    moved = [Moved(*row) for row in cancelled]
    blank: dict[str, Any] = {"user_id": ERASED_USER, "target": "", "fingerprint": ""}
    blank |= dict.fromkeys(("subject_key", "alert_key", "content"))
    rows = conn.execute(
        update(notifications).where(*mine, _N.status.in_(TERMINAL)).values(**blank).returning(_N.id, _N.event_id)
    ).all()
    taken = [row.id for row in rows]
    inbox.remove(conn, erasure.user_id, taken)
    # Receivers' answers may quote an address or a text.
    conn.execute(update(attempts).where(attempts.c.notification_id.in_(taken)).values(detail=None, provider_ref=None))
    leave_events(conn, erasure.user_id, {row.event_id for row in rows if row.event_id is not None})
    return Taken(moved, taken)


_share = update(events).where(events.c.id == bindparam("event")).values(recipients=bindparam("left"))


def leave_events(conn: Connection, user_id: str, event_ids: Iterable[str]) -> None:
    """Take the user off these events; what was for nobody else is emptied, and its idempotency keys are forgotten."""
    table = events.c
    chosen = select(table.id, table.recipients).where(table.id.in_(list(event_ids))).order_by(table.id)
    left = {
        row.id: [recipient for recipient in row.recipients if recipient != user_id]
        for row in conn.execute(chosen.with_for_update())
    }
    emptied = [event_id for event_id, recipients in left.items() if not recipients]
    blank: dict[str, Any] = {"recipients": [], "data": {}, "subject_key": None, "dedupe_key": None}
    conn.execute(update(events).where(table.id.in_(emptied)).values(**blank))
    conn.execute(delete(idempotency).where(idempotency.c.event_id.in_(emptied)))
    shared = [{"event": event_id, "left": recipients} for event_id, recipients in left.items() if recipients]
    if shared:
        conn.execute(_share, shared)


def search_events(conn: Connection, erasure: Erasure, limit: int) -> tuple[str | None, list[str]]:
    """Look at the next events: the id of the last of them, None if there are no more, and those that name the user."""
    table = events.c
    following = select(table.id).where(table.id > erasure.last_event_id).order_by(table.id).limit(limit)
    ids: Sequence[str] = conn.execute(following).scalars().all()
    if not ids:
        return None, []
    between = (table.id > erasure.last_event_id, table.id <= ids[-1], table.created_at <= erasure.requested_at)
    # A recipient is a whole JSON string, and no id has anything that JSON would escape.
    named = cast(table.recipients, Text).contains(f'"{erasure.user_id}"', autoescape=True)
    return ids[-1], list(conn.execute(select(table.id).where(*between, named)).scalars())


def searched(conn: Connection, erasure: Erasure, last_event_id: str) -> None:
    """Note how far the search has come."""
    conn.execute(update(erasures).where(*_same(erasure)).values(last_event_id=last_event_id))


def finish(conn: Connection, erasure: Erasure) -> bool:
    """Forget whom it was about; false when there is more to do, since it was asked for again."""
    if not conn.execute(delete(erasures).where(*_same(erasure))).rowcount:
        return False
    inbox.forget(conn, erasure.user_id)
    insert = sqlite_insert if conn.dialect.name == "sqlite" else postgresql_insert
    put = insert(markers).values(name=_SCRUB_DUE, value=erasure.pseudonym)
    conn.execute(put.on_conflict_do_update(index_elements=["name"], set_={"value": erasure.pseudonym}))
    return True


def unscrubbed(conn: Connection) -> str | None:
    """The pseudonym of whom was erased last, if the files were not scrubbed since then."""
    return conn.execute(select(markers.c.value).where(markers.c.name == _SCRUB_DUE)).scalar()


def scrubbed(conn: Connection, pseudonym: str) -> None:
    """Note that the files were scrubbed after that one was erased."""
    conn.execute(delete(markers).where(markers.c.name == _SCRUB_DUE, markers.c.value == pseudonym))


def _same(erasure: Erasure) -> list[ColumnElement[bool]]:
    return [_E.user_id == erasure.user_id, _E.requested_at == erasure.requested_at]


def _theirs(erasure: Erasure) -> list[ColumnElement[bool]]:
    return [_N.user_id == erasure.user_id, _N.created_at <= erasure.requested_at]
