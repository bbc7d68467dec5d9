"""People in the audit log: it knows them by pseudonyms, and only a row beside it says whose each is.

A pseudonym is a salted digest of the user's id, and the chain of hashes covers it. So nobody can pass one person off
as another; and when the row with the salt is deleted, nobody can tell any more who it was, not even with a list of ids.
"""

import hashlib
import secrets
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from app.domain.ids import is_user_id
from app.store.tables import audit_people

_P = audit_people.c
KIND = "user:"


def person(user_id: str) -> str:
    """How entries name a user."""
    return f"{KIND}{user_id}"


def stored(conn: Connection, texts: Iterable[str]) -> dict[str, str]:
    """Those of these texts that name users, and how the log names them; who has no pseudonym gets one."""
    user_ids = {user_id for text in texts if (user_id := _user_in(text))}
    found = _known(conn, user_ids)
    # In order, so that two transactions that meet the same people do not wait for each other in a circle.
    for user_id in sorted(user_ids - found.keys()):
        while user_id not in found:
            _introduce(conn, user_id)
            found |= _known(conn, {user_id})
    return {person(user_id): person(pseudonym) for user_id, pseudonym in found.items()}


def sought(conn: Connection, text: str) -> list[str]:
    """What to look for when somebody asks for a text, or for a user's id with or without what is put before it."""
    known = _known(conn, {text.removeprefix(KIND)})
    return [text, *map(person, known.values())]


def shown(conn: Connection, texts: Iterable[str]) -> dict[str, str]:
    """Those of these stored texts that name people who were not erased, and the texts with their ids."""
    return {person(row.pseudonym): person(row.user_id) for row in _rows(conn, texts)}


def forged(conn: Connection, texts: Iterable[str]) -> set[str]:
    """Those of these stored texts whose pseudonym was given to another user."""
    rows = _rows(conn, texts)
    return {person(row.pseudonym) for row in rows if row.pseudonym != _pseudonym(row.salt, row.user_id)}


def forget(conn: Connection, user_id: str) -> None:
    """Let nobody know any more whose the user's pseudonym is."""
    conn.execute(delete(audit_people).where(_P.user_id == user_id))


def _user_in(text: str) -> str | None:
    if not text.startswith(KIND):
        return None
    user_id = text.removeprefix(KIND)
    return user_id if is_user_id(user_id) else None


def _known(conn: Connection, user_ids: Collection[str]) -> dict[str, str]:
    rows = conn.execute(select(_P.user_id, _P.pseudonym).where(_P.user_id.in_(user_ids))) if user_ids else ()
    return {row.user_id: row.pseudonym for row in rows}


def _rows(conn: Connection, texts: Iterable[str]) -> Sequence[Any]:
    wanted = {text.removeprefix(KIND) for text in texts if text.startswith(f"{KIND}_")}
    return conn.execute(select(audit_people).where(_P.pseudonym.in_(wanted))).all() if wanted else ()


def _introduce(conn: Connection, user_id: str) -> None:
    put = sqlite_insert if conn.dialect.name == "sqlite" else postgresql_insert
    salt = secrets.token_hex(32)
    row = {"user_id": user_id, "pseudonym": _pseudonym(salt, user_id), "salt": salt}
    conn.execute(put(audit_people).on_conflict_do_nothing(index_elements=["user_id"]), row)


def _pseudonym(salt: str, user_id: str) -> str:
    return "_" + hashlib.sha256(f"{salt}\n{user_id}".encode()).hexdigest()[:32]
