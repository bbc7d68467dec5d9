"""Which channels are paused, for those who would send on them."""

import threading
import time
from collections.abc import Callable

from app.store import paused
from app.store.engine import Database

_REMEMBERED_SECONDS = 1.0


class Pauses:
    """Asks the database at most once a second, so that a pause costs a delivery nothing."""

    def __init__(self, database: Database, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._monotonic = monotonic
        self._asked_at = float("-inf")
        self._known: frozenset[str] = frozenset()
        self._turn = threading.Lock()

    def channels(self) -> frozenset[str]:
        """The channels on which nothing is sent now. Raises DatabaseUnavailable."""
        if self._monotonic() - self._asked_at < _REMEMBERED_SECONDS:
            return self._known
        with self._turn:
            if self._monotonic() - self._asked_at >= _REMEMBERED_SECONDS:
                with self._database.read() as conn:
                    self._known = frozenset(paused.everything(conn))
                self._asked_at = self._monotonic()
            return self._known
