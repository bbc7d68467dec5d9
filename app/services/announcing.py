"""Announcing: telling the lanes that rows have work to do."""

import logging
import queue
import threading
import time
from collections import Counter, defaultdict
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
_STALE_SECONDS = 2.0
_PAUSE_SECONDS = 5.0
# While workers still have announcements to answer, new rows wait that long for each other and share a message: what is
# not late by it gets cheaper by it.
_LINGER_SECONDS = 0.02


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
        self._resting_until = float("-inf")
        self._lock = threading.Lock()
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
            if not stopping and self._workers_are_behind(len(batch)):
                time.sleep(_LINGER_SECONDS)
                more, stopping = self._drain(())
                batch += more
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

    def _workers_are_behind(self, fresh: int) -> bool:
        """Whether more is announced and unclaimed than what was just committed; also learns the room of the lanes."""
        self._counted_at = self._monotonic()
        with self._lock:
            returned = self._returned.copy()
        try:
            with self._database.read() as conn:
                taken = relay.announced_counts(conn)
        except DatabaseUnavailable:
            return False
        with self._lock:
            # Those on their way to their commit may be counted or not; they take their places all the same.
            underway = self._given - returned
            self._room = {lane: LANE_CAPACITY - taken.get(lane, 0) - underway[lane] for lane in {*taken, *underway}}
        return sum(taken.values()) > fresh

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
