"""The delivery: claim, send, record. The only place that talks to receivers.

A claim takes the lease on a whole list; what came of each notification is committed with its attempt, its counters and
its audit entry in one transaction. Retries are returned to the caller, who publishes them after that commit.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.domain.clock import Clock
from app.domain.events import in_doubt
from app.services.alert_turns import AlertTurns
from app.services.briefs import Briefs
from app.services.old_news import OldNews
from app.services.parcels import Parcel, Parcels
from app.services.pauses import Pauses
from app.services.progress import Progress
from app.services.recording import Recorder
from app.services.targets import Stop, Targets, Visit
from app.store import delivery as store
from app.store import live_messages, notifications
from app.store.delivery import Claim, Outcome
from app.store.engine import Database, DatabaseUnavailable
from app.store.notifications import Brief
from channels.base import Channel, Permanent, RetryPolicy, Transient

LONGEST_COUNTDOWN_SECONDS = 600.0
"""Longer waits are kept in the database and announced by the relay."""
_NO_SEND_AFTER_SECONDS = 15.0
# Should the relay miss the end of a pause.
_PAUSED_LOOK_AGAIN = timedelta(hours=1)
_TURN = timedelta(seconds=2)

_log = logging.getLogger(__name__)
Stage = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Again:
    """A notification to be delivered again after `delay` seconds."""

    id: str
    delay: float


class Delivery:
    """Delivers lists of notifications of one channel, usually of one target."""

    def __init__(  # noqa: PLR0917 - one object for each thing a delivery touches, all of different types
        self,
        database: Database,
        targets: Targets,
        briefs: Briefs,
        parcels: Parcels,
        recorder: Recorder,
        channels: Mapping[str, Channel],
        policies: Mapping[str, RetryPolicy],
        lease: timedelta,
        clock: Clock,
        *,
        stage: Stage,
        progress: Progress,
        pauses: Pauses,
        turns: AlertTurns,
        old_news: OldNews,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`stage` is told each point a drill may stop the process at."""
        self._database = database
        self._targets = targets
        self._briefs = briefs
        self._parcels = parcels
        self._recorder = recorder
        self._channels = channels
        self._policies = policies
        self._lease = lease
        # An attempt lasts at most half a lease: what starts in the first third ends, and is recorded, within it.
        self._sending_seconds = min(_NO_SEND_AFTER_SECONDS, lease.total_seconds() / 3)
        self._clock = clock
        self._stage = stage
        self._progress = progress
        self._pauses = pauses
        self._turns = turns
        self._old_news = old_news
        self._monotonic = monotonic

    def deliver(self, channel_name: str, ids: Sequence[str]) -> list[Again]:
        """Send those of these notifications that are due; returns the ones that Celery shall bring back."""
        channel = self._channels[channel_name]
        briefs = {brief.id: brief for brief in self._briefs.of(ids)}
        if not briefs:
            return []
        if channel_name in self._pauses.channels():
            self._hold_back(list(briefs))
            return []
        target = next(iter(briefs.values())).target
        with self._targets.visit(channel, target, len(briefs)) as visit:
            if visit.stop is not None:
                self._targets.put_off(list(briefs), visit.stop)
                return []
            self._stage("before_claim")
            ready = self._old_news.left_out(channel, self._turns.ready(briefs))
            parcels = self._claim(channel, ready, self._clock.now()) if ready else []
            self._stage("after_claim")
            if not parcels:
                self._targets.nothing_sent(visit)
                return []
            if channel.bulk:
                return self._send_bulk(channel, parcels)
            return self._send_each(visit, parcels)

    def _hold_back(self, ids: Sequence[str]) -> None:
        """Let what is due wait for the end of the pause; the relay releases it then."""
        now = self._clock.now()
        with self._database.write() as conn:
            self._recorder.hold(conn, ids, "paused", now + _PAUSED_LOOK_AGAIN, now)

    def leave_to_relay(self, ids: Sequence[str]) -> None:
        """Note that Celery does not bring these back after all."""
        try:
            with self._database.write() as conn:
                notifications.unannounce(conn, ids)
        except DatabaseUnavailable:
            _log.warning("unannounce_failed", extra={"count": len(ids)})

    def _claim(self, channel: Channel, briefs: Mapping[str, Brief], now: datetime) -> list[Parcel]:
        most = len(self._policies[channel.name].waits) + 1
        lease_until = now + self._lease
        self._parcels.prepare(channel)
        with self._database.write() as conn:
            crossing = live_messages.take_turns(conn, briefs.values(), now) if channel.edits else set()
            if crossing:
                notifications.postpone(conn, dict.fromkeys(crossing, now + _TURN), now)
                briefs = {id_: brief for id_, brief in briefs.items() if id_ not in crossing}
            events = self._briefs.events_of(conn, briefs.values())
            contacts = self._parcels.contacts(conn, channel, briefs)
            there = [id_ for id_ in briefs if id_ in contacts]
            gone = [id_ for id_ in briefs if id_ not in contacts]
            all_at_once = channel.folds_repeats
            claims = store.claim(conn, there, now=now, lease_until=lease_until, most_attempts=most, opening=all_at_once)
            if len(claims) < len(there):
                left = sorted(set(there) - {claim.id for claim in claims})
                spent = store.without_attempts_left(conn, left, most, now)
                self._recorder.ended(conn, spent, "failed", "attempts_exhausted", now)
            unreachable = store.claim(conn, gone, now=now, lease_until=lease_until, most_attempts=most) if gone else []
            lost = store.close_lost(conn, [*claims, *unreachable], now, exactly_once=channel.bulk)
            self._recorder.lost(conn, lost, channel.name, now)
            doubted = {one.id for one in lost if _ends_in_doubt(channel, briefs[one.id].type)}
            left_there = [claim for claim in claims if claim.id in doubted]
            claims = [claim for claim in claims if claim.id not in doubted]
            if all_at_once:
                store.begin_attempts(conn, claims, now)
            elif claims:
                claims = [store.open_attempt(conn, claims[0], now), *claims[1:]]
            unsent = [Outcome(claim, "suppressed", "no_contact") for claim in unreachable]
            unsent += [Outcome(claim, "failed", "attempts_exhausted") for claim in left_there]
            self._recorder.settle(conn, unsent, briefs, now)
            changes = live_messages.references(conn, briefs.values(), now) if channel.edits and claims else {}
        for claim in claims:
            if claim.announced_at is not None:
                self._progress.answered(briefs[claim.id].lane, claim.announced_at)
        return [
            self._parcels.packed(channel, claim, briefs[claim.id], events, contacts[claim.id], changes.get(claim.id))
            for claim in claims
        ]

    def _send_bulk(self, channel: Channel, parcels: Sequence[Parcel]) -> list[Again]:
        again: list[Again] = []
        try:
            channel.send_bulk([parcel.message for parcel in parcels])
            ended = self._clock.now()
            outcomes = [Outcome(parcel.claim, "delivered", result="delivered", ended_at=ended) for parcel in parcels]
        except Transient as error:
            outcomes = [self._failed(channel, parcel, error, again) for parcel in parcels]
        self._stage("after_send")
        self._commit(outcomes, parcels)
        return again

    def _send_each(self, visit: Visit, parcels: Sequence[Parcel]) -> list[Again]:
        """Send one after the other; stop when the target wants a rest or the time is up, and give back what is left."""
        again: list[Again] = []
        outcomes: list[Outcome] = []
        channel, no_send_after = visit.channel, self._monotonic() + self._sending_seconds
        sent, stop = 0, None
        while sent < len(parcels) and self._monotonic() <= no_send_after:
            # By its place: a commit below puts the parcel with its opened attempt there.
            outcome, stop = self._send(visit, parcels[sent], again)
            sent += 1
            outcomes.append(outcome)
            if stop is None and sent < len(parcels):
                stop = self._targets.next_turn(visit, len(parcels) - sent)
            if stop is not None:
                break
            if not channel.folds_repeats and sent < len(parcels):
                # The commit that records this outcome opens the next attempt, so a crash leaves one doubt at the most.
                following = self._commit(outcomes, parcels, opening=parcels[sent])
                parcels = [*parcels[:sent], *following, *parcels[sent + 1 :]]
                outcomes = []
                if not following:
                    break
        left = parcels[sent:]
        times: Sequence[datetime | None] = [None] * len(left) if stop is None else stop.times(len(left))
        unsent = [Outcome(one.claim, "pending", next_at=at) for one, at in zip(left, times, strict=True)]
        self._commit([*outcomes, *unsent], parcels)
        if unsent and stop is not None and stop.broken:
            self._targets.put_off([outcome.claim.id for outcome in unsent], stop)
        return again

    def _send(self, visit: Visit, parcel: Parcel, again: list[Again]) -> tuple[Outcome, Stop | None]:
        """What came of one, and whether that keeps us away from its target."""
        channel = visit.channel
        self._stage("before_send")
        try:
            receipt = parcel.sent_by(channel)
        except Transient as error:
            outcome = self._failed(channel, parcel, error, again)
            return outcome, self._targets.told(visit, error, outcome.next_at)
        except Permanent as error:
            return self._refused(parcel, error), self._targets.told(visit, error)
        except Exception as error:  # noqa: BLE001 - a fault of ours must end in a state and a reason like any other
            _log.exception("channel_failed", extra={"channel": channel.name, "notification_id": parcel.claim.id})
            fault = Transient(f"internal error ({type(error).__name__})", scope="recipient", unknown=True)
            return replace(self._failed(channel, parcel, fault, again), contact=None), None
        self._stage("after_send")
        outcome = Outcome(
            parcel.claim,
            "delivered",
            result="delivered",
            http_status=receipt.http_status,
            detail=receipt.detail or None,
            provider_ref=receipt.provider_ref,
            ended_at=self._clock.now(),
            contact=parcel.contact,
            was_in_trouble=parcel.reach.in_trouble,
        )
        return outcome, self._targets.told(visit, receipt)

    def _refused(self, parcel: Parcel, error: Permanent) -> Outcome:
        return Outcome(
            parcel.claim,
            "failed",
            error.reason,
            result="permanent",
            http_status=error.http_status,
            detail=error.detail,
            ended_at=self._clock.now(),
            disables=error.disables,
            contact=None if error.reason == "too_large" else parcel.contact,
        )

    def _failed(self, channel: Channel, parcel: Parcel, error: Transient, again: list[Again]) -> Outcome:
        """The outcome of a transient failure: the next attempt by the plan, or the end of it."""
        now = self._clock.now()
        outcome = Outcome(
            parcel.claim,
            "failed",
            "attempts_exhausted",
            result="unknown" if error.unknown else "transient",
            http_status=error.http_status,
            detail=error.detail,
            ended_at=now,
            possible_duplicate=error.unknown and not channel.bulk,
            contact=parcel.contact,
        )
        delay = self._policies[channel.name].delay(parcel.claim.attempts, error.retry_after)
        if delay is None or (error.unknown and _ends_in_doubt(channel, parcel.message.type)):
            return outcome
        next_at = now + timedelta(seconds=delay)
        by_celery = delay <= LONGEST_COUNTDOWN_SECONDS
        if by_celery:
            again.append(Again(parcel.claim.id, delay))
        return replace(
            outcome, status="retrying", reason=None, next_at=next_at, announced_at=next_at if by_celery else None
        )

    def _commit(
        self, outcomes: Sequence[Outcome], parcels: Sequence[Parcel], *, opening: Parcel | None = None
    ) -> list[Parcel]:
        """Record outcomes, and open the next attempt in the same transaction; returns the parcel it was opened for."""
        self._stage("before_outcome")
        now = self._clock.now()
        ids = [parcel.claim.id for parcel in parcels]
        briefs = {brief.id: brief for brief in self._briefs.of(ids)}
        opened: Claim | None = None
        with self._database.write() as conn:
            if opening is not None:
                notifications.lock_in_order(conn, [opening.claim.id, *(outcome.claim.id for outcome in outcomes)])
            self._recorder.settle(conn, outcomes, briefs, now)
            if opening is not None and store.holds(conn, opening.claim):
                opened = store.open_attempt(conn, opening.claim, now)
        self._stage("after_outcome")
        return [replace(opening, claim=opened)] if opening is not None and opened is not None else []


def _ends_in_doubt(channel: Channel, type_: str) -> bool:
    """Whether what may have arrived is not sent again, as its receiver would see it twice and it is not worth that."""
    return not channel.folds_repeats and in_doubt(type_) == "hold"
