"""Fallbacks: what was read in the inbox goes nowhere else."""

from app.domain.clock import Clock
from app.services.cancelling import cancel
from app.store import fallbacks, notifications
from app.store.counters import Tally
from app.store.engine import Database

_ACTOR = "system:inbox"


class Fallbacks:
    """Takes back what stands in for items that were read."""

    def __init__(self, database: Database, clock: Clock, *, process: str) -> None:
        self._database = database
        self._clock = clock
        self._process = process

    def cancel_read(self, user_id: str) -> None:
        """Cancel those of this user that are needed no more.

        In a transaction of its own, after the one in which the items were marked: what crashes between the two is
        found when the fallback is due.
        """
        with self._database.read() as conn:
            ids = fallbacks.read(conn, user_id)
        if not ids:
            return
        now, tally = self._clock.now(), Tally()
        with self._database.write() as conn:
            cancel(conn, notifications.of_these(ids), _ACTOR, now, tally, reason="read")
            tally.save(conn, self._process)
