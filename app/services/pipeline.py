"""What each step before the delivery does. A step takes notification ids and returns those that go on.

Every step may run again for the same ids, after a crash or a second announcement, with the same result.
"""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from app.domain.clock import Clock
from app.domain.notifications import Status
from app.rendering.render import Content
from app.services.briefs import Briefs
from app.services.rules import COUNTS_AS_FIRST, Rules, Step
from app.services.texts import Texts
from app.store import alerts, audit, counters, courses, fallbacks, inbox, notifications, repeats
from app.store.engine import Database
from app.store.gates import Gates, Limit
from app.store.notifications import Brief, Moved
from app.store.repeats import Repeated
from channels.base import Channel

_log = logging.getLogger(__name__)


class Pipeline:
    """Render, dedupe and rate limit."""

    def __init__(
        self,
        database: Database,
        gates: Gates,
        briefs: Briefs,
        texts: Texts,
        channels: Mapping[str, Channel],
        rules: Rules,
        clock: Clock,
        *,
        ring: Callable[[Collection[str]], None],
        process: str,
    ) -> None:
        """`ring` is told whose inbox shows something else now."""
        self._database = database
        self._gates = gates
        self._briefs = briefs
        self._texts = texts
        self._channels = channels
        self._rules = rules
        self._clock = clock
        self._ring = ring
        self._process = process

    def render(self, ids: Sequence[str]) -> list[str]:
        """Write the texts of those that have none yet; what cannot be rendered ends as failed(render_error)."""
        now = self._clock.now()
        with self._database.read() as conn:
            briefs, repeated = notifications.briefs_to_render(conn, ids)
            bare = [briefs[id_] for id_ in repeated]
            sources = self._texts.gather(conn, bare, repeated)
        self._briefs.remember(briefs)
        rendered, failed = self._texts.write(sources)
        if bare:
            self._keep(rendered, failed, sources.earlier, now)
        return [id_ for id_ in ids if id_ in briefs and id_ not in failed]

    def _keep(
        self,
        rendered: Mapping[str, Content],
        failed: Mapping[str, str],
        earlier: Mapping[str, Repeated],
        now: datetime,
    ) -> None:
        texts = {id_: text.as_stored() for id_, text in rendered.items()}
        told = [audit.Entry(now, "system:pipeline", "render", id_, _rendered(text)) for id_, text in rendered.items()]
        with self._database.write() as conn:
            repeats.tell(conn, {id_: repeated for id_, repeated in earlier.items() if id_ in rendered})
            notifications.store_content(conn, texts, now)
            audit.record(conn, told)
            self._end(conn, list(failed), "render", "failed", "render_error", now, details=failed)

    def dedupe(self, ids: Sequence[str]) -> list[str]:
        """Drop what repeats another within the window, which counts it, and what is old news."""
        now = self._clock.now()
        new = self._without(ids, self._suppress_duplicates(self._repeated(ids, now), now))
        return self._without(new, self._supersede(new, now))

    def _repeated(self, ids: Sequence[str], now: datetime) -> dict[str, str]:
        """For each that repeats another within the window, the id of the first."""
        window = self._rules.dedupe_window
        briefs = [brief for brief in self._briefs.of(ids) if not _passes_the_gates(brief)]
        if not window or not briefs:
            return {}
        prints = {brief.id: brief.fingerprint for brief in briefs}
        owners = self._gates.repeats([(brief.fingerprint, brief.id) for brief in briefs], window, now)
        if not owners:
            return {}
        with self._database.read() as conn:
            known = notifications.statuses(conn, set(owners.values()))
            anew = alerts.that_open_anew(conn, [brief for brief in briefs if brief.id in owners])
        dead = {id_: owner for id_, owner in owners.items() if known.get(owner) not in COUNTS_AS_FIRST or id_ in anew}
        taken = self._gates.take_over([(prints[id_], id_, owner) for id_, owner in dead.items()], window, now)
        return {id_: taken.get(id_, owner) for id_, owner in owners.items() if id_ not in dead or id_ in taken}

    def _supersede(self, ids: Sequence[str], now: datetime) -> set[str]:
        """End what only tells how far something is, when more is known. Programs get all of it: order is up to them."""
        moving = [
            brief
            for brief in self._briefs.of(ids)
            if self._rules.supersedes(brief.type, self._channels[brief.channel]) and brief.replay_of is None
        ]
        if not moving:
            return set()
        with self._database.read() as conn:
            old = courses.outdated(conn, moving)
        if not old:
            return set()
        with self._database.write() as conn:
            return {row.id for row in self._end(conn, sorted(old), "dedupe", "suppressed", "superseded", now)}

    def _suppress_duplicates(self, owners: Mapping[str, str], now: datetime) -> set[str]:
        if not owners:
            return set()
        with self._database.write() as conn:
            moved = self._end(conn, list(owners), "dedupe", "suppressed", "duplicate", now, details=owners)
            shown = {row.id: owners[row.id] for row in moved if self._channels[row.channel].kind == "inbox"}
            # What stands in for a repeat is a repeat itself.
            standing_in = fallbacks.of_repeats(conn, shown) if shown else {}
            moved += self._end(conn, sorted(standing_in), "dedupe", "suppressed", "duplicate", now, only_from="held")
            firsts = {**owners, **standing_in}
            repeats.count(conn, Counter(firsts[row.id] for row in moved), now)
            tally = counters.Tally()
            for row in moved:
                tally.add(counters.DUPLICATES, {"type": row.type, "channel": row.channel})
            tally.save(conn, self._process)
            readers = inbox.renew(conn, set(shown.values()), now) if shown else set()
        self._ring(readers)
        return {row.id for row in moved}

    def rate_limit(self, ids: Sequence[str]) -> list[str]:
        """Hold what is over its user's limit on its channel until the window frees a place."""
        now = self._clock.now()
        frees = self._too_often(ids, now)
        wanted = [
            Limit(brief.id, brief.user_id, brief.channel, self._rules.rate_limits[brief.channel])
            for brief in self._briefs.of(ids)
            # What waits anyway takes no place from what would go.
            if brief.id not in frees and self._is_limited(brief)
        ]
        frees |= self._gates.over_limit(wanted, self._rules.rate_window, now) if wanted else {}
        if not frees:
            return list(ids)
        with self._database.write() as conn:
            moved = []
            for id_, at in frees.items():
                if self._rules.drop_overflow:
                    moved += self._end(conn, [id_], "rate_limit", "suppressed", "rate_limited", now)
                else:
                    moved += self._hold(conn, id_, at, now)
            tally = counters.Tally()
            for row in moved:
                tally.add(counters.LIMITED, {"channel": row.channel})
            tally.save(conn, self._process)
        return self._without(ids, {row.id for row in moved})

    def _too_often(self, ids: Sequence[str], now: datetime) -> dict[str, datetime]:
        """People are told of one thing's progress now and then."""
        steps = [
            (_step(brief), self._channels[brief.channel])
            for brief in self._briefs.of(ids)
            if not _passes_the_gates(brief)
        ]
        frees: dict[str, datetime] = {}
        for window, limits in self._rules.step_limits(steps).items():
            frees |= self._gates.over_limit(limits, window, now)
        return frees

    def _is_limited(self, brief: Brief) -> bool:
        """Critical and in-app notifications are neither limited nor counted."""
        if _passes_the_gates(brief):
            return False
        return self._rules.limits(brief.priority, self._channels[brief.channel])

    def _hold(self, conn: Connection, id_: str, until: datetime, now: datetime) -> list[Moved]:
        moved = notifications.move(conn, [id_], "held", "rate_limited", now, only_from=("pending",), next_at=until)
        detail = {"decision": "held", "reason": "rate_limited", "until": until.isoformat()}
        audit.record(conn, [audit.Entry(now, "system:pipeline", "rate_limit", row.id, detail) for row in moved])
        return moved

    def _end(
        self,
        conn: Connection,
        ids: Sequence[str],
        step: str,
        status: Status,
        reason: str,
        now: datetime,
        *,
        details: Mapping[str, str] | None = None,
        only_from: Status = "pending",
    ) -> list[Moved]:
        """End pending notifications here, on record; those that somebody else has moved on stay as they are."""
        if not ids:
            return []
        moved = notifications.move(conn, ids, status, reason, now, only_from=(only_from,))
        audit.record(
            conn,
            [
                audit.Entry(
                    now,
                    "system:pipeline",
                    step,
                    row.id,
                    {"decision": status, "reason": reason, **({"detail": details[row.id]} if details else {})},
                )
                for row in moved
            ],
        )
        tally = counters.Tally()
        for row in moved:
            tally.ended(row.type, row.channel, status, reason)
        tally.save(conn, self._process)
        return moved

    @staticmethod
    def _without(ids: Sequence[str], gone: set[str]) -> list[str]:
        return [id_ for id_ in ids if id_ not in gone]


def _rendered(text: Content) -> dict[str, str]:
    own = {"template_version": text.template_version} if text.template_version else {}
    return {"decision": "rendered", "locale": text.locale, **own}


def _passes_the_gates(brief: Brief) -> bool:
    """What was asked for again, or stands for several, was counted before; what closes an alert must not be missed."""
    return brief.event_id is None or brief.replay_of is not None or brief.closes_alert


def _step(brief: Brief) -> Step:
    return Step(brief.id, brief.user_id, brief.type, brief.priority, brief.subject_key)
