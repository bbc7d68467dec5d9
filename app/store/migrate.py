"""Bringing the schema to this version, or back."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from app.store.engine import Database
from app.store.schema import HEAD, revision_of, serves

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK_NUMBER = 0x494D32


def upgrade(database: Database) -> str:
    """Migrate to this version's schema in one transaction and return the revision; a second caller waits its turn.

    What a later version has made of the database stays as it is.
    """
    with database.write() as conn:
        if not database.is_sqlite:
            conn.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK_NUMBER})
            # An index on millions of rows takes longer than anything else may. Waiting for a lock is bounded as always.
            conn.execute(text("SET LOCAL statement_timeout = 0"))
        if not serves(revision_of(conn)):
            command.upgrade(migrations(conn), HEAD)
        return revision_of(conn) or HEAD


def knows(revision: str) -> bool:
    """Whether a revision is one that this version can bring to its own."""
    return any(script.revision == revision for script in ScriptDirectory.from_config(migrations()).walk_revisions())


def downgrade(database: Database, revision: str) -> None:
    """Go back to an older revision, or to "base"."""
    with database.write() as conn:
        command.downgrade(migrations(conn), revision)


def migrations(conn: Connection | None = None) -> Config:
    """Alembic's configuration, for work on this connection."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = conn
    return config
