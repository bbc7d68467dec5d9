"""What became of notifications: rows, attempts and trace, for those who ask."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, select, text

from app.domain.ids import ERASED_USER, first_id
from app.domain.notifications import DIGEST, OPEN, TERMINAL, Notification
from app.store.audit import StoredEntry
from app.store.tables import HAS_SUBJECT, IS_FAILED, attempts, audit, events, inbox, notifications

_N = notifications.c
_A = attempts.c
_I = inbox.c
_LOCK_NUMBER = 0x5E7D
MOST_LOOKED_AT = 20_000
"""How many rows a page looks at for what no index leads to."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which notifications are asked for; None asks for any. `until` itself is outside."""

    user_id: str | None = None
    type: str | None = None
    channel: str | None = None
    status: str | None = None
    subject_key: str | None = None
    event_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    id: str | None = None
    digest_id: str | None = None
    item_id: str | None = None

    def sought(self) -> dict[str, Any]:
        """What is asked for, by name."""
        return {
            field.name: getattr(self, field.name) for field in fields(self) if getattr(self, field.name) is not None
        }


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to send a notification; without an end it is under way."""

    number: int
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None
    http_status: int | None
    detail: str | None


def edge(conn: Connection, wanted: Filters, *, before: str | None, most: int) -> str | None:
    """Down to which id a page looks, where no index leads to all that is asked for; None when it looks at all there is.

    So nobody waits while millions of rows are looked at for a few, or for none.
    """
    served = replace(wanted, type=None, channel=None, status="failed" if wanted.status == "failed" else None)
    if wanted == served or wanted.id is not None or wanted.item_id is not None:
        return None
    conditions = _conditions(served)
    if before is not None:
        conditions.append(_N.id < before)
    chosen = select(_N.id).where(*conditions).order_by(_N.id.desc()).offset(most - 1).limit(1)
    return conn.execute(chosen).scalar()


def newest(
    conn: Connection, wanted: Filters, *, before: str | None, limit: int, down_to: str | None = None
) -> list[Notification]:
    """The notifications that match, newest first, those older than the id `before` and not older than `down_to`."""
    conditions = _conditions(wanted)
    if before is not None:
        conditions.append(_N.id < before)
    if down_to is not None:
        conditions.append(_N.id >= down_to)
    rows = conn.execute(select(notifications).where(*conditions).order_by(_N.id.desc()).limit(limit)).mappings()
    return [Notification(**row) for row in rows]


def replayable(conn: Connection, wanted: Filters, *, limit: int) -> list[str]:
    """Those that match, oldest first, have ended, and do not go on as a replay that is open, has arrived or has failed.

    One that has failed can be replayed in turn.
    """
    chosen = select(_N.id).where(*_conditions(wanted), *_can_be_replayed()).order_by(_N.id).limit(limit)
    return list(conn.execute(chosen).scalars())


def take_replayable(conn: Connection, ids: Sequence[str]) -> list[Notification]:
    """Those of these that can still be replayed; until the end of the transaction nobody else may take any."""
    if conn.dialect.name != "sqlite":
        # Two that ask at once would both be told the same rows.
        conn.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK_NUMBER})
    chosen = select(notifications).where(_N.id.in_(ids), *_can_be_replayed()).order_by(_N.id)
    if conn.dialect.name != "sqlite":
        # What is replayed may not be purged meanwhile, and takes its event with it.
        chosen = chosen.with_for_update(read=True, of=notifications)
    return [Notification(**row) for row in conn.execute(chosen).mappings()]


def _can_be_replayed() -> list[ColumnElement[bool]]:
    again = notifications.alias()
    goes_on = again.c.status.in_((*OPEN, "delivered", "digested", "failed"))
    repeated = select(again.c.id).where(again.c.replay_of == _N.id, again.c.replay_of.is_not(None), goes_on).exists()
    told = select(events.c.id).where(events.c.id == _N.event_id).exists() | (_N.type == DIGEST)
    # Of those whose reader was erased there is nothing left to say.
    return [_N.status.in_(TERMINAL), ~repeated, told, _N.user_id != ERASED_USER]


def _conditions(wanted: Filters) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    for name, value in wanted.sought().items():
        match name:
            case "since":
                # Ids are of the time when they were made, and have an index.
                conditions += [_N.created_at >= value, _N.id >= first_id("ntf", value)]
            case "until":
                conditions += [_N.created_at < value, _N.id < first_id("ntf", value)]
            case "subject_key":
                # Said for the index of those that have one.
                conditions += [HAS_SUBJECT, _N.subject_key == value]  # type: ignore[list-item]  # the same
            case "status" if value == "failed":
                # Word for word as its index has it, or SQLite would not use that.
                conditions.append(IS_FAILED)  # type: ignore[arg-type]  # a text is a condition too
            case "item_id":
                conditions.append(_N.id == select(_I.notification_id).where(_I.id == value).scalar_subquery())
            case _:
                conditions.append(_N[name] == value)
    return conditions


def attempts_of(conn: Connection, notification_id: str) -> list[Attempt]:
    """Every attempt at a notification, the first one first."""
    columns = (_A.number, _A.started_at, _A.ended_at, _A.outcome, _A.http_status, _A.detail)
    rows = conn.execute(select(*columns).where(_A.notification_id == notification_id).order_by(_A.number))
    return [Attempt(*row) for row in rows]


def traces(conn: Connection, ids: Iterable[str]) -> dict[str, list[StoredEntry]]:
    """What was recorded about each of these notifications, oldest first."""
    found: dict[str, list[StoredEntry]] = {id_: [] for id_ in ids}
    for row in conn.execute(select(audit).where(audit.c.object.in_(list(found))).order_by(audit.c.id)):
        found[row.object].append(StoredEntry(row.id, row.at, row.actor, row.action, row.object, row.detail))
    return found
