"""Mails as files, for trying things out without a mail server."""

import itertools
import os
import threading
from collections import deque
from collections.abc import Collection
from datetime import datetime
from pathlib import Path

from channels.letter import Letter

KEPT = 1_000
_LOOK_AGAIN = 200


class MailFiles:
    """Writes each mail to `<time>-<notification id>.eml` in a folder and keeps the newest 1,000.

    The names are remembered, so that a burst does not list the folder for every mail; every 200 mails it is read again,
    since other processes write there too.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._names: deque[str] = deque()
        self._written = itertools.count()

    def write(self, name: str, letter: Letter, now: datetime) -> Path:
        """Write one mail, whole or not at all; raises OSError."""
        path = self._folder / f"{now:%Y%m%dT%H%M%S.%f}-{name}.eml"
        with self._lock:
            if next(self._written) % _LOOK_AGAIN == 0:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._names = deque(sorted(path.name for path in self._folder.glob("*.eml")))
            draft = path.with_suffix(f".{os.getpid()}")
            draft.write_bytes(letter.content)
            draft.replace(path)
            self._names.append(path.name)
            while len(self._names) > KEPT:
                (self._folder / self._names.popleft()).unlink(missing_ok=True)
        return path

    def remove(self, names: Collection[str]) -> None:
        """Remove the mails that were written under these names, drafts of a process that died included."""
        wanted = frozenset(names)
        for path in self._folder.iterdir() if self._folder.is_dir() else ():
            if path.stem.partition("-")[2] in wanted:
                path.unlink(missing_ok=True)
