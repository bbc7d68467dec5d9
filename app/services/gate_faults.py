"""Gates that had to let everything pass, on the counters."""

import logging
import threading
import time

from app.store import counters
from app.store.engine import Database, DatabaseUnavailable

_log = logging.getLogger(__name__)
_EVERY_SECONDS = 1.0


class GateFaults:
    """Collects them for a second, so that an outage costs a commit a second and not one per notification."""

    def __init__(self, database: Database, *, process: str) -> None:
        self._database = database
        self._process = process
        self._tally = counters.Tally()
        self._saved_at = float("-inf")
        self._lock = threading.Lock()

    def count(self, gate: str) -> None:
        """Count one question that was not asked."""
        with self._lock:
            self._tally.add(counters.GATE_ERRORS, {"gate": gate})
            if time.monotonic() - self._saved_at < _EVERY_SECONDS:
                return
            tally, self._tally = self._tally, counters.Tally()
            self._saved_at = time.monotonic()
        _log.warning("gate_open", extra={"gate": gate})
        try:
            with self._database.write() as conn:
                tally.save(conn, self._process)
        except DatabaseUnavailable:
            _log.warning("gate_faults_not_counted")
