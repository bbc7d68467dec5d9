"""Rows put into a database as fast as it can take them, past all that makes it safe."""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import psycopg
from psycopg import sql
from sqlalchemy import Table

from app.store.engine import Database

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Rows = Sequence[Mapping[str, Any]]


class Writes(Protocol):
    """Adds rows, all of them or none."""

    def __call__(self, rows: Mapping[Table, Rows], /) -> None:
        """Do so in one transaction."""


@contextmanager
def writer(database: Database) -> Iterator[Writes]:
    """What writes to this database; whatever ends the block, no transaction stays open."""
    with _sqlite(database) if database.is_sqlite else _postgresql(database) as write:
        yield write


@contextmanager
def _sqlite(database: Database) -> Iterator[Writes]:
    with closing(sqlite3.connect(str(database.engine.url.database), isolation_level=None)) as conn:
        conn.execute("PRAGMA synchronous=OFF")
        conn.execute("PRAGMA cache_size=-400000")

        def write(rows: Mapping[Table, Rows]) -> None:
            conn.execute("BEGIN IMMEDIATE")
            try:
                for table, some in rows.items():
                    if some:
                        names = list(some[0])
                        marks = ", ".join("?" * len(names))
                        conn.executemany(
                            f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks})",  # noqa: S608 - ours
                            ([_plain(row[name]) for name in names] for row in some),
                        )
                conn.execute("COMMIT")
            finally:
                if conn.in_transaction:
                    conn.execute("ROLLBACK")

        yield write
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@contextmanager
def _postgresql(database: Database) -> Iterator[Writes]:
    url = database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url) as conn:
        conn.execute("SET synchronous_commit = off")

        def write(rows: Mapping[Table, Rows]) -> None:
            with conn.transaction(), conn.cursor() as cursor:
                for table, some in rows.items():
                    if some:
                        _copy(cursor, table, some)

        conn.commit()
        yield write


def _copy(cursor: psycopg.Cursor[Any], table: Table, rows: Rows) -> None:
    names = list(rows[0])
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.name), columns)
    with cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row([_plain(row[name]) for name in names])


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return (value - _EPOCH) // timedelta(microseconds=1)
    return json.dumps(value) if isinstance(value, dict | list) else value
