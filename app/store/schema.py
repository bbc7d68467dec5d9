"""Which schema this version needs, and waiting until the database has it. Alembic is left to those who migrate."""

import time

from sqlalchemy import Connection, inspect, text

from app.store.engine import Database, DatabaseUnavailable

HEAD = "0014"
"""The newest migration."""
_POLL_SECONDS = 0.25
_VERSION_TABLE = "alembic_version"


class SchemaMissing(Exception):
    """The database does not have the schema this version needs."""


def serves(revision: str | None) -> bool:
    """Whether a schema of that revision serves this version: its own, or one of a later version.

    Steps of the schema only add, so that the parts of a fleet can be replaced one by one after `migrate`.
    """
    return revision is not None and revision >= HEAD


def current(database: Database) -> str | None:
    """The revision the database is at, or None when it is empty. Raises DatabaseUnavailable."""
    with database.read() as conn:
        return revision_of(conn)


def revision_of(conn: Connection) -> str | None:
    """The same, as this transaction sees it."""
    if not inspect(conn).has_table(_VERSION_TABLE):
        return None
    found: str | None = conn.execute(text(f"SELECT version_num FROM {_VERSION_TABLE}")).scalar()  # noqa: S608 - ours
    return found


def wait_for_schema(database: Database, timeout: float = 60.0) -> None:
    """Return once the schema is right. Raises SchemaMissing, naming the command that helps, after `timeout` seconds."""
    give_up = time.monotonic() + timeout
    while True:
        try:
            found = current(database)
            if serves(found):
                return
        except DatabaseUnavailable as error:
            found = str(error)
        if time.monotonic() > give_up:
            raise SchemaMissing(
                f"the database is at revision {found or 'none'}, this version needs {HEAD}:"
                " run `python main.py migrate`"
            )
        time.sleep(_POLL_SECONDS)
