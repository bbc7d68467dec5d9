"""`backup` and `restore`: the whole state in one file, and back, while the service runs (SQLite)."""

import shutil
import sqlite3
import sys
import tempfile
from pathlib import Path

from sqlalchemy.engine import make_url

from app import secret_files
from app.cli.database import check_secret_key
from app.cli.progress import progress
from app.config import Settings
from app.domain.clock import Clock, SystemClock
from app.runtime import data_dir
from app.runtime.faults import CannotStart
from app.store import audit, paused, schema, snapshots, still_open
from app.store.engine import Database, DatabaseUnavailable
from app.store.paused import Paused
from app.store.snapshots import NotACopy
from channels.registry import channel_names

ACTOR = "cli"
_HELD_BECAUSE = "The database was restored from a copy."


def back_up(settings: Settings, target: Path) -> int:
    """Write the database into a new file and answer the exit code. Raises CannotStart where that is not for us."""
    source = _file_of(settings, "pg_dump")
    if not source.is_file():
        raise CannotStart(f"DATABASE_URL: there is no {source} yet")
    try:
        with progress("copying") as told:
            snapshots.save(source, target, told)
        snapshots.check(target)
    except FileExistsError:
        print(f"{target} is there already; name another file, or remove it", file=sys.stderr)
        return 1
    except (OSError, sqlite3.Error, NotACopy) as error:
        print(f"{target}: {getattr(error, 'strerror', None) or error}", file=sys.stderr)
        return 1
    print(f"{target}: {target.stat().st_size:,} bytes, readable for its owner only")
    if not settings.secret_key:
        print(f"Keep {secret_files.secret_key_file(settings)} too, elsewhere: contacts can't be read without it.")
    return 0


def restore(settings: Settings, source: Path, *, yes: bool, hold: bool) -> int:
    """Put the file in the place of the database and answer the exit code.

    What was there is kept in a file beside it. With `hold`, every channel is paused, so that nothing goes out before
    somebody has looked. Raises CannotStart where the database or SECRET_KEY does not fit.
    """
    target = _file_of(settings, "pg_restore")
    data_dir.make(settings.data_dir)
    try:
        snapshots.check(source)
        with tempfile.TemporaryDirectory(dir=settings.data_dir) as folder:
            staged = Path(shutil.copyfile(source, Path(folder) / "staged.db"))
            open_rows = _made_ready(settings, staged, SystemClock(), hold=hold)
            if not yes and not _agreed(target, open_rows, hold=hold):
                print("nothing was changed")
                return 1
            _keep(target)
            with progress("restoring") as told:
                snapshots.put_back(staged, target, told)
    except NotACopy as fault:
        print(f"{source}: {fault}", file=sys.stderr)
        return 1
    except (OSError, sqlite3.Error) as error:
        print(f"{source}: {getattr(error, 'strerror', None) or error}", file=sys.stderr)
        return 1
    print(f"{target} is as it was when {source} was written; {_what_goes_out(open_rows, hold=hold)}")
    return 0


def _made_ready(settings: Settings, staged: Path, clock: Clock, *, hold: bool) -> int:
    """Bring a copy to this version's schema, and answer how many of its notifications are open."""
    from app.store.migrate import knows, upgrade

    database = Database(f"sqlite:///{staged}")
    try:
        revision = schema.current(database)
        if revision is None:
            raise NotACopy("it is no database of this service")
        if not knows(revision):
            raise NotACopy("it was written by a newer version than this one")
        upgrade(database)
        check_secret_key(settings, database)
        now = clock.now()
        with database.write() as conn:
            for channel in channel_names() if hold else ():
                paused.pause(conn, Paused(channel, now, ACTOR, _HELD_BECAUSE))
            audit.record(conn, [audit.Entry(now, ACTOR, "database.restored", "database", {"held": hold})])
            waiting = sum(bunch.count for bunch in still_open.everything(conn))
    except DatabaseUnavailable as error:
        raise NotACopy(f"it can't be used: {error}") from None
    finally:
        database.close()
    return waiting


def _keep(target: Path) -> None:
    """Set aside what is there, under a name of its own."""
    if not target.is_file():
        return
    number, kept = 1, target.with_name(f"{target.stem}.before-restore{target.suffix}")
    while kept.exists():
        number += 1
        kept = target.with_name(f"{target.stem}.before-restore-{number}{target.suffix}")
    with progress("keeping what is there") as told:
        snapshots.save(target, kept, told)
    print(f"What was there is kept in {kept}")


def _agreed(target: Path, open_rows: int, *, hold: bool) -> bool:
    if not sys.stdin.isatty():
        print("This replaces the database: say --yes.", file=sys.stderr)
        return False
    print(f"This replaces {target}; {_what_goes_out(open_rows, hold=hold)}")
    try:
        return input("Go on? [y/N] ").strip().lower() in {"y", "yes"}
    except EOFError:
        return False


def _what_goes_out(open_rows: int, *, hold: bool) -> str:
    if hold:
        return f"every channel is paused: {open_rows} open notifications wait until they are resumed"
    return f"{open_rows} notifications that were open then go out, also those that went out since"


def _file_of(settings: Settings, instead: str) -> Path:
    url = make_url(settings.database_url)
    if url.get_backend_name() != "sqlite" or not url.database:
        raise CannotStart(f"DATABASE_URL: this is for SQLite; use {instead} (docs/operations.md)")
    return Path(url.database)
