"""The door for events: check, plan, and commit in one transaction; then, and only then, announce.

What was accepted is a committed row. Whatever dies afterwards, the relay announces it again.
"""

import hashlib
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from typing import Any

from sqlalchemy import Connection

from app.domain import shapes
from app.domain.clock import Clock
from app.domain.events import Event
from app.domain.fingerprint import canonical, fingerprint, sameness
from app.domain.ids import new_id
from app.domain.notifications import Notification, Status, lane_of
from app.domain.planning import Decision, Place, Recipient, plan
from app.services import event_schema, excerpts, open_alerts
from app.services.admission import Admission
from app.services.people import People
from app.services.shared_commits import SharedCommits
from app.store import audit, events
from app.store.engine import Database

MOST_IN_BATCH = 500
MOST_PAIRS = 10_000
LONGEST_KEY = 255
KEY_LIFETIME = timedelta(hours=24)
_PLANNER = "system:intake"
_STATUS: Mapping[str, Status] = {"send": "pending", "hold": "held", "suppress": "suppressed"}


class Invalid(Exception):
    """The request breaks a rule; `errors` says where and how, as {location: {field: [messages]}}."""

    def __init__(self, errors: Mapping[str, Any]) -> None:
        super().__init__(str(errors))
        self.errors = dict(errors)


class IdempotencyMismatch(Exception):
    """The idempotency key was used before, with another request."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """An event that is in the database; `replayed` when an earlier request with the same key put it there."""

    index: int
    id: str
    created_at: datetime
    replayed: bool


@dataclass(frozen=True, slots=True)
class Rejected:
    """An entry of a batch that was refused, and why."""

    index: int
    errors: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Draft:
    index: int
    event: Event
    key: str | None
    key_owner: str
    request_hash: str


class Intake:
    """Accepts events."""

    def __init__(
        self, database: Database, people: People, admission: Admission, clock: Clock, *, stage: Callable[[str], None]
    ) -> None:
        """`stage` is told each point a drill may stop the process at."""
        self._database = database
        self._commits = SharedCommits(database)
        self._people = people
        self._admission = admission
        self._clock = clock
        self._stage = stage
        self._channels = [trait.name for trait in people.traits]

    def submit(
        self, raw: object, *, owner: str, actor: str, idempotency_key: str | None = None, key_space: str = ""
    ) -> Accepted:
        """Accept one event. Keys of different spaces never meet. Raises Invalid or IdempotencyMismatch."""
        draft = self._draft(0, raw, owner, idempotency_key, key_space)
        if isinstance(draft, Rejected):
            raise Invalid({"json": draft.errors})
        accepted, rejected = self._accept([draft], actor)
        if rejected:
            raise IdempotencyMismatch("this Idempotency-Key was used with another request")
        return accepted[0]

    def submit_batch(
        self, raws: Sequence[object], *, owner: str, actor: str, key_space: str = ""
    ) -> tuple[list[Accepted], list[Rejected]]:
        """Accept what is right of up to 500 events, in one transaction. Raises Invalid when there are too many."""
        if not 1 <= len(raws) <= MOST_IN_BATCH:
            raise Invalid({"json": {"events": [f"Must hold 1 to {MOST_IN_BATCH} events."]}})
        drafts: list[_Draft] = []
        rejected: list[Rejected] = []
        for index, raw in enumerate(raws):
            key, body, faults = _own_key(raw)
            draft = Rejected(index, faults) if faults else self._draft(index, body, owner, key, key_space)
            if isinstance(draft, Rejected):
                rejected.append(draft)
            else:
                drafts.append(draft)
        pairs = sum(len(draft.event.recipients) for draft in drafts)
        if pairs > MOST_PAIRS:
            raise Invalid(
                {"json": {"events": [f"Plans {pairs} event × recipient pairs; at most {MOST_PAIRS} are allowed."]}}
            )
        accepted, refused = self._accept(drafts, actor) if drafts else ([], [])
        return accepted, sorted([*rejected, *refused], key=lambda one: one.index)

    def reject(self, task_id: str, errors: Mapping[str, Any], *, actor: str) -> None:
        """Put on record that an event sent as a task was refused, and why, in no more words than are needed."""
        entry = audit.Entry(
            self._clock.now(), actor, "reject", f"task:{excerpts.line(task_id, 128)}", {"errors": excerpts.of(errors)}
        )
        with self._database.write() as conn:
            audit.record(conn, [entry])

    def _draft(self, index: int, raw: object, owner: str, key: str | None, key_space: str) -> _Draft | Rejected:
        now = self._clock.now()
        if key is not None and (unfit := _key_faults(key)):
            return Rejected(index, {"idempotency_key": unfit})
        values, errors = event_schema.load(raw, self._channels, now, self._people.types)
        if errors:
            return Rejected(index, errors)
        request_hash = hashlib.sha256(canonical(raw).encode()).hexdigest() if key is not None else ""
        return _Draft(
            index, event_schema.event_of(values, owner, now, self._people.types), key, owner + key_space, request_hash
        )

    def _accept(self, drafts: Sequence[_Draft], actor: str) -> tuple[list[Accepted], list[Rejected]]:
        with self._database.glance() as conn:
            users = sorted({user_id for draft in drafts for user_id in draft.event.recipients})
            recipients = self._people.recipients(conn, users)
            happened = [draft.event for draft in drafts]
            ended = open_alerts.that_end(conn, happened, recipients, self._people.traits)
        now = self._clock.now()
        # All that can be done before it is, so that the transaction is short.
        planned: dict[str, list[Notification]] = {}
        for event in happened:
            planned[event.id] = self._plan(event, recipients, ended, now)
            # What one event of a batch opens, a later one may close.
            ended |= open_alerts.opened_by(planned[event.id])
        committed: list[Notification] = []
        try:
            write = partial(self._write, drafts, planned, actor, now)
            accepted, rejected, committed = self._commits.run(write, size=sum(map(len, planned.values())))
            self._stage("after_accept")
        finally:
            self._admission.announce(committed, chain.from_iterable(planned.values()))
        return accepted, rejected

    def _write(
        self,
        drafts: Sequence[_Draft],
        planned: Mapping[str, Sequence[Notification]],
        actor: str,
        now: datetime,
        conn: Connection,
    ) -> tuple[list[Accepted], list[Rejected], list[Notification]]:
        accepted: list[Accepted] = []
        rejected: list[Rejected] = []
        fresh: list[Event] = []
        for draft in drafts:
            holder = self._holder(conn, draft, now)
            if holder.event_id == draft.event.id:
                fresh.append(draft.event)
                accepted.append(Accepted(draft.index, draft.event.id, draft.event.created_at, False))
            elif holder.request_hash == draft.request_hash:
                first = events.load_events(conn, [holder.event_id]).get(holder.event_id)
                created_at = first.created_at if first else draft.event.created_at
                accepted.append(Accepted(draft.index, holder.event_id, created_at, True))
            else:
                rejected.append(Rejected(draft.index, {"idempotency_key": ["Was used with another request."]}))
        rows = [row for event in fresh for row in planned[event.id]]
        told = [audit.Entry(now, actor, "accept", event.id, {"type": event.type}) for event in fresh]
        stored = self._admission.store(conn, rows, _PLANNER, now, stems=fresh, told=told)
        return accepted, rejected, stored

    def _plan(
        self, event: Event, recipients: Mapping[str, Recipient], open_: Container[Place], now: datetime
    ) -> list[Notification]:
        same = sameness(event.type, event.subject_key, event.data, event.dedupe_key)
        return [
            self._row(event, decision, same, now)
            for user_id in event.recipients
            for decision in plan(event, recipients[user_id], self._people.traits, now, open_)
            if decision.stored
        ]

    def _holder(self, conn: Connection, draft: _Draft, now: datetime) -> events.Claimed:
        claimed = events.Claimed(draft.event.id, draft.request_hash)
        if draft.key is None:
            return claimed
        return events.claim_key(conn, draft.key_owner, draft.key, claimed, now=now, forgotten_before=now - KEY_LIFETIME)

    def _row(self, event: Event, decision: Decision, same: str, now: datetime) -> Notification:
        lane = lane_of(decision.channel, event.priority)
        status = _STATUS[decision.verdict]
        return Notification(
            id=new_id("ntf", now),
            event_id=event.id,
            user_id=decision.user_id,
            type=event.type,
            channel=decision.channel,
            lane=lane,
            target=decision.target,
            priority=event.priority,
            status=status,
            reason=None if status == "pending" else decision.reason,
            subject_key=event.subject_key,
            sequence=event.sequence,
            source=event.source or event.owner,
            fingerprint=fingerprint(same, decision.user_id, decision.channel),
            next_at=decision.until or now,
            expires_at=event.expires_at,
            created_at=now,
            updated_at=now,
            announced_at=self._admission.place_on(lane, now) if status == "pending" else None,
            alert_key=decision.alert_key,
            closes_alert=decision.closes_alert,
            fallback=decision.fallback,
        )


def _key_faults(key: str) -> list[str]:
    return shapes.faults(key) if 1 <= len(key) <= LONGEST_KEY else [f"Must have 1 to {LONGEST_KEY} characters."]


def _own_key(raw: object) -> tuple[str | None, object, dict[str, Any]]:
    """A batch entry's own idempotency key, the entry without it, and what is wrong with the key."""
    if not isinstance(raw, Mapping) or raw.get("idempotency_key") is None:
        return None, {k: v for k, v in raw.items() if k != "idempotency_key"} if isinstance(raw, Mapping) else raw, {}
    key = raw["idempotency_key"]
    if not isinstance(key, str):
        return None, raw, {"idempotency_key": [f"Must be a string of 1 to {LONGEST_KEY} characters."]}
    return key, {name: value for name, value in raw.items() if name != "idempotency_key"}, {}
