"""What is stored about people and their preferences, and how it is shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from app.domain.planning import Recipient
from app.domain.preferences import effective_cell
from app.services.contact_book import ContactBook
from app.services.contacts import Contacts
from app.services.people import DEFAULTS_USER, People
from app.store import people
from app.store.people import StoredContact
from channels.base import Channel

SHARED = ("locale", "timezone", "quiet_hours", "daily_at")
"""What is shown with the value that applies, whether the user or the defaults said so."""

_BY_TYPE = ("events", "escalate")


@dataclass(frozen=True, slots=True)
class Shown:
    """A document as the API answers it; `version` counts its changes, 0 when the user has not said anything."""

    body: dict[str, Any]
    version: int


@dataclass(frozen=True, slots=True)
class Stored:
    """What is stored about one user at one moment."""

    user_id: str
    document: Mapping[str, Any]
    version: int
    contacts: Mapping[str, StoredContact]
    recipient: Recipient


class PreferenceView:
    """Reads preference documents."""

    def __init__(self, people_: People, channels: Mapping[str, Channel], book: ContactBook, contacts: Contacts) -> None:
        self._people = people_
        self.types = people_.types
        self._channels = channels
        self._book = book
        self._contacts = contacts

    def stored(self, conn: Connection, user_id: str) -> Stored:
        """What there is about a user, known or not."""
        return self.many(conn, [user_id])[0]

    def many(self, conn: Connection, user_ids: Sequence[str]) -> list[Stored]:
        """The same about each of these users."""
        documents = people.documents(conn, user_ids)
        recipients = self._people.recipients(conn, user_ids)
        known: dict[str, dict[str, StoredContact]] = {user_id: {} for user_id in user_ids}
        for contact in self._book.of(conn, user_ids):
            known[contact.user_id][contact.channel] = contact
        return [
            Stored(
                user_id,
                documents[user_id].document if user_id in documents else {},
                documents[user_id].version if user_id in documents else 0,
                {name: known[user_id][name] for name in self._channels if name in known[user_id]},
                recipients[user_id],
            )
            for user_id in user_ids
        ]

    def shown(self, stored: Stored) -> Shown:
        """The document with every key, whose it is, and what follows from it."""
        wishes = stored.recipient.preferences
        quiet = wishes.quiet_hours
        return Shown(
            {
                "user_id": stored.user_id,
                "locale": wishes.locale,
                "timezone": wishes.timezone,
                "contacts": self.contacts(stored),
                "channels": dict(wishes.channels),
                "events": {type_: dict(row) for type_, row in self._known(wishes.events).items()},
                "quiet_hours": quiet and {"start": f"{quiet.start:%H:%M}", "end": f"{quiet.end:%H:%M}"},
                "daily_at": f"{wishes.daily_at:%H:%M}",
                "muted_until": wishes.muted_until,
                "muted_subjects": list(stored.document.get("muted_subjects", [])),
                "escalate": self._known(stored.document.get("escalate", {})),
                "from_defaults": [name for name in SHARED if name not in stored.document],
                "effective": self._effective(stored),
            },
            stored.version,
        )

    def ground(self, stored: Stored, patch: object) -> dict[str, Any]:
        """What the user set, and nothing else: what a merge patch changes."""
        parts = patch.get("contacts") if isinstance(patch, Mapping) else None
        named = parts if isinstance(parts, Mapping) else {}
        contacts = {name: self._contacts.ground(contact, named.get(name)) for name, contact in stored.contacts.items()}
        by_type = {name: self._known(stored.document[name]) for name in _BY_TYPE if name in stored.document}
        return {**stored.document, **by_type, "contacts": contacts}

    def _known(self, by_type: Mapping[str, Any]) -> dict[str, Any]:
        """Without the types that operators have taken away since."""
        return {type_: said for type_, said in by_type.items() if type_ in self.types}

    def contacts(self, stored: Stored) -> dict[str, Any]:
        """Their contacts, without secrets."""
        return {name: self._contacts.shown(contact) for name, contact in stored.contacts.items()}

    def entry(self, stored: Stored, *, with_secrets: bool) -> dict[str, Any]:
        """What the user set and whose it is, as it is written out."""
        shown = self._contacts.in_clear if with_secrets else self._contacts.shown
        own = {name: shown(contact) for name, contact in stored.contacts.items() if not contact.from_environment}
        return {"user_id": stored.user_id, **stored.document, **({"contacts": own} if own else {})}

    def said(self, stored: Stored, given: object) -> object:
        """A document without what it only repeats of the defaults: one that carries `effective` is an answer of ours.

        Otherwise nobody who has read and sent back a document would follow when the defaults change.
        """
        if not isinstance(given, Mapping) or "effective" not in given:
            return given
        shown = self.shown(stored).body
        repeated = [name for name in SHARED if name not in stored.document and given.get(name, ...) == shown[name]]
        return {name: value for name, value in given.items() if name not in repeated}

    def _effective(self, stored: Stored) -> dict[str, dict[str, Any]]:
        # The defaults are for people who can be reached; they have no contacts of their own.
        everywhere = stored.user_id == DEFAULTS_USER
        table: dict[str, dict[str, Any]] = {}
        for type_ in self.types:
            row = table[type_] = {}
            for channel in self._people.traits:
                reachable = everywhere or channel.name in stored.recipient.targets
                cell = effective_cell(stored.recipient.preferences, type_, channel, reachable=reachable)
                row[channel.name] = {"rhythm": cell.rhythm, "source": cell.source, "locked": cell.locked}
        return table
