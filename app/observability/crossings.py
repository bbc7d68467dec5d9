"""Whether canaries cross the lanes."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.clock import Clock
from app.observability.checks import Check
from app.store.canaries import Canary

_LONGEST_WORK = timedelta(seconds=60)
"""A full worker has room again sooner: a list begins no send after 15 s, and none takes longer than 20 s."""
_RELAY = "the relay sends no test message to"
_BROKER = "the broker takes no test message for"
_WORKERS = "no worker does the test message of"


@dataclass(frozen=True, slots=True)
class Serving:
    """A live worker: the lanes it listens on, how long ago it last took work from each, and whether it has room.

    Of those of an earlier version `took` is None: they do not know canaries.
    """

    lanes: Collection[str]
    took: Mapping[str, timedelta] | None
    has_room: bool

    def moves(self, lane: str, patience: timedelta) -> bool:
        """Whether it shows that what waits on a lane waits its turn: it takes from there, or works and has no room."""
        if lane not in self.lanes or self.took is None:
            return False
        if self.has_room:
            return self.took.get(lane, timedelta.max) <= patience
        return min(self.took.values(), default=timedelta.max) <= _LONGEST_WORK


class Crossings:
    """Judges canaries by their age on the clock by which they are sent."""

    def __init__(self, clock: Clock, lanes: Sequence[str], *, every: timedelta, patience: timedelta) -> None:
        """A canary has `patience` to cross a lane on which nothing else moves, and the relay to send the next one."""
        self._clock = clock
        self._lanes = tuple(lanes)
        self._every = every
        self._patience = patience

    def check(self, known: Mapping[str, Canary], workers: Sequence[Serving]) -> Check:
        """Whether every lane was crossed in time, and what stands in the way if not. Raises DatabaseUnavailable."""
        found = [known[lane] for lane in self._lanes if lane in known]
        if not self._every:
            return Check("off", "no test messages are sent: CANARY_SECONDS is 0")
        if not found:
            return Check("off", "no test message is sent yet")
        now = self._clock.now()
        late: defaultdict[str, dict[str, timedelta]] = defaultdict(dict)
        busy = []
        for canary in found:
            age = max(now - canary.sent_at, timedelta())
            if (what := self._in_the_way(canary, age)) is None:
                continue
            if what == _WORKERS and any(self._is_excused(worker, canary.lane) for worker in workers):
                busy.append(canary.lane)
            else:
                late[what][canary.lane] = age
        if late:
            return Check("failing", "; ".join(_sentence(what, ages) for what, ages in late.items()))
        behind = f", but for {', '.join(busy)}, where it waits its turn" if busy else ""
        return Check("ok", f"a test message crosses every lane each {self._every.total_seconds():g} s{behind}")

    def _in_the_way(self, canary: Canary, age: timedelta) -> str | None:
        """Whose fault it is that a lane is not proven; None when it is, or may still be."""
        if not canary.is_under_way:
            return _RELAY if age > self._every + self._patience else None
        # After the first start of all, workers may still be on their way.
        if age <= (self._patience if canary.crossed_at else self._every + self._patience):
            return None
        return _BROKER if canary.published_at is None else _WORKERS

    def _is_excused(self, worker: Serving, lane: str) -> bool:
        """Whether a worker is the reason why a canary of a lane is late, and no fault of it."""
        return (worker.took is None and lane in worker.lanes) or worker.moves(lane, self._patience)


def times_of(sent: Mapping[str, Canary], lanes: Iterable[str], now: datetime) -> dict[str, tuple[float, float]]:
    """For each lane, the seconds its canary took or is under way, and those since one last crossed; 0 for none."""
    found = dict.fromkeys(lanes, (0.0, 0.0))
    for lane in found.keys() & sent.keys():
        canary = sent[lane]
        end = canary.crossed_at if canary.crossed_at and not canary.is_under_way else now
        took, age = end - canary.sent_at, now - (canary.crossed_at or canary.sent_at)
        found[lane] = (max(took.total_seconds(), 0.0), max(age.total_seconds(), 0.0))
    return found


def _sentence(what: str, ages: Mapping[str, timedelta]) -> str:
    return f"{what} {', '.join(ages)}, for {max(ages.values()).total_seconds():.0f} s"
