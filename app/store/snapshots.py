"""Copies of an SQLite database that is in use: one moment of it in one file, and that file in the database's place.

Readers and writers go on meanwhile: a copy is made from a read transaction (https://sqlite.org/backup.html), and put
back in a single write transaction, so that everybody sees all of the old state or all of the new one.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

_OWNER_ONLY = 0o600
_PAGES_A_STEP = 256
Told = Callable[[int, int], None]
"""Is told how many pages are done, and of how many."""


class NotACopy(Exception):
    """The file can't be put in the database's place; the text says why."""


def save(database: Path, target: Path, told: Told) -> None:
    """Copy the database as it is at this moment into a new file that only its owner reads.

    The file is there with its whole content or not at all. Raises FileExistsError, OSError, sqlite3.Error.
    """
    with _draft_of(target) as draft:
        with closing(_reading(database)) as source, closing(sqlite3.connect(draft)) as copy:
            # Within this transaction every step copies the same state, however much is written beside it.
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            _copy(source, copy, told)
            # One file that needs no other one beside it.
            copy.execute("PRAGMA journal_mode=DELETE")
        # A link never replaces what is there.
        os.link(draft, target)


def put_back(copy: Path, database: Path, told: Told) -> None:
    """Put a copy in the place of the database, which may be in use. Raises OSError, sqlite3.Error."""
    with closing(_reading(copy)) as source, closing(sqlite3.connect(database, timeout=30)) as target:
        target.execute("PRAGMA journal_mode=WAL")
        target.execute("PRAGMA synchronous=FULL")
        _copy(source, target, told)
        target.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def check(copy: Path) -> None:
    """Return if the file is a sound SQLite database. Raises NotACopy."""
    try:
        with closing(_reading(copy)) as connection:
            ((verdict, *_), *_) = connection.execute("PRAGMA quick_check(1)").fetchall()
    except sqlite3.Error as error:
        raise NotACopy(f"it is no database: {error}") from None
    if verdict != "ok":
        raise NotACopy(f"it is damaged: {verdict}")


def _copy(source: sqlite3.Connection, target: sqlite3.Connection, told: Told) -> None:
    source.backup(target, pages=_PAGES_A_STEP, progress=lambda _status, left, total: told(total - left, total))


def _reading(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=30, isolation_level=None)


@contextmanager
def _draft_of(target: Path) -> Iterator[Path]:
    """A file beside the target, for its owner only, gone after the block."""
    draft = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY))
        yield draft
    finally:
        draft.unlink(missing_ok=True)
