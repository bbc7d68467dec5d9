"""The key that links for unsubscribing are signed with: one row, sealed like the secrets of contacts.

It is not made from SECRET_KEY, since a link in a mail has to go on working when that is changed.
"""

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from app.store.tables import markers

_NAME = "unsubscribe_key"
_ITS = markers.c.name == _NAME


def sealed(conn: Connection) -> str | None:
    """The key as it is stored; None before the first link."""
    found: str | None = conn.execute(select(markers.c.value).where(_ITS)).scalar()
    return found


def put_first(conn: Connection, value: str) -> None:
    """Store a sealed key, unless somebody was faster."""
    insert = sqlite_insert if conn.dialect.name == "sqlite" else postgresql_insert
    conn.execute(insert(markers).values(name=_NAME, value=value).on_conflict_do_nothing(index_elements=["name"]))


def reseal(conn: Connection, old: str, new: str) -> None:
    """Put the same key, sealed anew, into the place of the old one."""
    conn.execute(update(markers).where(_ITS, markers.c.value == old).values(value=new))


def forget(conn: Connection, old: str) -> None:
    """Remove a key that nobody can open; the next mail makes another."""
    conn.execute(delete(markers).where(_ITS, markers.c.value == old))
