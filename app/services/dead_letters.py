"""Notifications of everybody, for operators: finding them, and sending them again."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from app.domain.clock import Clock
from app.domain.events import DEFAULT_LIFETIME
from app.domain.ids import new_id
from app.domain.notifications import Notification
from app.domain.planning import Recipient
from app.services.admission import Admission
from app.services.people import People
from app.store import audit, history
from app.store.audit_people import person
from app.store.engine import Database
from app.store.history import Filters


@dataclass(frozen=True, slots=True)
class Replay:
    """How many notifications matched, and the new ones that were made of them."""

    matched: int
    created: list[Notification]


class DeadLetters:
    """Sends again what has ended."""

    def __init__(self, database: Database, people: People, admission: Admission, clock: Clock) -> None:
        self._database = database
        self._people = people
        self._admission = admission
        self._clock = clock

    def replay(self, wanted: Filters, *, limit: int, dry_run: bool, actor: str) -> Replay:
        """Make a new notification of each that matches and has ended, the oldest first, at most `limit` of them.

        They pass dedupe and limits, and are written anew in their reader's language. What is being sent again
        already, or was delivered at the second try, is not taken once more; what failed again is taken as it is now.
        """
        while True:
            # They are looked for beside everybody's work, as that may take long where they are rare.
            with self._database.read() as conn:
                found = history.replayable(conn, wanted, limit=limit)
            if dry_run or not found:
                return Replay(len(found), [])
            created = self._take(found, wanted, actor)
            # When somebody else has taken all of them, there may be others.
            if created:
                return Replay(len(created), created)

    def _take(self, ids: Sequence[str], wanted: Filters, actor: str) -> list[Notification]:
        now = self._clock.now()
        planned: list[Notification] = []
        created: list[Notification] = []
        try:
            with self._database.write() as conn:
                matched = history.take_replayable(conn, ids)
                if matched:
                    recipients = self._people.recipients(conn, sorted({row.user_id for row in matched}))
                    planned = [self._again(row, recipients[row.user_id]) for row in matched]
                    self._store(conn, planned, wanted, actor, now)
            created = planned
        finally:
            self._admission.announce(created, planned)
        return created

    def _store(
        self, conn: Connection, rows: Sequence[Notification], wanted: Filters, actor: str, now: datetime
    ) -> None:
        detail = {**_told(wanted), "created": len(rows)}
        entries = [audit.Entry(now, actor, "replay", "notifications", detail)]
        entries += [audit.Entry(now, actor, "replay", row.replay_of or "", {"created": row.id}) for row in rows]
        audit.record(conn, entries)
        self._admission.store(conn, rows, actor, now)

    def _again(self, row: Notification, recipient: Recipient) -> Notification:
        now = self._clock.now()
        return replace(
            row,
            id=new_id("ntf", now),
            # Where they are reached today; who is reached nowhere ends as suppressed(no_contact) at the delivery.
            target=recipient.targets.get(row.channel, row.target),
            status="pending",
            reason=None,
            next_at=now,
            expires_at=now + DEFAULT_LIFETIME,
            created_at=now,
            updated_at=now,
            announced_at=self._admission.place_on(row.lane, now),
            lease_until=None,
            fence=0,
            attempts=0,
            duplicates=0,
            last_repeat_at=None,
            repeats_told_in=None,
            possible_duplicate=False,
            delivered_at=None,
            digest_id=None,
            replay_of=row.id,
            content=None,
            cancel_requested_at=None,
            alert_step=None,
            fallback=False,
        )


def _told(wanted: Filters) -> dict[str, Any]:
    """What was asked for as the audit log has it: without a text of an event, and the user apart."""
    sought = wanted.sought()
    user_id = sought.pop("user_id", None)
    filters = {name: "…" if name == "subject_key" else str(value) for name, value in sought.items()}
    return {"filters": filters} if user_id is None else {"filters": filters, "user": person(user_id)}
