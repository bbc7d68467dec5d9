"""What never changes about notifications and their events, kept near for the steps of a chain."""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from sqlalchemy import Connection

from app.domain.events import Event
from app.store import events, notifications
from app.store.engine import Database
from app.store.notifications import Brief

_MOST_BRIEFS = 5000
_MOST_EVENTS = 500
Value = TypeVar("Value")


class Briefs:
    """Reads facts once per process: only ids travel between steps, and these facts cannot go stale."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._briefs: OrderedDict[str, Brief] = OrderedDict()
        self._events: OrderedDict[str, Event] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, ids: Sequence[str]) -> list[Brief]:
        """The facts of those of these notifications that exist, in the order given."""
        found, missing = self._kept(self._briefs, ids)
        if missing:
            with self._database.glance() as conn:
                loaded = notifications.briefs(conn, missing)
            self.remember(loaded)
            found.update(loaded)
        return [found[id_] for id_ in ids if id_ in found]

    def remember(self, briefs: Mapping[str, Brief]) -> None:
        """Keep facts that somebody has read anyway."""
        self._keep(self._briefs, briefs, _MOST_BRIEFS)

    def events_of(self, conn: Connection, briefs: Iterable[Brief]) -> dict[str, Event]:
        """The events behind these notifications, by id."""
        found, missing = self._kept(self._events, [brief.event_id for brief in briefs if brief.event_id])
        if missing:
            loaded = events.load_events(conn, missing)
            self._keep(self._events, loaded, _MOST_EVENTS)
            found.update(loaded)
        return found

    def _kept(self, kept: Mapping[str, Value], ids: Sequence[str]) -> tuple[dict[str, Value], list[str]]:
        with self._lock:
            found = {id_: kept[id_] for id_ in ids if id_ in kept}
        return found, [id_ for id_ in dict.fromkeys(ids) if id_ not in found]

    def _keep(self, kept: "OrderedDict[str, Value]", more: Mapping[str, Value], most: int) -> None:
        with self._lock:
            kept.update(more)
            while len(kept) > most:
                kept.popitem(last=False)
