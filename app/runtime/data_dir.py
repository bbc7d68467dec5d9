"""The directory that everything is kept in."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.runtime.faults import CannotStart


def make(data_dir: Path) -> None:
    """Make the directory, for its owner only, if it is not there. Raises CannotStart if that is not allowed."""
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        usable = os.access(data_dir, os.W_OK | os.X_OK)
    except OSError:
        usable = False
    if not usable:
        raise CannotStart(f"DATA_DIR: {data_dir} must be a directory that can be written to")


@contextmanager
def only_one(data_dir: Path) -> Iterator[None]:
    """Hold the directory for the block; the kernel lets go of it whenever the process ends. Raises CannotStart."""
    make(data_dir)
    descriptor = os.open(data_dir / "main.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(f"DATA_DIR: another `python main.py` runs on {data_dir}") from None
        yield
    finally:
        os.close(descriptor)
