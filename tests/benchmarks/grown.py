"""Databases with a past, made for one measurement or kept for the next."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from app.bootstrap import Services, build_services
from app.cli.progress import progress
from app.config import Settings
from app.store.engine import Database
from app.store.migrate import upgrade
from tests.benchmarks.past import ROWS_PER_USER, Past
from tests.fakes.publisher import RecordingPublisher

# Nothing that is timed here asks Redis.
_NOWHERE = "redis://127.0.0.1:1/0"


@dataclass(frozen=True, slots=True)
class Grown:
    """A database with that many notifications, the services on it, and the environment of a command that uses it."""

    size: int
    services: Services
    environ: Mapping[str, str]

    @property
    def users(self) -> int:
        """How many people are in it."""
        return max(self.size // ROWS_PER_USER, 1)

    def forget(self) -> bool:
        """Have the machine forget what it has read of it, so that it is read from the disk; false on a server."""
        path = self.services.database.engine.url.database
        if not self.services.database.is_sqlite or path is None:
            return False
        file = os.open(path, os.O_RDONLY)
        try:
            # Only what is on the disk can be forgotten.
            os.fdatasync(file)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(file)
        return True


@contextmanager
def grown(size: int, server: str | None, keep: Path | None) -> Iterator[Grown]:
    """Such a database, on SQLite or a server; dropped afterwards, unless there is a folder in which to keep it.

    What is kept is found again, and filled to its end if that was broken off.
    """
    with ExitStack() as stack:
        environ = _kept(size, server, keep) if keep else _temporary(stack, size, server)
        _fill(environ, size)
        _settle(server)
        yield stack.enter_context(_open(size, environ))


@contextmanager
def grown_to_spoil(size: int, server: str | None, keep: Path | None) -> Iterator[Grown]:
    """The same, and what is kept stays as it is: this is a copy of it."""
    if keep is None:
        with grown(size, server, None) as one:
            yield one
        return
    original = _kept(size, server, keep)
    _fill(original, size)
    with ExitStack() as stack:
        environ = _temporary(stack, size, server, of=_name(size))
        if not server:
            shutil.copytree(original["DATA_DIR"], environ["DATA_DIR"], dirs_exist_ok=True)
        _settle(server)
        yield stack.enter_context(_open(size, environ))


@contextmanager
def _open(size: int, environ: Mapping[str, str]) -> Iterator[Grown]:
    services = build_services(Settings.load(environ), RecordingPublisher())
    try:
        yield Grown(size, services, environ)
    finally:
        services.close()


def _settle(server: str | None) -> None:
    """Have what was written on its disk, so that nothing that is timed waits for that."""
    mine = "SELECT 1 FROM pg_roles WHERE rolname = current_user AND rolsuper"
    if server and _on_server(server, mine):
        _on_server(server, "CHECKPOINT")
    os.sync()


def _name(size: int) -> str:
    return f"growth_{size}"


def _temporary(stack: ExitStack, size: int, server: str | None, of: str | None = None) -> dict[str, str]:
    folder = stack.enter_context(TemporaryDirectory(prefix="im2-growth-"))
    environ = {"DATA_DIR": folder, "REDIS_URL": _NOWHERE}
    if server:
        name = f"{_name(size)}_{os.getpid()}"
        stack.callback(_on_server, server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        _on_server(server, f"CREATE DATABASE {name} TEMPLATE {of or 'template1'}")
        environ["DATABASE_URL"] = _url(server, name)
    return environ


def _kept(size: int, server: str | None, keep: Path) -> dict[str, str]:
    folder = keep / f"{_name(size)}_{'postgresql' if server else 'sqlite'}"
    folder.mkdir(parents=True, exist_ok=True)
    environ = {"DATA_DIR": str(folder), "REDIS_URL": _NOWHERE}
    if server:
        name = _name(size)
        if not _on_server(server, f"SELECT 1 FROM pg_database WHERE datname = '{name}'"):  # noqa: S608 - ours
            _on_server(server, f"CREATE DATABASE {name}")
        environ["DATABASE_URL"] = _url(server, name)
    return environ


def _url(server: str, name: str) -> str:
    return make_url(server).set(database=name).render_as_string(hide_password=False)


def _on_server(server: str, statement: str) -> bool:
    """Execute a statement; whether it has found a row."""
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as conn:
            found = conn.execute(text(statement))
            return found.returns_rows and found.first() is not None
    finally:
        engine.dispose()


def _fill(environ: Mapping[str, str], size: int) -> None:
    database = Database(Settings.load(environ).database_url)
    try:
        upgrade(database)
        with progress(f"filling up to {size:,}", size) as seen:
            Past(database, size).grow(seen)
    finally:
        database.close()
