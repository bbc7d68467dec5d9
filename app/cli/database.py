"""Commands about the database, and what every part needs of it before it can run."""

from collections.abc import Iterator
from contextlib import contextmanager

from app import secret_files
from app.config import Settings
from app.domain.clock import SystemClock
from app.runtime import data_dir
from app.runtime.faults import CannotStart
from app.services.departures import Departures
from app.services.identity import Identity
from app.store import keyring
from app.store.engine import Database, DatabaseUnavailable
from app.store.schema import SchemaMissing, wait_for_schema
from app.store.secretbox import SecretBox, WrongSecretKey


def migrate(settings: Settings) -> None:
    """Bring the database to the schema of this version."""
    from app.store.migrate import upgrade

    with opened(settings) as database:
        print(f"the database is at revision {upgrade(database)}")


def prepare(settings: Settings) -> None:
    """What comes before the first part of a whole product starts: the schema, and the secrets that all parts share."""
    from app.store.migrate import upgrade

    with opened(settings) as database:
        upgrade(database)
        check_secret_key(settings, database)
        identity(settings, database).ensure_admin_key(secret_files.admin_key_file(settings))
    secret_files.flower_credentials(settings)


def await_schema(settings: Settings) -> None:
    """Return once the database has this version's schema, and SECRET_KEY reads what is in it.

    Raises CannotStart if it does not, or after a minute without the schema.
    """
    with opened(settings) as database:
        try:
            wait_for_schema(database)
        except SchemaMissing as error:
            raise CannotStart(f"DATABASE_URL: {error}") from None
        check_secret_key(settings, database)


def identity(settings: Settings, database: Database) -> Identity:
    """The keys, for commands that need nothing else."""
    clock, secret_key = SystemClock(), secret_files.secret_key(settings)
    return Identity(
        database,
        clock,
        Departures(database, clock, secret_key=secret_key),
        secret_key=secret_key,
        admin_api_key=settings.admin_api_key,
    )


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    """The database, closed again after the block. Raises CannotStart if it can't be used."""
    data_dir.make(settings.data_dir)
    database = Database(settings.database_url)
    try:
        yield database
    except DatabaseUnavailable as error:
        raise CannotStart(f"DATABASE_URL: the database can't be used: {error}") from None
    finally:
        database.close()


@contextmanager
def ready(settings: Settings) -> Iterator[Database]:
    """The same, with the schema of this version. Raises CannotStart if it has another one, or none."""
    with opened(settings) as database:
        try:
            wait_for_schema(database, timeout=0)
        except SchemaMissing as error:
            raise CannotStart(f"DATABASE_URL: {error}") from None
        yield database


def wrong_key(error: WrongSecretKey) -> CannotStart:
    """What stops a start with another SECRET_KEY than the one in use."""
    return CannotStart(
        f"{error}; start with the one that they were written with."
        " If a rotation of the key was interrupted, run `python main.py keys rotate-secret` again."
    )


def check_secret_key(settings: Settings, database: Database) -> None:
    """Return if SECRET_KEY reads what is in the database. Raises CannotStart."""
    box = SecretBox(secret_files.secret_key(settings))
    try:
        with database.read() as conn:
            keyring.check(conn, box)
    except WrongSecretKey as error:
        raise wrong_key(error) from error
