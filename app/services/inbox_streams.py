"""Inboxes as they change, live: a stream for every page that a reader has open.

What a stream tells is always read from the database; the bell only says when it is worth a look. Should the bell be
missed, a stream looks when its next sign of life is due.
"""

import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from app.services.inbox import shown
from app.store import inbox
from app.store.bell import Listener, Names
from app.store.engine import Database, DatabaseUnavailable

_SLICE = 200
# The rest of the pool's connections is for requests that somebody waits for.
_LOOKS_AT_ONCE = 4


class TooManyStreams(Exception):
    """This process has, or this user has in it, as many streams open as there may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often a stream gives a sign of life, how long it may last, and how many there may be in a process."""

    beat_seconds: float = 15.0
    longest_seconds: float = 900.0
    most: int = 500
    """Where a process may have 1,024 files open, which is common, half of them are left for everything else."""
    most_per_user: int = 20


@dataclass(frozen=True, slots=True)
class News:
    """Items as they are now, each with the revision that brought it here, and how many are unread as of `revision`."""

    items: tuple[tuple[int, dict[str, Any]], ...]
    unread_count: int
    revision: int
    more: bool
    """Whether there is another slice of the same."""


class Stream:
    """One open stream. Iterating it yields news as they come, and None when only a sign of life is due."""

    def __init__(
        self,
        look: Callable[[int | None, bool], News | None],
        after: int | None,
        allowed: Callable[[], bool],
        pace: Pace,
        monotonic: Callable[[], float],
        leave: Callable[["Stream"], None],
    ) -> None:
        """`look(after, anyway)` finds what has changed since a revision; `leave` frees the stream's place."""
        self._look = look
        self._after = after
        self._allowed = allowed
        self._pace = pace
        self._monotonic = monotonic
        self._leave = leave
        self._ends_at = monotonic() + pace.longest_seconds
        self._ended = False
        self._woken = threading.Event()
        self._first: News | None = None

    def begin(self) -> None:
        """Take the first look, which has the unread count at least. Raises DatabaseUnavailable."""
        self._first = self._news(anyway=True)

    def wake(self) -> None:
        """Have it look now."""
        self._woken.set()

    def end(self) -> None:
        """Have it end now."""
        self._ended = True
        self._woken.set()

    def close(self) -> None:
        """Free its place; whoever opened it has to."""
        self._leave(self)

    def __iter__(self) -> Iterator[News | None]:
        """Until it is ended, grows too old, or its reader is not allowed to any more."""
        news, beat_at = self._first, self._monotonic()
        while True:
            if news is not None or self._monotonic() >= beat_at:
                yield news
                beat_at = self._monotonic() + self._pace.beat_seconds
            if news is None or not news.more:
                self._woken.wait(beat_at - self._monotonic())
            # In this order: what is rung from here on is seen by this look, or ends the next wait at once.
            self._woken.clear()
            news = None
            # While the database is away there is no news, and nobody is turned out; the next ring or beat asks again.
            with suppress(DatabaseUnavailable):
                if self._ended or self._monotonic() >= self._ends_at or not self._allowed():
                    return
                news = self._news()

    def _news(self, *, anyway: bool = False) -> News | None:
        found = self._look(self._after, anyway)
        if found is not None:
            self._after = found.revision
        return found


class InboxStreams:
    """The streams that this process has open."""

    def __init__(
        self,
        database: Database,
        redis_url: str,
        names: Names,
        pace: Pace | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is connected before the first stream is opened."""
        self._database = database
        self._names = names
        self._pace = pace or Pace()
        self._monotonic = monotonic
        self._listener = Listener(redis_url, self.wake)
        self._looks = threading.BoundedSemaphore(_LOOKS_AT_ONCE)
        self._turn = threading.Lock()
        self._open: dict[str, set[Stream]] = {}
        self._stopped = False

    @property
    def count(self) -> int:
        """How many are open."""
        return len(self._streams(None))

    def open(self, user_id: str, *, after: int | None, allowed: Callable[[], bool]) -> Stream:
        """A stream of what changes in a user's inbox after a revision, by default from now on; close it in the end.

        It ends once `allowed` answers false. Raises TooManyStreams, DatabaseUnavailable.
        """
        name = self._names.of(user_id)
        look, leave = partial(self._look, user_id), partial(self._leave, name)
        stream = Stream(look, after, allowed, self._pace, self._monotonic, leave)
        with self._turn:
            everybody, own = sum(map(len, self._open.values())), len(self._open.get(name, ()))
            if self._stopped or everybody >= self._pace.most or own >= self._pace.most_per_user:
                raise TooManyStreams
            self._open.setdefault(name, set()).add(stream)
        self._listener.start()
        try:
            # Now that it can be woken, or a change after this look might go by unseen.
            stream.begin()
        except BaseException:
            stream.close()
            raise
        return stream

    def wake(self, names: Collection[str] | None) -> None:
        """Have the streams of users with these names look now; None: all of them."""
        for stream in self._streams(names):
            stream.wake()

    def stop(self) -> None:
        """End all streams, and open no more."""
        with self._turn:
            self._stopped = True
        self._listener.close()
        for stream in self._streams(None):
            stream.end()

    def _look(self, user_id: str, after: int | None, anyway: bool) -> News | None:
        with self._looks, self._database.read() as conn:
            head = inbox.head(conn, user_id)
            since = head if after is None else after
            if since == head and not anyway:
                return None
            # A revision that was never reached is that of another database: this reader starts from the present.
            items = inbox.changed(conn, user_id, after=since, limit=_SLICE) if since < head else []
            unread = inbox.unread_count(conn, user_id)
        more = len(items) == _SLICE
        told = tuple((item.revision, shown(item)) for item in items)
        return News(told, unread, items[-1].revision if more else head, more)

    def _leave(self, name: str, stream: Stream) -> None:
        with self._turn:
            others = self._open.get(name, set()) - {stream}
            if others:
                self._open[name] = others
            else:
                self._open.pop(name, None)

    def _streams(self, names: Collection[str] | None) -> list[Stream]:
        """Those of users with these names, or all of them."""
        with self._turn:
            wanted = self._open if names is None else [name for name in names if name in self._open]
            return [stream for name in wanted for stream in self._open[name]]
