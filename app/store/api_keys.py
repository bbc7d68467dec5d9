"""Service keys as rows; of the key itself only a digest is stored."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, exists, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from app.store.tables import api_keys


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A service key: `digest` is the SHA-256 of its text, in hexadecimal digits."""

    id: str
    name: str
    scopes: tuple[str, ...]
    digest: str
    created_at: datetime
    revoked_at: datetime | None = None


def add(conn: Connection, key: StoredKey) -> bool:
    """Store a new key; false when one with its id is there already."""
    insert = sqlite_insert if conn.dialect.name == "sqlite" else postgresql_insert
    added = conn.execute(
        insert(api_keys)
        .values(
            id=key.id,
            name=key.name,
            scopes=list(key.scopes),
            digest=key.digest,
            created_at=key.created_at,
            revoked_at=key.revoked_at,
        )
        .on_conflict_do_nothing()
    )
    return bool(added.rowcount)


def find(conn: Connection, key_id: str) -> StoredKey | None:
    """The key with this id, revoked or not."""
    row = conn.execute(select(api_keys).where(api_keys.c.id == key_id)).one_or_none()
    return None if row is None else _key(row)


def everything(conn: Connection) -> list[StoredKey]:
    """All keys, oldest first, revoked ones too."""
    rows = conn.execute(select(api_keys).order_by(api_keys.c.id))
    return [_key(row) for row in rows]


def any_exists(conn: Connection) -> bool:
    """Whether a key was ever made."""
    return bool(conn.execute(select(exists().select_from(api_keys))).scalar_one())


def revoke(conn: Connection, key_id: str, now: datetime) -> bool:
    """Revoke a key; false when it is unknown or was revoked before."""
    changed = conn.execute(
        update(api_keys).where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None)).values(revoked_at=now)
    )
    return bool(changed.rowcount)


def _key(row: Any) -> StoredKey:
    return StoredKey(row.id, row.name, tuple(row.scopes), row.digest, row.created_at, row.revoked_at)
