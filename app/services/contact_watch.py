"""Contacts that do not take what is sent there: their owners are told, and in the end nothing more is sent.

One that its receiver wants no more is disabled at once. One at which everything fails is given up after days, if its
channel says so; its owner is warned before. All of it is noted with the outcome that shows it, in one transaction and
under the lock of the contact, so that each notice is there once, whoever else is at work. What is delivered costs
nothing, unless the contact was in trouble when the delivery began.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from app.domain.notifications import CONTACT_DISABLED, CONTACT_FAILING, Notification
from app.services.contact_book import ContactBook
from app.services.notices import Notices
from app.store import audit, notifications, people
from app.store.audit_people import person
from app.store.delivery import Outcome
from app.store.notifications import Brief
from app.store.people import StoredContact
from channels.base import Channel
from channels.patience import Patience

_ACTOR = "system:delivery"


@dataclass(frozen=True, slots=True)
class _Case:
    """A contact that did not take what was sent there, as the transaction knows it."""

    conn: Connection
    there: StoredContact
    label: str
    outcome: Outcome
    brief: Brief
    now: datetime

    @property
    def answer(self) -> str:
        """What the receiver said, or what went wrong instead."""
        return self.outcome.detail or "rejected"


class ContactWatch:
    """Learns from outcomes."""

    def __init__(self, book: ContactBook, notices: Notices, channels: Mapping[str, Channel]) -> None:
        self._book = book
        self._notices = notices
        self._channels = channels

    def learn(self, conn: Connection, settled: Sequence[tuple[Outcome, Brief]], now: datetime) -> None:
        """Note what outcomes, in the order in which they came, say about contacts. Before anything is counted."""
        if not any(outcome.was_in_trouble or outcome.result != "delivered" for outcome, _ in settled):
            return
        told: list[Notification] = []
        # In the order of their owners, so that two transactions do not wait for each other in a circle.
        for outcome, brief in sorted(settled, key=lambda one: one[1].user_id):
            if notice := self._learn_from(conn, outcome, brief, now):
                told.append(notice)
        if told:
            self._notices.store(conn, told, _ACTOR, now)

    def _learn_from(self, conn: Connection, outcome: Outcome, brief: Brief, now: datetime) -> Notification | None:
        channel = self._channels[brief.channel]
        patience = channel.patience
        if outcome.contact is None or not (outcome.disables or outcome.was_in_trouble or patience is not None):
            return None
        there = self._book.still_used(conn, brief.user_id, channel, outcome.contact)
        if there is None:
            return None
        if outcome.result == "delivered":
            if there.in_trouble:
                self._book.mended(conn, there)
            return None
        case = _Case(conn, there, channel.label(outcome.contact), outcome, brief, now)
        if outcome.disables:
            return self._refused(case)
        return None if patience is None else self._failed(case, patience)

    def _refused(self, case: _Case) -> Notification | None:
        """The receiver wants no more."""
        if not self._book.refuse(case.conn, case.there, case.answer, case.now):
            return None
        is_used = self._book.is_always_used(case.there)
        self._record(case, "contact.refused" if is_used else "contact.disable", case.outcome.reason)
        return self._notice(case, CONTACT_FAILING if is_used else CONTACT_DISABLED)

    def _failed(self, case: _Case, patience: Patience) -> Notification | None:
        """One more attempt, or the first, that did not succeed."""
        conn, there, at = case.conn, case.there, case.outcome.ended_at or case.now
        since, warned_at = there.failing_since, there.warned_at
        if since is None:
            people.note_failing(conn, there.user_id, there.channel, since=at)
            return None
        if warned_at is None:
            is_due = at - since >= patience.warned_after
        else:
            is_due = at - since >= patience.disabled_after and at - warned_at >= patience.notice
        if not is_due:
            return None
        # A delivery that was under way when the first one failed did not know of any trouble to end.
        if notifications.delivered_after(conn, there.user_id, there.channel, since):
            people.note_failing(conn, there.user_id, there.channel, since=at)
            return None
        if warned_at is None:
            people.note_failing(conn, there.user_id, there.channel, since=since, warned_at=at)
            self._record(case, "contact.warn", "failing")
            until = max(since + patience.disabled_after, at + patience.notice)
            return self._notice(case, CONTACT_FAILING, since=since, until=until)
        reason = f"Every delivery since {since:%Y-%m-%d %H:%M} UTC failed. The last answer: {case.answer}"
        self._book.refuse(conn, there, reason, case.now)
        self._record(case, "contact.disable", "failing")
        return self._notice(case, CONTACT_DISABLED, since=since)

    def _notice(
        self, case: _Case, type_: str, *, since: datetime | None = None, until: datetime | None = None
    ) -> Notification:
        facts = {"contact": case.label, "answer": case.answer, "since": since, "until": until}
        return self._notices.written(case.conn, type_, case.there.user_id, facts, case.now)

    @staticmethod
    def _record(case: _Case, action: str, reason: str | None) -> None:
        detail = {"channel": case.brief.channel, "reason": reason, "notification_id": case.brief.id}
        audit.record(case.conn, [audit.Entry(case.now, _ACTOR, action, person(case.brief.user_id), detail)])
