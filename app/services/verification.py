"""Addresses that users set for themselves: nothing is sent there before somebody who reads there has agreed.

The question is a notification like any other: with a row, attempts and a history, only past dedupe, limits and quiet
hours. It travels on the urgent lane, since somebody waits for it.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from app.domain.clock import Clock
from app.domain.fingerprint import canonical
from app.domain.ids import is_id
from app.domain.notifications import VERIFICATION, Notification
from app.services.admission import Admission
from app.services.cancelling import cancel
from app.services.contact_book import ContactBook
from app.services.contacts import contact_in_use
from app.services.people import People
from app.services.quota import Quota
from app.services.verify_links import VerifyLinks
from app.store import counters, notifications
from app.store.engine import Database
from app.store.gates import Gates
from channels.base import Channel, Contact

QUOTA = "verify-user"
"""What the mails are counted under, by user."""
MOST_FOR_USER = 5
MOST_FOR_ADDRESS = 3
QUOTA_WINDOW = timedelta(hours=1)


class NothingToVerify(Exception):
    """The contact is verified already, or is of a kind that is used without it."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a link asks: whether notifications for this user may go to this contact."""

    notification_id: str
    user_id: str
    channel: str
    contact: Contact
    address: str
    verified: bool
    """It was answered already."""
    until: datetime
    locale: str
    timezone: str


class Verification:
    """Asks for the confirmation of addresses, and knows the links by which it is given."""

    def __init__(
        self,
        database: Database,
        gates: Gates,
        admission: Admission,
        channels: Mapping[str, Channel],
        people_: People,
        book: ContactBook,
        links: VerifyLinks,
        clock: Clock,
        *,
        process: str,
    ) -> None:
        self._database = database
        self._admission = admission
        self._channels = channels
        self._people = people_
        self._book = book
        self._links = links
        self._clock = clock
        self._process = process
        self._of_user = Quota(gates, QUOTA, "verification mails for this user", MOST_FOR_USER, QUOTA_WINDOW)
        self._of_address = Quota(
            gates, "verify-address", "verification mails to this address", MOST_FOR_ADDRESS, QUOTA_WINDOW
        )

    def mail(self, user_id: str, channel: str, contact: Contact) -> Notification:
        """The question about a contact, to be stored. Raises TooMany, for the user's sake or for the address's."""
        now = self._clock.now()
        self._of_user.take(user_id, now)
        self._of_address.take(_digest(contact), now)
        target = self._channels[channel].target(contact)
        return self._admission.own(VERIFICATION, user_id, channel, target, now, priority="critical")

    def announcing(self, mails: Sequence[Notification]) -> AbstractContextManager[Sequence[Notification]]:
        """As the admission does."""
        return self._admission.announcing(mails)

    def withdraw(self, conn: Connection, user_id: str, channels: Iterable[str], actor: str, now: datetime) -> None:
        """Take back what still asks about contacts that have changed. Before any contact is written."""
        # A delivery locks its notification and then, to disable it, the contact: this has to keep to the same order.
        tally = counters.Tally()
        for channel in channels:
            if self._channels[channel].must_verify:
                cancel(conn, notifications.of_a_type(user_id, channel, VERIFICATION), actor, now, tally)
        tally.save(conn, self._process)

    def store(self, conn: Connection, mails: Sequence[Notification], actor: str, now: datetime) -> None:
        """Store the questions. Last in the transaction."""
        self._admission.store(conn, mails, actor, now)

    def ask_again(self, user_id: str, channel: str, *, actor: str) -> Notification:
        """Send the question once more, with a new link. Raises Invalid, NothingToVerify and TooMany."""
        if not self._channels[channel].must_verify:
            raise NothingToVerify
        with self._database.read() as conn:
            stored = contact_in_use(conn, self._book, user_id, channel)
        if stored.verified:
            raise NothingToVerify
        mail = self.mail(user_id, channel, Contact(stored.public))
        with self._admission.announcing([mail]) as rows, self._database.write() as conn:
            self.withdraw(conn, user_id, [channel], actor, mail.created_at)
            self._admission.store(conn, rows, actor, mail.created_at)
        return mail

    def question(self, token: str) -> Question | None:
        """What a link asks; None when it is forged or too old, or the address has changed since it was sent."""
        id_ = token.partition(".")[0]
        if not is_id("ntf", id_):
            return None
        with self._database.read() as conn:
            row = notifications.load(conn, id_)
            if row is None or row.type != VERIFICATION:
                return None
            stored = next(iter(self._book.on(conn, row.channel, [row.user_id])), None)
            reader = self._people.wishes(conn, [row.user_id])[row.user_id]
        contact = Contact(stored.public if stored else {})
        fits = self._links.fits(token, row.id, row.user_id, contact)
        if stored is None or not fits or row.expires_at <= self._clock.now():
            return None
        return Question(
            notification_id=row.id,
            user_id=row.user_id,
            channel=row.channel,
            contact=contact,
            address=str(self._channels[row.channel].show_contact(contact)),
            verified=stored.verified,
            until=row.expires_at,
            locale=reader.locale,
            timezone=reader.timezone,
        )


def _digest(contact: Contact) -> str:
    """One word for an address, however its letters are written; the gates keep it for an hour."""
    return hashlib.sha256(canonical(contact.public).casefold().encode()).hexdigest()
