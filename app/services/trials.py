"""Trying out a channel: one message to see that it arrives, past every rule but the number of them."""

from collections.abc import Mapping
from datetime import timedelta

from app.domain.clock import Clock
from app.domain.notifications import TEST, Notification
from app.services.admission import Admission
from app.services.contact_book import ContactBook
from app.services.contacts import contact_in_use, refuse_contact
from app.services.people import INBOX_TARGET
from app.services.quota import Quota
from app.store.engine import Database
from app.store.gates import Gates
from channels.base import Channel

QUOTA = "test"
"""What they are counted under, by user."""
MOST_TRIALS = 10
TRIAL_WINDOW = timedelta(minutes=5)


class Trials:
    """Sends tests."""

    def __init__(
        self,
        database: Database,
        gates: Gates,
        admission: Admission,
        channels: Mapping[str, Channel],
        book: ContactBook,
        clock: Clock,
    ) -> None:
        self._database = database
        self._admission = admission
        self._channels = channels
        self._book = book
        self._clock = clock
        self._quota = Quota(gates, QUOTA, "tests for this user", MOST_TRIALS, TRIAL_WINDOW)

    def send(self, user_id: str, channel: str, *, actor: str) -> Notification:
        """Let a test of this channel be sent to the user. Raises Invalid when they can't be reached, and TooMany."""
        target = self._target(user_id, self._channels[channel])
        now = self._clock.now()
        self._quota.take(user_id, now)
        row = self._admission.own(TEST, user_id, channel, target, now)
        with self._admission.announcing([row]) as rows, self._database.write() as conn:
            self._admission.store(conn, rows, actor, now)
        return row

    def _target(self, user_id: str, channel: Channel) -> str:
        if not channel.needs_contact:
            return INBOX_TARGET
        with self._database.read() as conn:
            contact = contact_in_use(conn, self._book, user_id, channel.name)
        if not contact.verified:
            refuse_contact("The address is not verified yet; the link in the mail that was sent there does that.")
        return contact.target
