"""Erasing a person: nothing of theirs stays in the database, and all that was decided stays accounted for.

It is done in slices, so that nobody waits long for the lock: as much as fits into the request, the rest by the relay.
Whatever stops, a row says that there is more to do. Events that come after the request are like anybody's.
"""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from app.domain.clock import Clock
from app.services import trials, verification
from app.services.departures import Departures
from app.store import audit, audit_people, counters, erasure
from app.store.audit_people import person
from app.store.engine import Database
from app.store.erasure import Erasure
from app.store.gates import Gates
from channels.base import Channel

_ACTOR = "system:erasure"
_SLICE = 100
# Between two slices, for those who wait for the lock and for the other requests of this process.
_GIVE_WAY_SECONDS = 0.005
_EVENTS_AT_ONCE = 5_000
_SECONDS_IN_REQUEST = 2.0
# Longer than a transaction may wait for its turn: what was planned before the request is committed by then.
_SETTLED_AFTER = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Erased:
    """Under which name the audit log goes on to know the person, and whether everything they had is gone already."""

    pseudonym: str
    is_complete: bool


class Erasures:
    """Erases people. Every step may be repeated, and done by several processes at once."""

    def __init__(
        self,
        database: Database,
        gates: Gates,
        channels: Mapping[str, Channel],
        departures: Departures,
        clock: Clock,
        *,
        ring: Callable[[Collection[str]], None],
        process: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`ring` is told whose streams are to end, once that is committed."""
        self._database = database
        self._gates = gates
        self._channels = channels
        self._counted = (*channels, trials.QUOTA, verification.QUOTA)
        self._departures = departures
        self._clock = clock
        self._ring = ring
        self._process = process
        self._monotonic = monotonic

    def erase(self, user_id: str, *, actor: str) -> Erased:
        """Erase a person, known or not: what takes longer than two seconds, and what is being sent, is left to others.

        They can be reached no more once this returns, nor get in by what was signed for them before. The relay looks
        for what was on its way for half a minute.
        """
        now = self._clock.now()
        named = person(user_id)
        with self._database.write() as conn:
            erasure.cut_off(conn, user_id, now)
            pseudonym = audit_people.stored(conn, [named])[named]
            audit.record(conn, [audit.Entry(now, actor, "user.erase", named)])
            audit_people.forget(conn, user_id)
            wanted = Erasure(user_id, pseudonym, now)
            erasure.begin(conn, wanted)
            self._departures.note(conn, user_id)
        self._departures.look_again()
        self._ring([user_id])
        self._gates.forget(user_id, self._counted)
        give_up = self._monotonic() + _SECONDS_IN_REQUEST
        while self._take(wanted) and self._monotonic() < give_up:
            time.sleep(_GIVE_WAY_SECONDS)
        with self._database.read() as conn:
            return Erased(pseudonym, not erasure.has_rows(conn, wanted))

    def carry_on(self, seconds: float) -> bool:
        """Go on with what was begun, for about so long; whether there is more that can be done now."""
        give_up = self._monotonic() + seconds
        self._departures.forget_old()
        with self._database.read() as conn:
            waiting = erasure.under_way(conn)
            # Once for all, since it may rewrite the file.
            last = None if waiting else erasure.unscrubbed(conn)
        if last is not None and self._database.scrub():
            with self._database.write() as conn:
                erasure.scrubbed(conn, last)
        while waiting and self._monotonic() < give_up:
            waiting = [again for one in waiting if (again := self._advance(one)) is not None]
            time.sleep(_GIVE_WAY_SECONDS)
        return bool(waiting)

    def _advance(self, wanted: Erasure) -> Erasure | None:
        """One step, and what is left to do; None when that is nothing, or nothing for now."""
        if self._take(wanted):
            return wanted
        if self._clock.now() < wanted.requested_at + _SETTLED_AFTER:
            return None
        with self._database.read() as conn:
            if erasure.has_rows(conn, wanted):
                return None
            # Events that led to no notification of theirs name them all the same.
            last, found = erasure.search_events(conn, wanted, _EVENTS_AT_ONCE)
        for start in range(0, len(found), _SLICE):
            with self._database.write() as conn:
                erasure.leave_events(conn, wanted.user_id, found[start : start + _SLICE])
        if last is None:
            self._finish(wanted)
            return None
        with self._database.write() as conn:
            erasure.searched(conn, wanted, last)
        return replace(wanted, last_event_id=last)

    def _take(self, wanted: Erasure) -> bool:
        """Take a slice of what is theirs; false when nothing is left but what is being sent."""
        with self._database.read() as conn:
            if not erasure.has_rows(conn, wanted):
                return False
        now = self._clock.now()
        with self._database.write() as conn:
            taken = erasure.take(conn, wanted, _SLICE, now)
            if not taken.ids:
                # What was taken up by a worker in the meantime.
                erasure.mark_sending(conn, wanted, now)
            detail = {"decision": "cancelled", "reason": "erased"}
            audit.record(conn, [audit.Entry(now, _ACTOR, "erase", row.id, detail) for row in taken.cancelled])
            tally = counters.Tally()
            for row in taken.cancelled:
                tally.ended(row.type, row.channel, "cancelled", "erased")
            tally.save(conn, self._process)
        for channel in self._channels.values() if taken.ids else ():
            channel.forget(taken.ids)
        return bool(taken.ids)

    def _finish(self, wanted: Erasure) -> None:
        with self._database.write() as conn:
            if not erasure.finish(conn, wanted):
                return
            audit.record(conn, [audit.Entry(self._clock.now(), _ACTOR, "user.erased", wanted.pseudonym)])
        self._gates.forget(wanted.user_id, self._counted)
