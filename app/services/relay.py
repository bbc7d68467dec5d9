"""The relay: looks for rows that nobody works on, and announces, releases or closes them.

It is a process of its own, so that a wedged worker or broker cannot stop its own rescue. Any number may run.
"""

import logging
import os
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from app.domain.clock import Clock
from app.domain.notifications import TERMINAL, lanes_of
from app.services.announcing import LANE_CAPACITY, Announcement, Publisher, PublishFailed, Ready, grouped
from app.services.canaries import Canaries
from app.services.digests import Digests
from app.services.intake import KEY_LIFETIME
from app.services.leaps import Leaps
from app.services.lost_bells import lost_before
from app.services.pauses import Pauses
from app.services.recording import Recorder
from app.store import audit, audit_seal, counters, delivery, events, heartbeats, notifications, relay
from app.store.engine import Database
from app.store.notifications import Moved
from channels.base import RetryPolicy

_log = logging.getLogger(__name__)
_SLICE = 500
_ACTOR = "system:relay"
_BROKER_PAUSE = timedelta(seconds=5)
_BREATH = timedelta(seconds=5)
_USERS_AT_ONCE = 100


class Relay:
    """One look at the database at a time; the caller sets the rhythm."""

    def __init__(
        self,
        database: Database,
        publisher: Publisher,
        recorder: Recorder,
        policies: Mapping[str, RetryPolicy],
        exactly_once: Sequence[str],
        grace: timedelta,
        clock: Clock,
        *,
        pauses: Pauses,
        digests: Digests,
        canaries: Canaries,
        leaps: Leaps,
        process: str,
    ) -> None:
        """`exactly_once` names the channels on which a lost attempt cannot have become a duplicate."""
        self._database = database
        self._publisher = publisher
        self._recorder = recorder
        self._policies = policies
        self._exactly_once = frozenset(exactly_once)
        self._grace = grace
        self._clock = clock
        self._process = process
        self._name = heartbeats.name_of(process, os.getpid())
        self._broker_away_until: datetime | None = None
        self._beaten_at: datetime | None = None
        self._pauses = pauses
        self._digests = digests
        self._canaries = canaries
        self._leaps = leaps
        self._served: dict[str, str] = {}
        self._reached: dict[tuple[str, str], str] = {}

    def feed(self) -> int:
        """Release what is due and announce what nobody announced, fairly over sources, and over the users of each.

        Answers how many rows that were.
        """
        self._canaries.send()
        now = self._clock.now()
        with self._database.read() as conn:
            next_due = relay.next_due(conn)
            paused = relay.channels_with_paused(conn)
        is_due = next_due is not None and next_due <= now
        if is_due:
            while self._digests.release():
                self._breathe()
            self._change(relay.release, "released", now)
        self._end_pauses(paused, now)
        with self._database.read() as conn:
            backlog = {lane: relay.sources_with_backlog(conn, lane) for lane in relay.lanes_with_backlog(conn)}
            taken = relay.announced_counts(conn) if backlog else {}
        if not backlog:
            self._reached.clear()
        if self._broker_is_away(now):
            return 0
        fed = 0
        for lane, sources in backlog.items():
            room = LANE_CAPACITY - taken.get(lane, 0)
            if room > 0:
                fed += self._feed_lane(lane, sources, room, now)
        if is_due:
            missed = now - self._grace
            take = partial(relay.take_retries, announced_before=missed, limit=_SLICE, now=now)
            fed += self._announce(take, resume=True)
        return fed

    def sweep(self) -> None:
        """Announce again what was lost on the way, close what has run out, and do the housekeeping."""
        now = self._clock.now()
        self._change(self._expire, "expired", now)
        before = now - self._grace
        if not self._leaps.leases_in_doubt():
            self._take_over(now, before)
        if not self._broker_is_away(now):
            lost = lost_before(self._database, self._publisher, self._grace, before)
            for lane, until in lost.items():
                self._announce(partial(relay.take_lost, lane=lane, before=until, limit=_SLICE, now=now))
        with self._database.write() as conn:
            events.forget_keys(conn, now - KEY_LIFETIME, 10 * _SLICE)
        self._seal()
        self.beat()

    def _take_over(self, now: datetime, before: datetime) -> None:
        """See to what is held by workers that are gone."""
        for reason in relay.TAKEN_BACK:
            self._change(partial(self._end_cancelled, reason), "cancelled", now, reason)
        self._fail_exhausted(now)
        # Alone, so that an item that takes its worker down does not take its neighbours down twice.
        lapsed = partial(relay.take_lapsed, announced_before=before, limit=_SLICE, now=now)
        self._announce(lapsed, resume=True, alone=True)

    def beat(self) -> None:
        """Show that the relay lives, and how much waits on each lane, for those who can't ask the broker."""
        waiting = self._waiting()
        with self._database.write() as conn:
            heartbeats.beat(conn, self._name, "relay", self._clock.now(), {"waiting": waiting})
        self._beaten_at = self._clock.now()

    def _breathe(self) -> None:
        """Beat in the middle of long work, and keep the lanes proven: it goes on."""
        self._canaries.send()
        if self._beaten_at is not None and self._clock.now() - self._beaten_at > _BREATH:
            self.beat()

    def stop(self) -> None:
        """Take the sign of life back: an end that was asked for is not to look like a death."""
        with self._database.write() as conn:
            heartbeats.stop(conn, self._name)

    def _feed_lane(self, lane: str, sources: Sequence[str], room: int, now: datetime) -> int:
        """Round-robin: every source gets the same share of the room, however long its queue is."""
        fed = 0
        share = max(min(room, LANE_CAPACITY) // len(sources), 1)
        last = self._served.get(lane, "")
        # From the one after the last, so that room for a few goes round as well.
        for source in sorted(sources, key=lambda source: (source <= last, source)):
            if fed >= room:
                break
            fed += self._feed_source(lane, source, min(share, room - fed), now)
            self._served[lane] = source
        return fed

    def _feed_source(self, lane: str, source: str, room: int, now: datetime) -> int:
        """The same among its users, some of them at a time: what one of them gets does not hold up the others."""
        with self._database.read() as conn:
            last = self._reached.get((lane, source), "")
            users = relay.users_with_backlog(conn, lane, source, after=last, most=_USERS_AT_ONCE)

        def take(conn: Any) -> list[relay.Stamped]:
            taken: list[relay.Stamped] = []
            for user_id in users[:room]:
                limit = min(max(room // len(users), 1), room - len(taken))
                taken += relay.take_backlog(conn, lane, source, user_id, limit, now)
                self._reached[lane, source] = user_id
            return sorted(taken, key=lambda row: row.id)

        return self._announce(take)

    def _announce(
        self, take: Callable[[Any], Sequence[relay.Stamped]], *, resume: bool = False, alone: bool = False
    ) -> int:
        if self._broker_is_away(self._clock.now()):
            return 0
        with self._database.write() as conn:
            stamped = take(conn)
        ready = [Ready(row.id, row.lane, row.channel, row.target) for row in stamped]
        announcements = (
            [Announcement(one.lane, one.channel, (one.id,), resume) for one in ready]
            if alone
            else list(grouped(ready, resume=resume))
        )
        for number, announcement in enumerate(announcements):
            try:
                self._publisher.publish(announcement)
            except PublishFailed as error:
                _log.warning("announce_failed", extra={"lane": announcement.lane, "error": str(error)})
                self._broker_away_until = self._clock.now() + _BROKER_PAUSE
                self._take_back([id_ for left in announcements[number:] for id_ in left.ids])
                break
        return len(stamped)

    def _take_back(self, ids: Sequence[str]) -> None:
        with self._database.write() as conn:
            notifications.unannounce(conn, ids)

    def _waiting(self) -> dict[str, int]:
        """How many messages wait on each lane; nothing when the broker does not say."""
        waiting: dict[str, int] = {}
        for lane in lanes_of(self._policies):
            if self._broker_is_away(self._clock.now()) or (count := self._publisher.waiting(lane)) is None:
                return {}
            waiting[lane] = count
        return waiting

    def _broker_is_away(self, now: datetime) -> bool:
        return self._broker_away_until is not None and now < self._broker_away_until

    def _end_pauses(self, waiting: Collection[str], now: datetime) -> None:
        """Release what waits on channels that are not paused any more."""
        resumed = sorted(set(waiting) - self._pauses.channels()) if waiting else []
        if resumed:
            self._change(lambda conn, at, most: relay.end_pause(conn, resumed, at, most), "released", now)

    def _end_cancelled(self, reason: relay.TakenBack, conn: Any, now: datetime, limit: int) -> list[Moved]:
        moved = relay.end_cancelled(conn, reason, now, limit)
        self._close_attempts(conn, moved, now)
        return moved

    def _change(
        self,
        change: Callable[[Any, datetime, int], list[Moved]],
        decision: str,
        now: datetime,
        reason: str | None = None,
    ) -> None:
        """Move rows in slices, each with its audit entries, until nothing is left to move."""
        while True:
            with self._database.write() as conn:
                moved = change(conn, now, _SLICE)
                self._record(conn, moved, decision, reason, now)
            if len(moved) < _SLICE:
                return
            self._breathe()

    def _record(self, conn: Any, moved: Sequence[Moved], decision: str, reason: str | None, now: datetime) -> None:
        detail = {"decision": decision, "reason": reason}
        audit.record(conn, [audit.Entry(now, _ACTOR, "relay", row.id, detail) for row in moved])
        tally = counters.Tally()
        for row in moved if decision in TERMINAL else ():
            tally.ended(row.type, row.channel, decision, reason)
        tally.save(conn, self._process)

    def _fail_exhausted(self, now: datetime) -> None:
        """Close rows whose worker died in the last attempt they had."""
        for channel, policy in self._policies.items():
            with self._database.read() as conn:
                ids = relay.exhausted(conn, channel, len(policy.waits) + 1, now, _SLICE)
            if not ids:
                continue
            with self._database.write() as conn:
                moved = relay.fail_exhausted(conn, ids, now)
                self._close_attempts(conn, moved, now)
                self._record(conn, moved, "failed", "attempts_exhausted", now)

    def _expire(self, conn: Any, now: datetime, limit: int) -> list[Moved]:
        moved = relay.expire(conn, now, limit)
        self._close_attempts(conn, moved, now)
        return moved

    def _close_attempts(self, conn: Any, moved: Sequence[Moved], now: datetime) -> None:
        """End the attempts that were left open by the workers of what was closed without them."""
        by_channel: defaultdict[str, list[str]] = defaultdict(list)
        for row in moved:
            by_channel[row.channel].append(row.id)
        for channel, ids in by_channel.items():
            lost = delivery.close_open_attempts(conn, ids, now, mark=channel not in self._exactly_once)
            self._recorder.lost(conn, lost, channel, now)

    def _seal(self) -> None:
        while True:
            with self._database.read() as conn:
                links = audit_seal.next_links(conn, _SLICE)
            if links:
                with self._database.write() as conn:
                    audit_seal.add(conn, links)
            if len(links) < _SLICE:
                return
            self._breathe()
            # A flood writes as much as can be sealed, and lanes must not run empty over it.
            self.feed()
