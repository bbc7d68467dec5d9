"""Leaps of the clock: a lease is a time of day, and a clock that is put forward ends leases that are still held."""

import logging
from collections.abc import Callable
from datetime import timedelta

from app.domain.clock import Clock

_log = logging.getLogger(__name__)


class Leaps:
    """Tells whether leases may be believed. Whoever holds one that only a leap has ended gets the time of it anew."""

    def __init__(self, clock: Clock, lease: timedelta, monotonic: Callable[[], float]) -> None:
        self._clock = clock
        self._lease = lease.total_seconds()
        self._monotonic = monotonic
        self._last: tuple[float, float] | None = None
        self._doubt_until = float("-inf")

    def leases_in_doubt(self) -> bool:
        """Whether the clock has leapt forward, by more than a lease has to spare, no longer ago than a lease lasts.

        A leap is one between two questions, so ask often.
        """
        day, steady = self._clock.now().timestamp(), self._monotonic()
        if self._last is not None:
            ahead = (day - self._last[0]) - (steady - self._last[1])
            # An attempt ends within half a lease.
            if ahead > self._lease / 4:
                self._doubt_until = steady + self._lease
                _log.warning("clock_leapt", extra={"seconds": round(ahead, 1)})
        self._last = day, steady
        return steady < self._doubt_until
