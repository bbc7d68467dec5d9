"""Where a fake writes down what reached it, before it answers."""

import json
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Entry = Mapping[str, Any]


class Ledger:
    """What a fake received: kept in memory and, if a path is given, appended to a file one JSON line at a time.

    A line is written by one system call on a file opened for appending, so that fakes in several processes can share
    a ledger, and a killed fake leaves only whole lines.
    """

    def __init__(self, path: Path | None = None, on_entry: Callable[[Entry], None] | None = None) -> None:
        self._file = None if path is None else os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self._entries: list[Entry] = []
        self._arrived = threading.Condition()
        self._on_entry = on_entry

    def add(self, entry: Entry) -> None:
        """Keep one entry; it is in the file when this returns."""
        if self._file is not None:
            os.write(self._file, json.dumps(entry, separators=(",", ":")).encode() + b"\n")
        with self._arrived:
            self._entries.append(entry)
            self._arrived.notify_all()
        if self._on_entry is not None:
            self._on_entry(entry)

    def entries(self) -> list[Entry]:
        """All entries so far, oldest first."""
        with self._arrived:
            return list(self._entries)

    def wait_for(self, count: int, timeout: float = 5.0) -> list[Entry]:
        """The entries once there are at least `count`; raises TimeoutError after `timeout` seconds."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self._entries) >= count, timeout):
                raise TimeoutError(f"{len(self._entries)} of {count} entries after {timeout:g} s")
            return list(self._entries)

    def clear(self) -> None:
        """Forget what is in memory; the file keeps its lines."""
        with self._arrived:
            self._entries.clear()

    def close(self) -> None:
        """Close the file; entries in memory stay readable."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def read_ledger(path: Path) -> list[Entry]:
    """All whole lines of a ledger file, oldest first; empty when there is no file yet."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1] if line]
