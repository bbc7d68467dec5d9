"""Canaries: each minute a small message crosses every lane, and what does not cross shows what stands still.

It goes from the relay by the broker to a worker, and from there back into the database, as everything does. Nobody is
behind it: it is no notification, so no history, count or audit entry tells of it.
"""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from app.domain.clock import Clock
from app.domain.ids import new_id
from app.services.announcing import Publisher, PublishFailed
from app.store import canaries
from app.store.canaries import Canary
from app.store.engine import Database

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 1.0
_BROKER_PAUSE = timedelta(seconds=5)


class Canaries:
    """Sends them and takes them in. Any number of relays may send: each canary is sent by one of them."""

    def __init__(
        self,
        database: Database,
        publisher: Publisher,
        lanes: Sequence[str],
        clock: Clock,
        *,
        every: timedelta,
        patience: timedelta,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`every` 0 sends none; who did not cross within half of `patience`, although nothing waits there, is lost.

        The clock has to be the same for all processes.
        """
        self._database = database
        self._publisher = publisher
        self._lanes = tuple(sorted(lanes))
        self._clock = clock
        self._every = every
        self._lost_after = patience / 2
        self._monotonic = monotonic
        self._looks_at = float("-inf")

    def send(self) -> None:
        """Send what is due; costs nothing when asked more than once a second. Raises DatabaseUnavailable."""
        if self._monotonic() < self._looks_at:
            return
        self._looks_at = self._monotonic() + _LOOK_SECONDS
        due = self._claim()
        if not due:
            return
        taken = self._publish(due)
        now = self._clock.now()
        with self._database.write() as conn:
            canaries.published(conn, [id_ for _, id_ in due[:taken]], now)
            canaries.published(conn, [id_ for _, id_ in due[taken:]], None)

    def cross(self, lane: str, ids: Sequence[str]) -> None:
        """Take in what came on a lane. Raises DatabaseUnavailable."""
        now = self._clock.now()
        with self._database.write() as conn:
            canaries.cross(conn, lane, ids, now)

    def _publish(self, due: Sequence[tuple[str, str]]) -> int:
        """How many the broker took; after the first that it does not, it is not asked for the others."""
        for number, (lane, canary_id) in enumerate(due):
            try:
                self._publisher.send_canary(lane, canary_id)
            except PublishFailed as error:
                _log.warning("canary_not_sent", extra={"lane": lane, "error": str(error)})
                self._rest()
                return number
        return len(due)

    def _claim(self) -> list[tuple[str, str]]:
        """The canaries that this relay, and no other, has to send now, with their lanes."""
        with self._database.read() as conn:
            known = canaries.known(conn)
        if not self._every:
            if known:
                with self._database.write() as conn:
                    canaries.forget(conn)
            return []
        now = self._clock.now()
        fresh = [lane for lane in self._lanes if lane not in known or self._is_over(known[lane], now)]
        again = [known[lane] for lane in self._lanes if lane not in fresh and self._is_lost(known[lane], now)]
        if not fresh and not again:
            return []
        new = {lane: new_id("cny", now) for lane in fresh}
        with self._database.write() as conn:
            claimed = [(lane, id_) for lane, id_ in new.items() if canaries.send(conn, lane, known.get(lane), id_, now)]
            return claimed + [(one.lane, one.id) for one in again if canaries.send_again(conn, one, now)]

    def _is_over(self, canary: Canary, now: datetime) -> bool:
        """Whether it is the turn of the next one; also when the clock has been put back, or nothing would ever be."""
        age = now - canary.sent_at
        return age < timedelta() or (not canary.is_under_way and age >= self._every)

    def _is_lost(self, canary: Canary, now: datetime) -> bool:
        """Whether one under way has to be sent again: it was refused, or is lost, or must be by now.

        Where something waits it may as well wait its turn, so it is sent again ever more seldom.
        """
        if not canary.is_under_way:
            return False
        quiet = now - canary.tried_at
        if canary.published_at is None:
            return quiet >= _BROKER_PAUSE
        if quiet < self._lost_after:
            return False
        return quiet >= max(self._every, canary.tried_at - canary.sent_at) or self._is_empty(canary.lane)

    def _is_empty(self, lane: str) -> bool:
        """Whether nothing waits on a lane; not asked again in this look once the broker did not say."""
        if self._looks_at > self._monotonic() + _LOOK_SECONDS:
            return False
        waiting = self._publisher.waiting(lane)
        if waiting is None:
            # Each question to a broker that hangs takes a second.
            self._rest()
        return waiting == 0

    def _rest(self) -> None:
        self._looks_at = self._monotonic() + _BROKER_PAUSE.total_seconds()
