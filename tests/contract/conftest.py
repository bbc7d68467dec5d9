"""Databases for the store's contract: every test that asks for one runs on SQLite and on PostgreSQL."""

import os
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from app.store import migrate
from app.store.engine import Database
from app.store.tables import metadata
from tests.fakes.clock import FakeClock
from tests.fakes.gate_server import GateServer
from tests.fakes.people_rig import Rig
from tests.fakes.scripted import Pages
from tests.fakes.spine import Spine
from tests.fakes.watch import Watch
from tests.fakes.world import World, made

SERVER = os.environ.get("TEST_POSTGRES_URL", "postgresql://root@127.0.0.1/postgres")
_GROWN_BYTES = 262_144


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A fresh database on the server; without a server the tests are skipped, but in CI they fail."""
    name = f"notifications_test_{uuid.uuid4().hex[:12]}"
    try:
        with psycopg.connect(SERVER, autocommit=True, connect_timeout=3) as server:
            server.execute(f'CREATE DATABASE "{name}"')
            # It does not outlive the tests, and need not wait for the disk.
            server.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    except psycopg.OperationalError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"no PostgreSQL at TEST_POSTGRES_URL: {error}")
        pytest.skip("no PostgreSQL at TEST_POSTGRES_URL")
    yield make_url(SERVER).set(drivername="postgresql+psycopg", database=name).render_as_string(hide_password=False)
    with suppress(psycopg.Error), psycopg.connect(SERVER, autocommit=True) as server:
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def postgresql(postgresql_url: str) -> Iterator[Database]:
    """The fresh database with our tables."""
    database = Database(postgresql_url, pool_size=12)
    migrate.upgrade(database)
    yield database
    database.close()


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An SQLite database with our tables, as the bytes of its file."""
    path = tmp_path_factory.mktemp("sqlite") / "empty.db"
    database = Database(f"sqlite:///{path}")
    migrate.upgrade(database)
    with database.engine.connect() as conn:
        conn.connection.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return path.read_bytes()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database with our tables."""
    if request.param == "sqlite":
        path = tmp_path / "notifications.db"
        path.write_bytes(request.getfixturevalue("migrated_file"))
        database = Database(f"sqlite:///{path}", pool_size=12)
        yield database
        database.close()
        return
    database = request.getfixturevalue("postgresql")
    yield database
    empty(database)


def empty(database: Database) -> None:
    """Leave nothing in a database on the server.

    Rows are deleted, which takes a fraction of the time of a TRUNCATE; but a table that has grown is truncated, so that
    what is deleted slows down nobody and leads no plan astray.
    """
    guarded = ("audit", "audit_chain", "audit_anchor")
    with database.write() as conn:
        for table in guarded:
            conn.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        sizes = text("SELECT relname FROM pg_class WHERE relkind = 'r' AND pg_relation_size(oid) > :most")
        if grown := metadata.tables.keys() & conn.execute(sizes, {"most": _GROWN_BYTES}).scalars():
            conn.execute(text(f"TRUNCATE {', '.join(grown)} CASCADE"))
        for table in reversed(metadata.sorted_tables):
            conn.execute(table.delete())
        conn.execute(text("SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S'"))
        for table in guarded:
            conn.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER USER"))


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still until the test moves it."""
    return FakeClock()


@pytest.fixture
def rig(database: Database, clock: FakeClock, tmp_path: Path) -> Rig:
    """The services around people, on an empty database."""
    return Rig(database, clock, tmp_path / "mail")


@pytest.fixture(scope="session")
def running_gate_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GateServer]:
    """One server for the gates of all tests."""
    server = GateServer(tmp_path_factory.mktemp("gates"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def gate_server(running_gate_server: GateServer) -> GateServer:
    """A server for the gates, empty."""
    running_gate_server.empty()
    return running_gate_server


@pytest.fixture
def spine(database: Database, clock: FakeClock, gate_server: GateServer) -> Iterator[Spine]:
    """The services on the way of a notification, on an empty database; what they did must add up in the end."""
    spine = Spine(database, clock, gate_server.url)
    yield spine
    spine.close()
    assert spine.unaccounted() == 0


@pytest.fixture
def pages() -> Pages:
    """A channel of alerts."""
    return Pages()


@pytest.fixture
def watch(database: Database, clock: FakeClock, gate_server: GateServer, pages: Pages) -> Iterator[Watch]:
    """Somebody who is alerted; in the end nothing was closed that was not open."""
    watch = Watch(Spine(database, clock, gate_server.url, more=[pages]), pages)
    watch.meet()
    yield watch
    watch.spine.close()
    assert watch.spine.unaccounted() == 0
    assert pages.incidents.in_vain == 0


@pytest.fixture(params=["http", "https"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """A server outside and one inside, without TLS and with it."""
    with made(tmp_path, secured=request.param == "https") as world:
        yield world
