"""How many transactions a database has committed, whoever made them."""

import os
import struct
from typing import Self

from sqlalchemy import text
from sqlalchemy.engine import make_url

from app.store.engine import Database

_POSTGRESQL = text("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")
# In the index of SQLite's WAL: how many transactions have changed something.
_CHANGES = struct.Struct("=8xI")


class Commits:
    """Reads the database's own counter. On PostgreSQL it counts what only reads, too. A context manager.

    SQLite's is in a file. Its locks are this process's, and closing any descriptor of that file would end them: so it
    is opened once, and closed when nothing here uses the database any more.
    """

    def __init__(self, database: Database, url: str) -> None:
        """The database has to have been written to by somebody who still has it open."""
        self._database = database
        self._index = os.open(f"{make_url(url).database}-shm", os.O_RDONLY) if database.is_sqlite else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._index is not None:
            os.close(self._index)

    def so_far(self) -> float:
        """The count, of which only differences mean anything."""
        if self._index is not None:
            return float(_CHANGES.unpack(os.pread(self._index, _CHANGES.size, 0))[0])
        with self._database.read() as conn:
            return float(conn.execute(_POSTGRESQL).scalar_one())
