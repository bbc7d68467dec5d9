"""Who was erased lately: rows without a name, by which what was signed for them before is told from what came after."""

from collections.abc import Collection
from datetime import UTC, datetime

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from app.store.tables import markers

_PREFIX = "left "


def put(conn: Connection, mark: str, now: datetime) -> None:
    """Note that what was signed before counts no more for whom the mark stands for."""
    insert = sqlite_insert if conn.dialect.name == "sqlite" else postgresql_insert
    value = now.astimezone(UTC).isoformat()
    row = insert(markers).values(name=_PREFIX + mark, value=value)
    conn.execute(row.on_conflict_do_update(index_elements=["name"], set_={"value": value}))


def everyone(conn: Connection) -> dict[str, datetime]:
    """All marks, each with its moment."""
    rows = conn.execute(select(markers.c.name, markers.c.value).where(markers.c.name.startswith(_PREFIX)))
    return {row.name.removeprefix(_PREFIX): datetime.fromisoformat(row.value) for row in rows}


def forget(conn: Connection, marks: Collection[str]) -> None:
    """Remove marks."""
    conn.execute(delete(markers).where(markers.c.name.in_([_PREFIX + mark for mark in marks])))
