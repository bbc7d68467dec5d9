"""The places that channels talk to: whether one may be talked to now, and what waits for it meanwhile.

Four things keep a delivery away from a target, none of which costs an attempt. It has no place there now; it is not
its turn at the target's pace; or the target is parked, because it asked for a rest or has just failed: then it stays
pending, and comes again. Or the target's breaker is open, because it fails and fails: then it is held until the next
probe.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.clock import Clock
from app.services.recording import Recorder
from app.services.slots import Slots
from app.store import notifications
from app.store.breaker import Breakers
from app.store.engine import Database, DatabaseUnavailable
from app.store.gates import Gates
from app.store.pace import Paces
from channels.base import Channel, DeliveryError, Receipt, Transient, host_of

_SURPLUS_WAIT = timedelta(seconds=1)
_LONGEST_PARK = timedelta(seconds=5)
_SENDS_PER_TARGET = 4
_TOO_MANY = 429
_PATIENCE_SECONDS = 0.5
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stop:
    """Nothing goes to a target before `until`, and what waits had better come in `step`s; `broken`: by its breaker."""

    until: datetime
    broken: bool = False
    step: timedelta = timedelta(0)

    def times(self, count: int) -> list[datetime]:
        """When each of so many comes again."""
        return [self.until + self.step * number for number in range(count)]


@dataclass(slots=True)
class Visit:
    """A place at a target, or why there is none. Who is let in as a probe sends one, and goes on if it is answered."""

    channel: Channel
    target: str
    stop: Stop | None = None
    probe: int | None = None
    paced: bool = False
    """Each message but the first has to ask for its turn."""
    answered: bool = False
    """The breaker has heard so; once will do, since what fails ends the visit."""


class Targets:
    """Lets deliveries in, and learns from what comes of them."""

    def __init__(
        self, database: Database, gates: Gates, breakers: Breakers, paces: Paces, recorder: Recorder, clock: Clock
    ) -> None:
        self._database = database
        self._gates = gates
        self._breakers = breakers
        self._paces = paces
        self._recorder = recorder
        self._clock = clock
        self._slots = Slots(_SENDS_PER_TARGET, _PATIENCE_SECONDS)

    @contextmanager
    def visit(self, channel: Channel, target: str, count: int) -> Iterator[Visit]:
        """A place at the target for the block and so many messages, if it can be had.

        What goes into our own database needs none.
        """
        if not channel.needs_contact:
            yield Visit(channel, target)
            return
        with self._slots.at(target) as free:
            yield self._let_in(channel, target, count) if free else self._full(channel, target)

    def put_off(self, ids: Sequence[str], stop: Stop) -> None:
        """Let what is due wait, on record if it is for the breaker; what waits already keeps its own time."""
        now = self._clock.now()
        with self._database.write() as conn:
            if stop.broken:
                self._recorder.hold(conn, ids, "breaker_open", stop.until, now)
            else:
                notifications.postpone(conn, dict(zip(ids, stop.times(len(ids)), strict=True)), now)

    def told(self, visit: Visit, said: Receipt | DeliveryError, retry_at: datetime | None = None) -> Stop | None:
        """Learn from what a target said; until when nothing else goes there, or None.

        `retry_at` is when what failed is tried again.
        """
        if isinstance(said, Transient) and said.scope != "recipient":
            return self._failed(visit, said, retry_at)
        if not visit.answered:
            visit.answered = True
            if self._breakers.answered(visit.channel.name, visit.target):
                self._rush(visit, self._clock.now())
        rest = said.rest_seconds if isinstance(said, Receipt) else None
        return Stop(self._park(visit, visit.target, timedelta(seconds=rest))) if rest else None

    def next_turn(self, visit: Visit, count: int) -> Stop | None:
        """Whether the next of so many has to wait for its turn at the target's pace."""
        return self._turn(visit.channel, visit.target, count)[0] if visit.paced else None

    def nothing_sent(self, visit: Visit) -> None:
        """Let somebody else be the probe, if this one was to be."""
        if visit.probe is not None and self._breakers.give_back(visit.channel.name, visit.target, visit.probe):
            self._rush(visit, self._clock.now())

    def _full(self, channel: Channel, target: str) -> Visit:
        return Visit(channel, target, Stop(self._clock.now() + _SURPLUS_WAIT))

    def _let_in(self, channel: Channel, target: str, count: int) -> Visit:
        now = self._clock.now()
        parked = self._gates.parked_until(channel.name, target, now)
        leave = self._breakers.ask(channel.name, target, now)
        if leave.not_before is not None:
            return Visit(channel, target, Stop(max(leave.not_before, parked or now), broken=True))
        stop, paced = (Stop(parked), False) if parked is not None else self._turn(channel, target, count)
        visit = Visit(channel, target, stop, leave.probe, paced)
        if stop is not None:
            self.nothing_sent(visit)
        return visit

    def _turn(self, channel: Channel, target: str, count: int) -> tuple[Stop | None, bool]:
        """Whether it is not the turn of a message, the first of so many, and whether the target has a pace at all."""
        now = self._clock.now()
        turn = self._paces.take(channel.name, target, channel.pace, now)
        paced = bool(turn.interval)
        if turn.at is None:
            return None, paced
        return Stop(self._paces.book(channel.name, target, turn, count, now), step=turn.interval), paced

    def _failed(self, visit: Visit, error: Transient, retry_at: datetime | None) -> Stop:
        now = self._clock.now()
        # As long as it asked for, else briefly.
        rest = _LONGEST_PARK if error.retry_after is None else timedelta(seconds=error.retry_after)
        if retry_at is not None and error.retry_after is None:
            rest = min(rest, retry_at - now)
        if error.http_status == _TOO_MANY:
            self._paces.slow_down(visit.channel.name, visit.target, visit.channel.pace, now)
        parked = self._park(visit, host_of(visit.target) if error.scope == "host" else visit.target, rest)
        ends = self._breakers.failed(visit.channel.name, visit.target, now, visit.probe)
        if ends is None:
            return Stop(parked)
        if visit.probe is not None:
            self._rush(visit, ends)
        return Stop(max(ends, parked), broken=True)

    def _park(self, visit: Visit, place: str, rest: timedelta) -> datetime:
        now = self._clock.now()
        self._gates.park(visit.channel.name, place, now + rest, now)
        return now + rest

    def _rush(self, visit: Visit, until: datetime) -> None:
        """Tell what was held while the probe was under way when its time comes now."""
        try:
            with self._database.write() as conn:
                notifications.reset_held(conn, visit.channel.name, visit.target, until, self._clock.now())
        except DatabaseUnavailable:
            # Its own time comes as well, and what the target said is still to be recorded.
            _log.warning("held_not_told", extra={"channel": visit.channel.name})
