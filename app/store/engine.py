"""Connections and transactions on SQLite and PostgreSQL, behind one face."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from sqlite3 import DatabaseError as AnySqliteError
from sqlite3 import OperationalError as SqliteError
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    # FULL, because NORMAL may lose the last commits when the power fails, and each of them was answered with a 202.
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    # Without it REPLACE would slip past the triggers that keep the audit log append-only.
    "PRAGMA recursive_triggers=ON",
    "PRAGMA temp_store=MEMORY",
    # Or what was deleted would be readable in the file until something else takes its place.
    "PRAGMA secure_delete=ON",
)
# The third, by that very name, is SQLite's word for a damaged file; by the last a PostgreSQL that has become a replica
# refuses to begin a transaction that writes.
_TROUBLES = ("OperationalError", "InternalError", "DatabaseError", "NotSupportedError")
_LOCK_WAIT_SECONDS = 10.0
_SMALL = 64 * 2**20
_POLL_SECONDS = 0.0002
_POLL_MAX_SECONDS = 0.004


class DatabaseUnavailable(Exception):
    """The database cannot serve this transaction now; trying again later may help."""


class Database:
    """Opens read and write transactions; safe to share among threads and greenlets of one process."""

    def __init__(self, url: str, *, pool_size: int = 10, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Connects on first use. `url` is like sqlite:///path or postgresql://host/name."""
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        # What SQLAlchemy does not get to see, as it comes up where a transaction begins and where statements travel.
        self._troubles: tuple[type[Exception], ...] = (AnySqliteError,)
        if self.is_sqlite:
            self._engine = _sqlite(url, pool_size)
        else:
            from app.store import postgresql  # noqa: PLC0415 - its driver takes six megabytes

            self._engine, self._troubles = postgresql.engine(url, pool_size, monotonic), postgresql.TROUBLES
        self._reader = self._engine.execution_options(**self._read_options())
        self._glancer = None if self.is_sqlite else self._engine.execution_options(isolation_level="AUTOCOMMIT")
        # On SQLite there is one writer at a time anyway: threads of this process queue here, in order, and only one
        # of them competes with the other processes.
        self._turn: AbstractContextManager[Any] = threading.Lock() if self.is_sqlite else nullcontext()

    @property
    def engine(self) -> Engine:
        """The SQLAlchemy engine, for migrations and tests."""
        return self._engine

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database and changes nothing."""
        with _translated(self._troubles), self._reader.connect() as conn, conn.begin():
            yield conn

    @contextmanager
    def glance(self) -> Iterator[Connection]:
        """For statements that only read and need not see the same state: PostgreSQL is spared two journeys of each."""
        if self._glancer is None:
            with self.read() as conn:
                yield conn
        else:
            with _translated(self._troubles), self._glancer.connect() as conn:
                yield conn

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that commits at the end of the block, or rolls back when the block raises.

        Raises DatabaseUnavailable when it cannot begin or commit.
        """
        with _translated(self._troubles), self._turn, self._engine.begin() as conn:
            yield conn

    def scrub(self) -> bool:
        """Let what was deleted leave SQLite's files; false when somebody was in the way, and it is to be tried again.

        Rows that moved to other pages may have left copies in unused corners, so a file of up to 64 MB is written anew.
        A larger one is not, since writers would wait for seconds. PostgreSQL sees to all this by itself.
        """
        if not self.is_sqlite:
            return True
        with _translated(self._troubles), self._turn:
            connection = self._engine.raw_connection()
            try:
                # Not within a transaction, so past SQLAlchemy, which begins one.
                cursor = connection.cursor()
                cursor.execute("SELECT page_count * page_size <= ? FROM pragma_page_count, pragma_page_size", (_SMALL,))
                ((is_small,),) = cursor.fetchall()
                if is_small:
                    cursor.execute("VACUUM")
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                ((busy, *_),) = cursor.fetchall()
            except SqliteError as error:
                if "locked" not in str(error):
                    raise
                return False
            finally:
                connection.close()
        return not busy

    def close(self) -> None:
        """Close the pooled connections."""
        self._engine.dispose()

    def _read_options(self) -> dict[str, Any]:
        if self.is_sqlite:
            return {"read_only": True}
        return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


@contextmanager
def together(conn: Connection) -> Iterator[None]:
    """Let the statements of the block travel to PostgreSQL together, none of which may return anything.

    What it has against one of them it says at the end of the block.
    """
    driver: Any = conn.connection.driver_connection
    with nullcontext() if conn.dialect.name == "sqlite" else driver.pipeline():
        yield


@contextmanager
def _translated(troubles: tuple[type[Exception], ...]) -> Iterator[None]:
    """The errors of a database that is away, full or locked, as DatabaseUnavailable; our faults stay as they are."""
    try:
        yield
    except DBAPIError as error:
        if error.connection_invalidated or type(error).__name__ in _TROUBLES:
            raise DatabaseUnavailable(_summary(error)) from error
        raise
    except troubles as error:
        raise DatabaseUnavailable(_summary(error)) from error
    except SQLAlchemyError as error:
        if type(error).__name__ == "TimeoutError":
            raise DatabaseUnavailable("no free database connection") from error
        raise


def _summary(error: Exception) -> str:
    """The driver's first line, without the statement and its values."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return (str(cause).splitlines() or [type(cause).__name__])[0][:200]


def _sqlite(url: str, pool_size: int) -> Engine:
    # timeout=0: SQLite's own wait would freeze every greenlet of the process; `_begin` waits instead, cooperatively.
    engine = create_engine(
        url,
        connect_args={"timeout": 0, "check_same_thread": False},
        pool_size=pool_size,
        max_overflow=pool_size * 2,
        # An error tells the statement, and not the values: they are somebody's.
        hide_parameters=True,
        # Every transaction here is committed or rolled back by its block.
        pool_reset_on_return=None,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        for pragma in _PRAGMAS:
            _patiently(connection, pragma)

    @event.listens_for(engine, "begin")
    def begin(conn: Connection) -> None:
        read_only = conn.get_execution_options().get("read_only", False)
        _patiently(conn.connection.driver_connection, "BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def _patiently(connection: Any, statement: str) -> None:
    """Execute a statement, and again while another process holds the lock, for at most ten seconds."""
    give_up = time.monotonic() + _LOCK_WAIT_SECONDS
    pause = _POLL_SECONDS
    while True:
        try:
            connection.execute(statement)
            return
        except SqliteError as error:
            if "locked" not in str(error) or time.monotonic() > give_up:
                raise
        time.sleep(pause)
        pause = min(pause * 1.2, _POLL_MAX_SECONDS)
