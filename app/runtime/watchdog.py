"""Watches the processes that the supervisor runs, by their signs of life in the database.

The database is read in a thread: it may hang, and the supervisor must not. The broker is not asked at all; how much
waits there is in the relay's own sign of life.
"""

import socket
import threading
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from app.config import Settings
from app.runtime.lookout import lookout_of

if TYPE_CHECKING:
    from app.store.heartbeats import Beat


class Watchdog:
    """Says which processes have to be replaced."""

    def __init__(self, settings: Settings) -> None:
        """Reads nothing before it is asked for the first time."""
        self._settings = settings
        self._lookout = lookout_of(settings)
        self._read: tuple[float, Sequence[Beat]] | None = None
        self._reader: threading.Thread | None = None
        self._on_this_host = f"@{socket.gethostname()}#"

    def silent(self, running: Mapping[str, int]) -> dict[str, str]:
        """Which of the running, given as names and process ids, have stopped working, and how it shows.

        Answers at once, and says something new only after the database was read anew.
        """
        if self._reader is None:
            self._reader = threading.Thread(target=self._keep_reading, name="watchdog", daemon=True)
            self._reader.start()
        read, self._read = self._read, None
        if read is None:
            return {}
        at, beats = read
        names = {pid: beat.process for beat in beats if (pid := self._pid_of(beat.process)) is not None}
        found = self._lookout.look(at, beats, {who: names[pid] for who, pid in running.items() if pid in names})
        return {who: verdict.why for who, verdict in found.items()}

    def _pid_of(self, process: str) -> int | None:
        _, here, pid = process.rpartition(self._on_this_host)
        return int(pid) if here and pid.isdigit() else None

    def _keep_reading(self) -> None:
        # Here, where it keeps nobody waiting: the supervisor itself needs no database.
        from app.store import heartbeats  # noqa: PLC0415
        from app.store.engine import Database  # noqa: PLC0415

        database = Database(self._settings.database_url, pool_size=1)
        while True:
            try:
                with database.read() as conn:
                    beats = heartbeats.known(conn)
                self._read = (time.monotonic(), beats)
            except Exception:  # noqa: BLE001, S110 - by what can't be read nobody is judged, and /health tells of it
                pass
            time.sleep(self._settings.relay_tick_seconds)
