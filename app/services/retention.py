"""Retention: what has ended and is older than RETENTION_DAYS is purged, a slice at a time.

A slice is one short transaction, so that nobody waits long for it. Whatever stops, the next pass finds what is left,
and any number of processes may be at it.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, get_args

from sqlalchemy import Connection

from app.domain.clock import Clock
from app.store import audit, audit_anchor, counters, retention
from app.store.audit import Checked
from app.store.audit_anchor import Anchor
from app.store.engine import Database
from channels.base import Channel

_log = logging.getLogger(__name__)
_ACTOR = "system:retention"
_SLICE = 100
_BETWEEN_PASSES = timedelta(minutes=10)
_GIVE_WAY_SECONDS = 0.02
Kind = Literal["notifications", "events", "audit_entries"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""What is purged, in this order."""


@dataclass(frozen=True, slots=True)
class _Pass:
    """One way through everything that is old: what comes next, and after which id."""

    before: datetime
    kind: Kind = "notifications"
    after: str = ""


class Retention:
    """Purges by turns with others who do."""

    def __init__(
        self,
        database: Database,
        channels: Mapping[str, Channel],
        keep: timedelta,
        clock: Clock,
        *,
        process: str,
    ) -> None:
        """`keep` of zero keeps everything for ever."""
        self._database = database
        self._channels = channels
        self._keep = keep
        self._clock = clock
        self._process = process
        self._pass: _Pass | None = None
        self._rests_until: datetime | None = None

    def carry_on(self) -> bool:
        """Purge a slice; whether there is more to do at once. A pass begins ten minutes after the last has ended."""
        if self._pass is None:
            now = self._clock.now()
            if not self._keep or (self._rests_until is not None and now < self._rests_until):
                return False
            self._pass = _Pass(now - self._keep)
        _, self._pass = self._step(self._pass)
        if self._pass is None:
            self._rests_until = self._clock.now() + _BETWEEN_PASSES
        return self._pass is not None

    def purge(self, seen: Callable[[int], None]) -> Mapping[str, int]:
        """One whole pass: how much of what is gone; `seen` is told how many notifications went so far."""
        purged: Counter[str] = Counter()
        going: _Pass | None = _Pass(self._clock.now() - self._keep)
        while going is not None:
            some, going = self._step(going)
            purged += some
            seen(purged["notifications"])
            # Who writes meanwhile gets the database in between.
            time.sleep(_GIVE_WAY_SECONDS)
        return purged

    def count_older(self) -> int:
        """How many notifications there are that are older, ended or not."""
        with self._database.read() as conn:
            return retention.count_older(conn, self._clock.now() - self._keep)

    def would_purge(self, seen: Callable[[int], None]) -> int:
        """How many notifications a pass would purge now; `seen` is told how many were looked at so far."""
        moment, after, looked, count = self._clock.now() - self._keep, "", 0, 0
        while True:
            with self._database.read() as conn:
                found = retention.old_notifications(conn, after, moment, _SLICE, lock=False)
            if found.last_id is None:
                return count
            after, looked, count = found.last_id, looked + found.looked_at, count + len(found.ids)
            seen(looked)

    def _step(self, going: _Pass) -> tuple[Counter[str], _Pass | None]:
        """Purge the next slice, unless somebody else does at this moment: how much of what went, and what is next."""
        now = self._clock.now()
        gone: list[str] = []
        # Looked at before the turn is taken: that takes longer than to delete it.
        entries = self._old_entries(going.before) if going.kind == "audit_entries" else None
        with self._database.write() as conn:
            if not retention.take_turn(conn):
                return Counter(), going
            match going.kind:
                case "notifications":
                    found = retention.old_notifications(conn, going.after, going.before, _SLICE)
                    gone = found.ids
                    count = retention.purge_notifications(conn, found.ids)
                case "events":
                    found = retention.old_events(conn, going.after, going.before, _SLICE)
                    count = retention.purge_events(conn, found.ids)
                case "audit_entries":
                    count = audit_anchor.move_to(conn, *entries, now) if entries else 0
                    found = retention.Slice([], going.after if entries else None)
            purged: Counter[str] = Counter({going.kind: count} if count else {})
            self._note(conn, going, purged, now, is_last=going.kind == "audit_entries" and not entries)
        for channel in self._channels.values() if gone else ():
            channel.forget(gone)
        return purged, _following(going, found.last_id)

    def _old_entries(self, before: datetime) -> tuple[Anchor, Anchor] | None:
        """Between which links the next old entries of the audit log are; none if they are not as they were sealed.

        Those are evidence.
        """
        with self._database.read() as conn:
            # What waits for years, or an alert that is never closed, does not keep everybody's entries.
            since = max(retention.trace_needed_since(conn, before), before - self._keep)
            start = audit_anchor.newest(conn)
            count = audit_anchor.before(conn, since, _SLICE)
            checked = audit.check(conn, Checked(), count) if count else Checked()
        if checked.first_bad is not None:
            _log.error("audit_not_purged", extra={"entry": checked.first_bad})
            return None
        return (start, Anchor(checked.sealed, checked.hash)) if count else None

    def _note(self, conn: Connection, going: _Pass, purged: Counter[str], now: datetime, *, is_last: bool) -> None:
        """Keep account of it; what a pass has purged is put on record at its end."""
        if purged:
            retention.note(conn, purged)
        if is_last and (sums := retention.take_note(conn)):
            entry = audit.Entry(
                now, _ACTOR, "retention.purge", "database", {**sums, "before": going.before.isoformat()}
            )
            audit.record(conn, [entry])
        if purged["notifications"]:
            tally = counters.Tally()
            tally.add(counters.PURGED, {}, purged["notifications"])
            tally.save(conn, self._process)


def _following(going: _Pass, last_id: str | None) -> _Pass | None:
    """What comes after a slice that ended with this id, or None at the end of its kind."""
    if last_id is not None:
        return replace(going, after=last_id)
    left = KINDS[KINDS.index(going.kind) + 1 :]
    return _Pass(going.before, left[0]) if left else None
