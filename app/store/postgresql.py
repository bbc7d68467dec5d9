"""Connections to PostgreSQL. Loaded only where one is used."""

from collections.abc import Callable
from typing import Any

import psycopg
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import InvalidatePoolError

TROUBLES = (psycopg.OperationalError, psycopg.InternalError, psycopg.NotSupportedError)
"""The errors of a server that is away, full or locked, as its driver raises them."""
_SILENT_SECONDS = 15
# A connection that has rested longer is asked whether the server is still there: asking each time is a journey of five.
_TRUSTED_SECONDS = 1.0
_RESTING_SINCE = "resting_since"
_SESSION = {
    "lock_timeout": 10_000,
    "statement_timeout": 30_000,
    "idle_in_transaction_session_timeout": 60_000,
    "tcp_keepalives_idle": _SILENT_SECONDS // 3,
    "tcp_keepalives_interval": _SILENT_SECONDS // 3,
    "tcp_keepalives_count": 2,
    "tcp_user_timeout": 1000 * _SILENT_SECONDS,
}


def engine(url: str, pool_size: int, monotonic: Callable[[], float]) -> Engine:
    """An engine of so many connections, and as many more under load."""
    made = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=10,
        hide_parameters=True,
        connect_args={
            "connect_timeout": 5,
            "application_name": "im2-notifications",
            # A server, or one of us, that is cut off says nothing: each end finds out by itself, and in time. Until the
            # server does, nobody gets at the rows that were locked there.
            "keepalives_idle": _SILENT_SECONDS // 3,
            "keepalives_interval": _SILENT_SECONDS // 3,
            "keepalives_count": 2,
            "tcp_user_timeout": 1000 * _SILENT_SECONDS,
            "options": " ".join(f"-c {name}={value}" for name, value in _SESSION.items()),
        },
    )

    @event.listens_for(made, "checkin")
    def rest(_connection: Any, record: Any) -> None:
        record.info[_RESTING_SINCE] = monotonic()

    @event.listens_for(made, "checkout")
    def wake(connection: Any, record: Any, _proxy: object) -> None:
        if monotonic() - record.info.get(_RESTING_SINCE, monotonic()) < _TRUSTED_SECONDS:
            return
        try:
            made.dialect.do_ping(connection)
        except psycopg.Error as error:
            # The pool replaces it, and all others that are as old.
            raise InvalidatePoolError("the server has closed it") from error

    return made
