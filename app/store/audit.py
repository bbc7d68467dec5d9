"""The audit log: rows that are only ever added, in the transaction of the fact they tell.

They are sealed into a hash chain by the relay, a little later: hashing inside every transaction would make them wait
for each other. People are stored, and sealed, under pseudonyms; whoever reads entries here gets the ids.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, insert, select

from app.store import audit_anchor, audit_people
from app.store.audit_anchor import Anchor
from app.store.tables import audit, audit_chain

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"))
# Inline: nobody asks for the number it gets.
_append = insert(audit).inline()
_WHO = "user"


@dataclass(frozen=True, slots=True)
class Entry:
    """One fact: who did what to which object, and when. `detail` holds no secret and no text of a message.

    A user is named as `audit_people.person` writes it, as actor, object or `user` in the detail, and nowhere else.
    """

    at: datetime
    actor: str
    action: str
    object: str
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry with its number."""

    id: int
    at: datetime
    actor: str
    action: str
    object: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check of the chain found: how many rows are sealed and unsealed, and the first bad row, if any.

    `purged` is how many there were before them, which are gone by now.
    """

    sealed: int
    unsealed: int
    first_bad: int | None
    purged: int = 0


def record(conn: Connection, entries: Sequence[Entry]) -> None:
    """Append entries."""
    append(conn, rows_of(conn, entries))


def rows_of(conn: Connection, entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Entries as `append` takes them, with the pseudonyms of the people in them."""
    people = _people_in(entries)
    names = audit_people.stored(conn, people) if people else {}
    return [_row(entry, names) for entry in entries]


def append(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append what `rows_of` gave; unlike `record` it reads nothing."""
    if rows:
        conn.execute(_append, rows)


def about(conn: Connection, object_: str) -> list[StoredEntry]:
    """Everything recorded about one object, oldest first."""
    return oldest(conn, AuditFilters(object=object_), after=0, limit=None)


@dataclass(frozen=True, slots=True)
class AuditFilters:
    """Which entries are asked for; None asks for any. `until` itself is outside."""

    since: datetime | None = None
    until: datetime | None = None
    actor: str | None = None
    action: str | None = None
    object: str | None = None


def newest(
    conn: Connection, wanted: AuditFilters, *, before: int | None, limit: int, down_to: int | None = None
) -> list[StoredEntry]:
    """Entries, newest first, those with a number below `before` and not below `down_to`."""
    conditions = _conditions(conn, wanted)
    if before is not None:
        conditions.append(audit.c.id < before)
    if down_to is not None:
        conditions.append(audit.c.id >= down_to)
    statement = select(audit).where(*conditions).order_by(audit.c.id.desc()).limit(limit)
    return _named(conn, entries_of(conn.execute(statement)))


def oldest(conn: Connection, wanted: AuditFilters, *, after: int, limit: int | None) -> list[StoredEntry]:
    """Entries, oldest first, those with a number above `after`."""
    conditions = [*_conditions(conn, wanted), audit.c.id > after]
    statement = select(audit).where(*conditions).order_by(audit.c.id).limit(limit)
    return _named(conn, entries_of(conn.execute(statement)))


def count(conn: Connection, wanted: AuditFilters = AuditFilters()) -> int:
    """How many entries there are."""
    return conn.execute(select(func.count()).select_from(audit).where(*_conditions(conn, wanted))).scalar_one()


def _conditions(conn: Connection, wanted: AuditFilters) -> list[ColumnElement[bool]]:
    table = audit.c
    pairs = ((table.actor, wanted.actor), (table.object, wanted.object))
    conditions: list[ColumnElement[bool]] = [
        column.in_(audit_people.sought(conn, value)) for column, value in pairs if value is not None
    ]
    if wanted.action is not None:
        conditions.append(table.action == wanted.action)
    if wanted.since is not None:
        conditions.append(table.at >= wanted.since)
    if wanted.until is not None:
        conditions.append(table.at < wanted.until)
    return conditions


def _named(conn: Connection, entries: Sequence[StoredEntry]) -> list[StoredEntry]:
    """The entries with the ids of those people in them that were not erased."""
    names = audit_people.shown(conn, _people_in(entries))
    return [StoredEntry(entry.id, **_row(entry, names)) for entry in entries] if names else list(entries)


def _people_in(entries: Iterable[Entry | StoredEntry]) -> list[str]:
    """The texts of entries that name people."""
    return [
        text
        for entry in entries
        for text in (entry.actor, entry.object, entry.detail.get(_WHO, ""))
        if text.startswith(audit_people.KIND)
    ]


def _row(entry: Entry | StoredEntry, names: Mapping[str, str]) -> dict[str, Any]:
    """What an entry says, with its people called by other names."""
    said: dict[str, Any] = {"at": entry.at, "actor": entry.actor, "action": entry.action, "object": entry.object}
    detail = dict(entry.detail)
    if names:
        said |= {name: names.get(said[name], said[name]) for name in ("actor", "object")}
        detail |= {_WHO: names.get(detail[_WHO], detail[_WHO])} if _WHO in detail else {}
    return {**said, "detail": detail}


@dataclass(frozen=True, slots=True)
class Checked:
    """How far a check of the chain has come: up to link `sealed` all hold, and `hash` is that of it.

    It begins behind the links that were purged, whose number is `purged`.
    """

    sealed: int = 0
    hash: str = ""
    first_bad: int | None = None
    done: bool = False
    purged: int = 0


def check(conn: Connection, before: Checked, limit: int) -> Checked:
    """Recompute the next links of the chain; `sealed` counts a bad one too, and nothing is looked at after it.

    What is purged in the middle of a check is not looked at any more.
    """
    before = _from(audit_anchor.newest(conn), before)
    joined = select(audit, audit_chain.c.seq, audit_chain.c.audit_id, audit_chain.c.prev, audit_chain.c.hash)
    statement = joined.select_from(audit_chain.outerjoin(audit, audit.c.id == audit_chain.c.audit_id))
    following = statement.where(audit_chain.c.seq > before.sealed).order_by(audit_chain.c.seq).limit(limit)
    sealed, prev = before.sealed, before.hash
    right: list[StoredEntry] = []
    first_bad: int | None = None
    rows = conn.execute(following).all()
    for row in rows:
        sealed += 1
        stored = row.id is not None and StoredEntry(row.id, row.at, row.actor, row.action, row.object, row.detail)
        if not stored or row.seq != sealed or row.prev != prev or row.hash != hash_of(prev, stored):
            first_bad = row.audit_id
            break
        right.append(stored)
        prev = row.hash
    forged = audit_people.forged(conn, _people_in(right))
    for place, entry in enumerate(right, before.sealed + 1) if forged else ():
        if not forged.isdisjoint(_people_in([entry])):
            return Checked(place, prev, entry.id, done=True, purged=before.purged)
    done = first_bad is not None or len(rows) < limit
    return Checked(sealed, prev, first_bad, done, before.purged)


def _from(anchor: Anchor, before: Checked) -> Checked:
    """Where a check goes on, as what is up to the anchor is gone."""
    if before.sealed >= anchor.seq:
        return before
    return Checked(anchor.seq, anchor.hash, purged=anchor.seq)


def verdict(conn: Connection, checked: Checked) -> Verdict:
    """What a check that is done has found."""
    sealed = checked.sealed - checked.purged
    if checked.first_bad is not None:
        return Verdict(sealed, 0, checked.first_bad, checked.purged)
    return Verdict(sealed, max(count(conn) - sealed, 0), None, checked.purged)


def verify(conn: Connection) -> Verdict:
    """Recompute the whole chain in this transaction."""
    checked = Checked()
    while not checked.done:
        checked = check(conn, checked, 1000)
    return verdict(conn, checked)


def hash_of(prev: str, entry: StoredEntry) -> str:
    """What seals an entry behind the one with that hash."""
    said = [prev, entry.id, entry.at.isoformat(), entry.actor, entry.action, entry.object, entry.detail]
    return hashlib.sha256(_ENCODER.encode(said).encode()).hexdigest()


def entries_of(rows: Iterable[Any]) -> list[StoredEntry]:
    """Rows of the log as entries."""
    return [StoredEntry(row.id, row.at, row.actor, row.action, row.object, row.detail) for row in rows]
