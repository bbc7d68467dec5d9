"""`keys rotate-secret`: a new SECRET_KEY, and everything that is sealed with the old one sealed anew."""

import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app import secret_files
from app.cli.database import ready, wrong_key
from app.cli.progress import progress
from app.config import Settings
from app.domain.clock import SystemClock
from app.runtime.failpoints import Failpoints
from app.services.secret_rotation import SecretRotation
from app.store.secretbox import SecretBox, WrongSecretKey

ACTOR = "cli"
_MOST_NAMED = 10
_UNTIL_THEN = (
    "Until then they send nothing to contacts with secrets (it waits), and answer changes of contacts with 503."
)


class NoNewKey(Exception):
    """There is no new key to be had; the text says why."""


@dataclass(frozen=True, slots=True)
class _Change:
    """From which key to which (the same, if a rotation only has to be finished), and where people find the new one."""

    old: str
    new: str
    where: str


def run(settings: Settings, new_key_file: Path | None, *, prepare: bool) -> int:
    """Rotate, or go on where an earlier run was stopped, and answer the exit code.

    With `prepare` nothing is re-encrypted yet, so that parts can be restarted with the new key one after the other.
    """
    with ready(settings) as database:
        rotation = SecretRotation(database, SystemClock(), stage=Failpoints(settings.failpoint_dir).reach)
        try:
            change = _change(settings, rotation, new_key_file)
            rotation.begin(change.old, change.new, gently=prepare, actor=ACTOR)
        except NoNewKey as fault:
            print(f"--new-key-file: {fault}", file=sys.stderr)
            return 2
        except WrongSecretKey as error:
            raise wrong_key(error) from None
        if not settings.secret_key:
            _keep(settings, change)
        if prepare:
            print(f"Restart every part with the new SECRET_KEY ({change.where}), then run this again to finish.")
            return 0
        with progress("re-encrypting", rotation.count()) as seen:
            done = rotation.reseal(change.new, seen)
        rotation.finish(change.new, done, actor=ACTOR)
    what = "secret was" if done.count == 1 else "secrets were"
    print(f"{done.count} {what} re-encrypted for the new SECRET_KEY ({change.where}).")
    # An earlier run may have been stopped before it said so.
    print(f"Restart every part that was started with an older one. {_UNTIL_THEN}")
    if done.lost:
        named = ", ".join(done.lost[:_MOST_NAMED]) + (", …" if len(done.lost) > _MOST_NAMED else "")
        print(f"{len(done.lost)} can be read with no key and have to be set again, those of {named}", file=sys.stderr)
        return 1
    return 0


def _change(settings: Settings, rotation: SecretRotation, new_key_file: Path | None) -> _Change:
    """Raises NoNewKey."""
    old = secret_files.secret_key(settings)
    kept_in = f"in {secret_files.secret_key_file(settings)}"
    if new_key_file is not None:
        new = _key_in(new_key_file)
        if settings.secret_key:
            return _Change(old, new, f"in {new_key_file}")
        if new != old:
            secret_files.write(_next(settings), new)
        return _Change(old, new, kept_in)
    begun = None if settings.secret_key else secret_files.read(_next(settings))
    ring = rotation.ring()
    if ring is not None and ring.is_unfinished and ring.current == SecretBox(begun or old).key_id:
        return _Change(old, begun or old, "the one in the environment" if settings.secret_key else kept_in)
    if settings.secret_key:
        raise NoNewKey("SECRET_KEY is set; name the file with the new one, or one that shall be made for it")
    return _Change(old, secret_files.keep(_next(settings), secret_files.new_secret_key), kept_in)


def _key_in(path: Path) -> str:
    try:
        key = secret_files.keep(path.absolute(), secret_files.new_secret_key)
    except OSError as error:
        raise NoNewKey(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise NoNewKey(f"{path}: is not UTF-8") from None
    if not key.isprintable():
        raise NoNewKey(f"{path}: must hold one line of text without control characters")
    return key


def _keep(settings: Settings, change: _Change) -> None:
    """Put the new key into the place of the one in DATA_DIR, and that one beside it."""
    current = secret_files.secret_key_file(settings)
    if secret_files.read(current) != change.new:
        with suppress(FileExistsError):
            os.link(current, current.with_name(f"{current.name}.old-{SecretBox(change.old).key_id}"))
        secret_files.move(_next(settings), current)


def _next(settings: Settings) -> Path:
    """Where a new key is kept until it counts."""
    current = secret_files.secret_key_file(settings)
    return current.with_name(f"{current.name}.next")
