"""What was held goes out: looked at once more, and as one message where it is several for the same person and channel.

Everything happens in the transaction that takes the rows out of their waiting, so a crash leaves them as they were, and
each is in exactly one digest.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby

from sqlalchemy import Connection

from app.domain import digests
from app.domain.clock import Clock
from app.domain.digests import Held
from app.domain.events import PRIORITIES, Event, moves
from app.domain.notifications import DIGEST, Status
from app.domain.planning import Decision, Recipient, reconsider
from app.services.admission import Admission
from app.services.people import People
from app.store import alerts, audit, counters, courses, events, fallbacks, held, notifications, repeats
from app.store.engine import Database
from app.store.fallbacks import Story
from app.store.notifications import Moved

_ACTOR = "system:relay"
_LONGEST_WAITING = 200
_MOST_AT_ONCE = 2_500


class Digests:
    """Lets go what was held for its reader's sake."""

    def __init__(
        self,
        database: Database,
        people: People,
        admission: Admission,
        dedupe_window: timedelta,
        clock: Clock,
        *,
        process: str,
    ) -> None:
        self._database = database
        self._people = people
        self._traits = {trait.name: trait for trait in people.traits}
        self._inboxes = [trait.name for trait in people.traits if trait.kind == "inbox"]
        self._admission = admission
        self._dedupe_window = dedupe_window
        self._clock = clock
        self._process = process

    def release(self) -> bool:
        """Let some of what is due go; whether more may be due. Any number of processes may do it at once."""
        now = self._clock.now()
        with self._database.write() as conn:
            if not held.take_turn(conn) or not (places := held.due_places(conn, now, _LONGEST_WAITING)):
                return False
            waiting = held.due(conn, places, now, _MOST_AT_ONCE)
            whole = _whole_places(waiting) if len(waiting) == _MOST_AT_ONCE else waiting
            going = self._still_wanted(conn, _that_go_together(whole, now), now)
            for _, members in groupby(going, key=lambda one: one.place):
                self._send(conn, list(members), now)
        return bool(whole)

    def _still_wanted(self, conn: Connection, waiting: Sequence[Held], now: datetime) -> list[Held]:
        """Those that may go now; the others end, or wait on."""
        known = events.load_events(conn, sorted({one.event_id for one in waiting if one.event_id}))
        recipients = self._people.recipients(conn, sorted({one.user_id for one in waiting}))
        standing_in = [one for one in waiting if one.fallback]
        stories = fallbacks.stories(conn, [one.id for one in standing_in], self._inboxes)
        over = _that_are_over(conn, standing_in)
        going: list[Held] = []
        ended: defaultdict[tuple[Status, str | None], list[str]] = defaultdict(list)
        longer: defaultdict[tuple[str, datetime], list[str]] = defaultdict(list)
        for one in waiting:
            event = known.get(one.event_id or "")
            if one.expires_at <= now:
                ended["expired", None].append(one.id)
            elif event is None:
                going.append(one)
            elif one.id in stories and stories[one.id].is_read:
                ended["cancelled", "read"].append(one.id)
            elif one.id in over or (one.id in stories and _has_moved_on(one, stories[one.id])):
                ended["suppressed", "superseded"].append(one.id)
            else:
                decision = self._reconsidered(one, event, recipients[one.user_id], stories.get(one.id), now)
                if decision.verdict == "suppress":
                    ended["suppressed", decision.reason].append(one.id)
                elif decision.verdict == "hold" and decision.until is not None:
                    longer[decision.reason, decision.until].append(one.id)
                else:
                    # Where they are reached today.
                    going.append(replace(one, target=decision.target or one.target))
        for (status, reason), ids in ended.items():
            self._end(conn, ids, status, reason, now)
        for (reason, until), ids in longer.items():
            moved = held.wait_on(conn, ids, reason, until, now)
            self._note(conn, moved, now, decision="held", reason=reason, until=until.isoformat())
        return going

    def _reconsidered(
        self, one: Held, event: Event, recipient: Recipient, story: Story | None, now: datetime
    ) -> Decision:
        # What has an appointment was not there to be told before it.
        since = max(one.created_at, event.deliver_at or one.created_at)
        arrived = None
        if story is not None:
            arrived = story.next_at if story.status == "held" else story.arrived
        return reconsider(
            event,
            recipient,
            self._traits[one.channel],
            since,
            now,
            closes=one.closes_alert,
            fallback=one.fallback,
            arrived=arrived,
        )

    def _send(self, conn: Connection, waiting: Sequence[Held], now: datetime) -> None:
        """Everything that goes to one person on one channel."""
        alone = [one for one in waiting if not self._may_be_joined(one)]
        together = [one for one in waiting if self._may_be_joined(one)]
        # Programs get all of it.
        old = courses.outdated(conn, [one for one in together if self._traits[one.channel].kind != "hook"])
        self._end(conn, sorted(old), "suppressed", "superseded", now)
        together = [one for one in together if one.id not in old]
        repeated = digests.repeats(together, self._dedupe_window)
        self._end_repeats(conn, repeated, now)
        together = [one for one in together if one.id not in repeated]
        for pack in digests.packs(together):
            if len(pack) == 1:
                alone += pack
            else:
                self._join(conn, pack, now)
        self._note(conn, held.let_go(conn, [one.id for one in alone], now), now, decision="released", reason=None)

    def _may_be_joined(self, one: Held) -> bool:
        """An alert is opened by a message of its own, and an appointment is kept by what it was made for.

        Progress changes the message that is there, where that can be done.
        """
        trait = self._traits[one.channel]
        if trait.kind == "alert" or (trait.edits and one.reason == "rate_limited" and moves(one.type)):
            return False
        return (one.reason in held.TOGETHER or one.fallback) and one.event_id is not None

    def _join(self, conn: Connection, pack: Sequence[Held], now: datetime) -> None:
        first = pack[0]
        priority = max((one.priority for one in pack), key=PRIORITIES.index)
        row = replace(
            self._admission.own(DIGEST, first.user_id, first.channel, first.target, now, priority=priority),
            expires_at=max(one.expires_at for one in pack),
        )
        moved = held.put_into(conn, [one.id for one in pack], row.id, now)
        self._note(conn, moved, now, decision="digested", reason=None, digest_id=row.id)
        self._count(conn, moved, "digested", None)
        self._admission.store(conn, [row], _ACTOR, now)

    def _end_repeats(self, conn: Connection, repeated: Mapping[str, str], now: datetime) -> None:
        moved = self._end(conn, sorted(repeated), "suppressed", "duplicate", now)
        shown = {row.id: repeated[row.id] for row in moved if row.channel in self._inboxes}
        standing_in = fallbacks.of_repeats(conn, shown) if shown else {}
        moved += self._end(conn, sorted(standing_in), "suppressed", "duplicate", now)
        firsts = {**repeated, **standing_in}
        repeats.count(conn, Counter(firsts[row.id] for row in moved), now)
        tally = counters.Tally()
        for row in moved:
            tally.add(counters.DUPLICATES, {"type": row.type, "channel": row.channel})
        tally.save(conn, self._process)

    def _end(
        self, conn: Connection, ids: Sequence[str], status: Status, reason: str | None, now: datetime
    ) -> list[Moved]:
        if not ids:
            return []
        moved = notifications.move(conn, ids, status, reason, now, only_from=("held",))
        self._note(conn, moved, now, decision=status, reason=reason)
        self._count(conn, moved, status, reason)
        return moved

    def _count(self, conn: Connection, moved: Iterable[Moved], status: Status, reason: str | None) -> None:
        tally = counters.Tally()
        for row in moved:
            tally.ended(row.type, row.channel, status, reason)
        tally.save(conn, self._process)

    @staticmethod
    def _note(conn: Connection, moved: Iterable[Moved], now: datetime, **detail: str | None) -> None:
        entry = partial(audit.Entry, now, _ACTOR, "digest")
        audit.record(conn, [entry(row.id, detail) for row in moved])


def _has_moved_on(one: Held, story: Story) -> bool:
    """Whether the item that showed it shows what came after it."""
    return moves(one.type) and story.status == "delivered" and story.arrived is None


def _that_are_over(conn: Connection, standing_in: Iterable[Held]) -> set[str]:
    """Those that would open an alert of what is over by now: what closes it waits behind them."""
    steps = {one.id: (one.channel, one.alert_key or "", one.alert_step or 0) for one in standing_in if one.alert_key}
    last = alerts.last(conn, {step[:2] for step in steps.values()}) if steps else {}
    over = {place for place, state in last.items() if state.closes}
    return {id_ for id_, step in steps.items() if step[:2] in over}


def _whole_places(waiting: Sequence[Held]) -> list[Held]:
    """Without those at the last place, of which there may be more; but if there is no other, as they are."""
    last = waiting[-1].place
    return [one for one in waiting if one.place != last] or list(waiting)


def _that_go_together(waiting: Sequence[Held], now: datetime) -> list[Held]:
    """Without what is over a limit still, where nothing else makes a message of several."""
    making = {one.place for one in waiting if one.reason in held.TOGETHER and one.next_at <= now}
    return [one for one in waiting if one.next_at <= now or one.place in making]
