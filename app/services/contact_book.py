"""Contacts as they are looked up: those that are stored, and those that the environment gives the operators.

What the operators have set themselves comes before the environment's. A contact of the environment has no row; when its
receiver wants nothing more there, a row is made that remembers which one that was, so that a changed variable is used.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
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
    """Finds contacts, and disables them."""

    def __init__(self, channels: Mapping[str, Channel], box: SecretBox) -> None:
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
        given = self._given if OPERATORS in wanted else {}
        return list(self._merged(people.contacts_of(conn, wanted), given))

    def on(self, conn: Connection, channel: str, user_ids: Iterable[str]) -> list[StoredContact]:
        """The contacts of these users on one channel."""
        wanted = list(user_ids)
        given = {channel: self._given[channel]} if OPERATORS in wanted and channel in self._given else {}
        return list(self._merged(people.contacts_on(conn, channel, wanted), given))

    def disable(self, conn: Connection, user_id: str, channel: str, reason: str, now: datetime) -> bool:
        """Stop using a contact, and say why; false when it was already disabled or is gone."""
        there = next(iter(self.on(conn, channel, [user_id])), None)
        if there is None or there.disabled_reason is not None:
            return False
        if not there.from_environment:
            return people.disable_contact(conn, user_id, channel, reason, now)
        mark = StoredContact(user_id, channel, _MARK, None, self._digests[channel], reason)
        return people.put_mark(conn, mark, now)

    def _merged(self, rows: Iterable[StoredContact], given: Mapping[str, StoredContact]) -> Iterator[StoredContact]:
        left = dict(given)
        for row in rows:
            if row.public != _MARK:
                if row.user_id == OPERATORS:
                    left.pop(row.channel, None)
                yield row
            elif row.channel in left and row.target == self._digests[row.channel]:
                left[row.channel] = replace(left[row.channel], disabled_reason=row.disabled_reason)
        yield from left.values()


def _digest(contact: Contact) -> str:
    """Tells one contact of the environment from another, and nothing about it."""
    return hashlib.sha256(canonical([contact.public, contact.secret]).encode()).hexdigest()
