"""Contacts as they are looked up: those that are stored, and those that the environment gives the operators.

What the operators have set themselves comes before the environment's. A contact of the environment has no row; when its
receiver wants nothing more there, a row is made that remembers which one that was, so that a changed variable is used.
One that pages people is used all the same, and its row only says what its receiver has against it.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from app.domain.events import OPERATORS
from app.domain.fingerprint import canonical
from app.store import people
from app.store.people import StoredContact
from app.store.secretbox import SecretBox
from channels.base import Channel, Contact

# The public part of a row that is only there to say that the contact with this digest as its target is disabled.
_MARK = {"of_environment": True}


class ContactBook:
    """Finds contacts, and notes what is wrong with them."""

    def __init__(self, channels: Mapping[str, Channel], box: SecretBox) -> None:
        self._always_used = frozenset(name for name, channel in channels.items() if channel.kind == "alert")
        self._given: dict[str, StoredContact] = {}
        self._digests: dict[str, str] = {}
        for name, channel in channels.items():
            contact = channel.operators_contact()
            if contact is not None:
                target, sealed = channel.target(contact), box.seal(contact.secret)
                self._given[name] = StoredContact(
                    OPERATORS, name, contact.public, sealed, target, None, from_environment=True
                )
                self._digests[name] = _digest(contact)

    def of(self, conn: Connection, user_ids: Iterable[str]) -> list[StoredContact]:
        """Every contact of these users."""
        wanted = list(user_ids)
        return self.completed(people.contacts_of(conn, wanted), wanted)

    def completed(self, stored: Iterable[StoredContact], user_ids: Collection[str]) -> list[StoredContact]:
        """What is stored for these users, with what the environment gives those among them that are operators."""
        given = self._given if OPERATORS in user_ids else {}
        return list(self._merged(stored, given))

    def on(self, conn: Connection, channel: str, user_ids: Iterable[str], *, lock: bool = False) -> list[StoredContact]:
        """The contacts of these users on one channel; `lock`: nobody else changes what is stored of them meanwhile."""
        wanted = list(user_ids)
        given = {channel: self._given[channel]} if OPERATORS in wanted and channel in self._given else {}
        return list(self._merged(people.contacts_on(conn, channel, wanted, lock=lock), given))

    def still_used(self, conn: Connection, user_id: str, channel: Channel, contact: Contact) -> StoredContact | None:
        """The user's contact, locked; None when it is disabled, or not the one that is given any more.

        It opens no secrets: what was sent has to be recorded while they are being re-encrypted, too.
        """
        there = next(iter(self.on(conn, channel.name, [user_id], lock=True)), None)
        if there is None or there.disabled_reason is not None:
            return None
        return there if (there.public, there.target) == (contact.public, channel.target(contact)) else None

    def refuse(self, conn: Connection, there: StoredContact, reason: str, now: datetime) -> bool:
        """Stop using a contact, or only note what its receiver has against it; false when that was done before."""
        if not there.from_environment:
            return people.disable_contact(conn, there.user_id, there.channel, reason, now)
        return people.put_mark(conn, self._mark(there, reason), now)

    def is_always_used(self, contact: StoredContact) -> bool:
        """Whether it is not for a receiver to turn it off: people are paged by it, and who set it is somebody else."""
        return contact.from_environment and contact.channel in self._always_used

    def mended(self, conn: Connection, there: StoredContact) -> None:
        """Forget what was wrong with a contact: it takes what is sent there."""
        if there.refused is not None:
            people.remove_mark(conn, self._mark(there, there.refused))
        else:
            people.note_failing(conn, there.user_id, there.channel, since=None)

    def _mark(self, contact: StoredContact, reason: str) -> StoredContact:
        return StoredContact(contact.user_id, contact.channel, _MARK, None, self._digests[contact.channel], reason)

    def _merged(self, rows: Iterable[StoredContact], given: Mapping[str, StoredContact]) -> Iterator[StoredContact]:
        left = dict(given)
        for row in rows:
            if row.public != _MARK:
                if row.user_id == OPERATORS:
                    left.pop(row.channel, None)
                yield row
            elif row.channel in left and row.target == self._digests[row.channel]:
                given_one, said = left[row.channel], row.disabled_reason
                always_used = row.channel in self._always_used
                left[row.channel] = (
                    replace(given_one, refused=said)
                    if always_used
                    else replace(given_one, disabled_reason=said, disabled_at=row.disabled_at)
                )
        yield from left.values()


def _digest(contact: Contact) -> str:
    """Tells one contact of the environment from another, and nothing about it."""
    return hashlib.sha256(canonical([contact.public, contact.secret]).encode()).hexdigest()
