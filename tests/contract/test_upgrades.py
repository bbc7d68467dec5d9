"""Upgrades with data: from every schema up and down again, and what the version before still writes afterwards."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import JSON, Boolean, Connection, Float, Integer, MetaData, Table, insert, select, text
from sqlalchemy.exc import DBAPIError

from app.store.engine import Database
from app.store.migrate import downgrade, migrations, upgrade
from app.store.schema import HEAD, current, wait_for_schema

REVISIONS = sorted(script.revision for script in ScriptDirectory.from_config(migrations()).walk_revisions())
FIRST_PUBLISHED = "0006"
"""What was before it has never run anywhere but here."""
LATER = "9999"
LEFT_ALONE = frozenset({"alembic_version", "audit_anchor"})
"""The second takes nothing but an end of the audit log itself: tests/contract/test_retention.py."""
ROWS = 4
_STATES = ("pending", "held", "delivered", "failed")
Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture
def steps(database: Database) -> Iterator[Database]:
    """A database without any schema; in the end it has that of this version, for those who come after."""
    downgrade(database, "base")
    yield database
    # A file is thrown away.
    if not database.is_sqlite:
        downgrade(database, "base")
        upgrade(database)


def to(database: Database, revision: str) -> None:
    with database.write() as conn:
        command.upgrade(migrations(conn), revision)


def tables_of(conn: Connection) -> Mapping[str, Table]:
    known = MetaData()
    known.reflect(conn)
    return {name: table for name, table in known.tables.items() if name not in LEFT_ALONE}


def fill(conn: Connection, tables: Mapping[str, Table], since: int = 0) -> None:
    """Some rows in every table: all about one user where a key allows it, every second one with nothing it can lack."""
    for table in tables.values():
        for number in range(since, since + ROWS):
            conn.execute(insert(table).values(row(table, number)))


def row(table: Table, number: int) -> dict[str, Any]:
    keys = {column.name for column in table.primary_key}
    return {
        column.name: None if column.nullable and number % 2 else value(column, number, is_key=column.name in keys)
        for column in table.columns
    }


def value(column: Any, number: int, *, is_key: bool) -> Any:
    match column.type:
        case JSON():
            return {"number": number}
        case Boolean():
            return number % 4 == 0
        case Integer() | Float():
            return 1000 + number
    if column.name == "status":
        return _STATES[number % len(_STATES)]
    if column.name == "user_id" and not is_key:
        return "u-1"
    return f"{column.name[:5]}-{number}"


def rows_of(conn: Connection, tables: Mapping[str, Table]) -> Rows:
    """What is in these columns of these tables, in an order of its own."""
    found = {}
    for name, table in tables.items():
        rows = conn.execute(select(*table.columns).order_by(*table.primary_key.columns)).mappings()
        found[name] = [dict(row) for row in rows]
    return found


@pytest.mark.parametrize("revision", REVISIONS)
def test_what_is_in_a_database_of_any_version_is_there_after_an_upgrade_and_the_way_back(
    steps: Database, revision: str
) -> None:
    to(steps, revision)
    with steps.write() as conn:
        tables = tables_of(conn)
        fill(conn, tables)
        before = rows_of(conn, tables)
    assert all(len(rows) == ROWS for rows in before.values())
    upgrade(steps)
    assert current(steps) == HEAD
    with steps.read() as conn:
        assert rows_of(conn, tables) == before
    with steps.write() as conn:
        command.check(migrations(conn))
    downgrade(steps, revision)
    assert current(steps) == revision
    with steps.read() as conn:
        assert rows_of(conn, tables) == before
        assert {name: set(table.columns.keys()) for name, table in tables_of(conn).items()} == {
            name: set(table.columns.keys()) for name, table in tables.items()
        }
    with pytest.raises(DBAPIError, match="append-only"), steps.engine.begin() as conn:
        conn.execute(text("DELETE FROM audit"))


@pytest.mark.parametrize("revision", [revision for revision in REVISIONS if revision >= FIRST_PUBLISHED])
def test_the_schema_of_this_version_takes_what_an_older_one_writes(steps: Database, revision: str) -> None:
    to(steps, revision)
    with steps.write() as conn:
        tables = tables_of(conn)
        fill(conn, tables)
    upgrade(steps)
    with steps.write() as conn:
        fill(conn, tables, since=ROWS)
        assert all(len(rows) == 2 * ROWS for rows in rows_of(conn, tables).values())


def test_a_schema_of_a_later_version_serves_and_is_left_alone(database: Database) -> None:
    mark(database, LATER)
    try:
        wait_for_schema(database, timeout=0)
        assert upgrade(database) == LATER
        assert current(database) == LATER
    finally:
        mark(database, HEAD)


def mark(database: Database, revision: str) -> None:
    with database.write() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
