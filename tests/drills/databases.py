"""A database for one run, on a PostgreSQL server that is there."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
from sqlalchemy.engine import make_url


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """The URL of a database that is made on this PostgreSQL server, and dropped afterwards."""
    name = f"notifications_drill_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True, connect_timeout=3) as conn:
        conn.execute(f'CREATE DATABASE "{name}"')
    try:
        # The driver's name is left to the product, as a user would.
        yield make_url(server).set(drivername="postgresql", database=name).render_as_string(hide_password=False)
    finally:
        # What is wrong with the server by now is not to hide what was wrong before.
        with suppress(psycopg.Error), psycopg.connect(server, autocommit=True) as conn:
            conn.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
