"""Announcing: telling the lanes that rows have work to do."""

import logging
import queue
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.store import notifications, relay
from app.store.engine import Database, DatabaseUnavailable

LANE_CAPACITY = 2000
"""How many notifications of a lane may be announced and unclaimed at a time."""
LARGEST_GROUP = 50

_log = logging.getLogger(__name__)
_BACKLOG = 1000
_FRESH_SECONDS = 0.5
_STALE_SECONDS = 2.0
_PAUSE_SECONDS = 5.0
# When many come, rows wait for each other and share a message: what each costs falls to a third, and all are there
# sooner than if each had gone at once. Up to eighty a second nobody waits.
_LATELY_SECONDS = 0.2
_CALM = 16
_LINGER_SECONDS = 0.002
_LONGEST_LINGER_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Announcement:
    """Notifications of one lane, channel and target that have work to do; with `resume` only the delivery is left."""

    lane: str
    channel: str
    ids: tuple[str, ...]
    resume: bool = False


class PublishFailed(Exception):
    """The broker did not take an announcement."""


class Publisher(Protocol):
    """Puts announcements on their lanes; what main.py hands in."""

    def publish(self, announcement: Announcement) -> None:
        """Send one message. Raises PublishFailed within about a second."""

    def waiting(self, lane: str) -> int | None:
        """How many messages wait on a lane, or None when the broker does not say."""

    def send_canary(self, lane: str, canary_id: str) -> None:
        """Put a canary on a lane. Raises PublishFailed within about a second."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A notification that can be announced."""

    id: str
    lane: str
    channel: str
    target: str


def grouped(rows: Iterable[Ready], *, resume: bool = False) -> Iterator[Announcement]:
    """Share the bell: rows that wait for the same place travel together, at most fifty at a time, in their order."""
    places: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
    for row in rows:
        places[row.lane, row.channel, row.target].append(row.id)
    for (lane, channel, _), ids in places.items():
        for start in range(0, len(ids), LARGEST_GROUP):
            yield Announcement(lane, channel, tuple(ids[start : start + LARGEST_GROUP]), resume)


class Rush:
    """How many rows came lately, and how long those that come now had better wait for each other."""

    def __init__(self) -> None:
        self._came: deque[tuple[float, int]] = deque()
        self._count = 0

    def linger(self, count: int, now: float) -> float:
        """Seconds that so many rows wait for more; so many that some fill a message by themselves do not."""
        while self._came and self._came[0][0] <= now - _LATELY_SECONDS:
            self._count -= self._came.popleft()[1]
        if count >= LARGEST_GROUP:
            return 0.0
        return min(max(self._count - _CALM, 0) * _LINGER_SECONDS, _LONGEST_LINGER_SECONDS)

    def came(self, count: int, now: float) -> None:
        """Count rows."""
        self._came.append((now, count))
        self._count += count


class Announcer:
    """Announces what was just committed, from a thread of its own: a request never waits for the broker."""

    def __init__(
        self, publisher: Publisher, database: Database, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._publisher = publisher
        self._database = database
        self._monotonic = monotonic
        self._queue: queue.Queue[Sequence[Ready] | None] = queue.Queue(maxsize=_BACKLOG)
        self._room: dict[str, int] = {}
        # Places given so far, but for those that came to nothing, and those of them that came back with a commit.
        self._given: Counter[str] = Counter()
        self._returned: Counter[str] = Counter()
        self._counted_at = float("-inf")
        self._learned_at = float("-inf")
        self._resting_until = float("-inf")
        self._lock = threading.Lock()
        self._rush = Rush()
        self._thread: threading.Thread | None = None

    def reserve(self, lane: str) -> bool:
        """Whether one more row of this lane may be announced now; if not, the relay will when its turn comes.

        A place that is given has to come back by `announce`, whatever becomes of the row.
        """
        with self._lock:
            if self._monotonic() < self._resting_until or self._queue.full():
                return False
            if self._monotonic() - self._counted_at > _STALE_SECONDS:
                self._room.clear()
                self._counted_at = self._monotonic()
            room = self._room.get(lane, LANE_CAPACITY)
            if room > 0:
                self._room[lane] = room - 1
                self._given[lane] += 1
            return room > 0

    def announce(self, rows: Sequence[Ready], unused: Iterable[str] = ()) -> None:
        """Hand over committed rows whose place was reserved, and the lanes of places that came to nothing."""
        with self._lock:
            self._returned.update(row.lane for row in rows)
            for lane in unused:
                # At once: whoever counts the rows at this moment would take it for one on its way to its commit.
                self._given[lane] -= 1
                if lane in self._room:
                    self._room[lane] += 1
        if not rows:
            return
        self._start()
        try:
            self._queue.put_nowait(rows)
        except queue.Full:
            self._take_back(rows)

    def stop(self, timeout: float = 5.0) -> None:
        """Announce what is queued, then end the thread."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join(timeout)

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="announcer", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            batch, stopping = self._drain(self._queue.get())
            if not stopping:
                if not self._knows_room():
                    self._learn_room()
                pause = self._rush.linger(len(batch), self._monotonic())
                if pause:
                    time.sleep(pause)
                    more, stopping = self._drain(())
                    batch += more
                self._rush.came(len(batch), self._monotonic())
            self._publish(batch)
            if stopping:
                return

    def _drain(self, first: Sequence[Ready] | None) -> tuple[list[Ready], bool]:
        """Everything that is queued, and whether the thread shall end."""
        batch, stopping = list(first or ()), first is None
        while not self._queue.empty():
            rows = self._queue.get()
            stopping = stopping or rows is None
            batch.extend(rows or ())
        return batch, stopping

    def _knows_room(self) -> bool:
        """Whether there was room enough on every lane when that was counted, a moment ago."""
        with self._lock:
            is_fresh = self._monotonic() - self._learned_at < _FRESH_SECONDS
            return is_fresh and min(self._room.values(), default=0) > LANE_CAPACITY // 2

    def _learn_room(self) -> None:
        """Count what is announced and unclaimed on each lane."""
        self._counted_at = self._monotonic()
        with self._lock:
            returned = self._returned.copy()
        try:
            with self._database.glance() as conn:
                taken = relay.announced_counts(conn)
        except DatabaseUnavailable:
            return
        with self._lock:
            # Those on their way to their commit may be counted or not; they take their places all the same.
            underway = self._given - returned
            self._room = {lane: LANE_CAPACITY - taken.get(lane, 0) - underway[lane] for lane in {*taken, *underway}}
            self._learned_at = self._counted_at

    def _publish(self, batch: Sequence[Ready]) -> None:
        waiting = {row.id: row for row in batch}
        if self._monotonic() >= self._resting_until:
            for announcement in grouped(batch):
                try:
                    self._publisher.publish(announcement)
                except Exception as error:  # noqa: BLE001 - whatever it is, without this thread nothing is announced
                    fault = not isinstance(error, PublishFailed)
                    _log.warning(
                        "announce_failed", extra={"lane": announcement.lane, "error": str(error)}, exc_info=fault
                    )
                    self._resting_until = self._monotonic() + _PAUSE_SECONDS
                    break
                for id_ in announcement.ids:
                    del waiting[id_]
        self._take_back(list(waiting.values()))

    def _take_back(self, rows: Sequence[Ready]) -> None:
        if not rows:
            return
        try:
            with self._database.write() as conn:
                notifications.unannounce(conn, [row.id for row in rows])
        except DatabaseUnavailable:
            # They count as announced and are announced again after the grace.
            _log.warning("announce_take_back_failed", extra={"count": len(rows)})
