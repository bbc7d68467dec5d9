"""A clock that all processes share."""

from datetime import UTC, datetime

from sqlalchemy import func, select

from app.store.engine import Database


class DatabaseClock:
    """PostgreSQL's clock, whichever machine asks. With SQLite there is one machine, whose clock it is."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def now(self) -> datetime:
        """The current moment, aware, in UTC. Raises DatabaseUnavailable."""
        if self._database.is_sqlite:
            return datetime.now(UTC)
        with self._database.read() as conn:
            found: datetime = conn.execute(select(func.clock_timestamp())).scalar_one()
        return found.astimezone(UTC)
