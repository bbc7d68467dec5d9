"""What most unit tests start from."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.store import migrate
from app.store.engine import Database
from tests.fakes.clock import FakeClock
from tests.fakes.product import Product, build_product


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An SQLite database with our tables, as the bytes of its file."""
    path = tmp_path_factory.mktemp("migrated") / "empty.db"
    database = Database(f"sqlite:///{path}")
    migrate.upgrade(database)
    with database.engine.connect() as conn:
        conn.connection.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return path.read_bytes()


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still until the test moves it."""
    return FakeClock()


@pytest.fixture
def database(tmp_path: Path, migrated: bytes) -> Iterator[Database]:
    """An empty SQLite database with our tables."""
    path = tmp_path / "store.db"
    path.write_bytes(migrated)
    database = Database(f"sqlite:///{path}")
    yield database
    database.close()


@pytest.fixture(scope="module")
def shared_product(tmp_path_factory: pytest.TempPathFactory, migrated: bytes) -> Iterator[Product]:
    """One product for all tests of a module, for those that do not mind what the others left there."""
    product = build_product(tmp_path_factory.mktemp("shared"), migrated)
    yield product
    product.services.close()


@pytest.fixture
def product(tmp_path: Path, migrated: bytes) -> Iterator[Product]:
    """The product without a broker, over an empty SQLite database."""
    product = build_product(tmp_path, migrated)
    yield product
    product.services.close()
