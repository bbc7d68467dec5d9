"""Secrets that are made once and kept in files that only their owner can read."""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from app.config import Settings

OWNER_ONLY = 0o600


def secret_key(settings: Settings) -> str:
    """The key that signs tokens and encrypts contacts: SECRET_KEY, or one made and kept in DATA_DIR."""
    return settings.secret_key or keep(secret_key_file(settings), new_secret_key)


def secret_key_file(settings: Settings) -> Path:
    """Where SECRET_KEY is kept if the environment has none."""
    return settings.data_dir / "secret.key"


def new_secret_key() -> str:
    """A key that nobody can guess."""
    return secrets.token_urlsafe(48)


def flower_credentials(settings: Settings) -> str:
    """Flower's `user:password`: FLOWER_BASIC_AUTH, or one made and kept in DATA_DIR."""
    kept = settings.data_dir / "flower.auth"
    return settings.flower_basic_auth or keep(kept, lambda: f"admin:{secrets.token_urlsafe(18)}")


def admin_key_file(settings: Settings) -> Path:
    """Where the first start writes its admin key."""
    return settings.data_dir / "admin.key"


def keep(path: Path, make: Callable[[], str]) -> str:
    """The content of the file; if there is none, it is made with what `make` answers.

    However many processes come at once, all of them get the content of the one that was first.
    """
    while True:
        found = read(path)
        if found is not None:
            return found
        draft = _draft(path, make())
        try:
            # A link appears with its whole content or not at all, and never replaces a file.
            os.link(draft, path)
            _sync(path.parent)
        except FileExistsError:
            if read(path) is None:
                draft.replace(path)  # nobody ever wrote into it, or could not for want of space
        finally:
            draft.unlink(missing_ok=True)


def read(path: Path) -> str | None:
    """The content of the file, or None if there is no file or nothing in it."""
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None


def write(path: Path, content: str) -> None:
    """Put the content into the file in one step; a reader sees the old or the new, never a part."""
    move(_draft(path, content), path)


@contextmanager
def writing(path: Path) -> Iterator[TextIO]:
    """A file for the block to write, which has its name, in the place of what was there, only once it is whole."""
    draft = _draft_name(path)
    try:
        with _opened(draft) as file:
            yield file
            _settle(file)
        move(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def move(source: Path, path: Path) -> None:
    """Give a file another name, in the place of what is there, so that not even a power cut undoes it."""
    source.replace(path)
    _sync(path.parent)


def _draft(path: Path, content: str) -> Path:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = _draft_name(path)
    with _opened(draft) as file:
        file.write(content + "\n")
        _settle(file)
    return draft


def _draft_name(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}")


def _opened(draft: Path) -> TextIO:
    return os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "w", encoding="utf-8")


def _settle(file: TextIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
