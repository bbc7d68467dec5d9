"""Recipients as planning and delivery see them: preferences with the defaults filled in, and contacts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection

from app.domain.events import EVENT_TYPES, EventTypes
from app.domain.planning import Recipient
from app.domain.preferences import NO_ESCALATION, ChannelTraits, Choices, Escalation, Preferences, QuietHours
from app.services.contact_book import ContactBook
from app.store import people
from app.store.secretbox import SecretBox
from channels.base import Channel, Contact

DEFAULTS_USER = "_defaults"
INBOX_TARGET = "inbox"


@dataclass(frozen=True, slots=True)
class Reach:
    """Where a user is reached on a channel, with secrets opened."""

    contact: Contact
    in_trouble: bool = False
    """It did not take what was sent there before."""


class People:
    """Looks up many recipients at a time."""

    def __init__(
        self,
        channels: Mapping[str, Channel],
        book: ContactBook,
        box: SecretBox,
        *,
        default_locale: str,
        default_timezone: str,
        types: EventTypes = EVENT_TYPES,
    ) -> None:
        self._book = book
        self.types = types
        self._box = box
        self._default_locale = default_locale
        self._default_timezone = default_timezone
        self._contactless = [name for name, channel in channels.items() if not channel.needs_contact]
        self.traits: Sequence[ChannelTraits] = tuple(
            ChannelTraits(channel.name, channel.kind, channel.needs_contact, channel.edits)
            for channel in channels.values()
        )

    def recipients(self, conn: Connection, user_ids: Sequence[str]) -> dict[str, Recipient]:
        """Every one of these users, known or not."""
        documents, stored = people.all_about(conn, [*user_ids, DEFAULTS_USER])
        defaults = documents[DEFAULTS_USER].document if DEFAULTS_USER in documents else {}
        targets: dict[str, dict[str, str]] = {
            user_id: dict.fromkeys(self._contactless, INBOX_TARGET) for user_id in user_ids
        }
        contacts: dict[str, list[people.StoredContact]] = {user_id: [] for user_id in user_ids}
        unverified: dict[str, set[str]] = {user_id: set() for user_id in user_ids}
        for contact in self._book.completed(stored, user_ids):
            if contact.is_usable:
                targets[contact.user_id][contact.channel] = contact.target
                contacts[contact.user_id].append(contact)
            elif not contact.verified:
                unverified[contact.user_id].add(contact.channel)
        return {
            user_id: Recipient(
                self.preferences(
                    user_id, documents[user_id].document if user_id in documents else {}, defaults, contacts[user_id]
                ),
                targets[user_id],
                frozenset(unverified[user_id]),
            )
            for user_id in user_ids
        }

    def contacts(
        self, conn: Connection, channel: str, user_ids: Sequence[str], *, verified: bool = True
    ) -> dict[str, Reach]:
        """The contacts of these users on one channel that are not disabled.

        Those that are verified, or else only those that are not.
        """
        return {
            stored.user_id: Reach(Contact(stored.public, self._box.open(stored.sealed)), stored.in_trouble)
            for stored in self._book.on(conn, channel, user_ids)
            if stored.disabled_reason is None and stored.verified is verified
        }

    def wishes(self, conn: Connection, user_ids: Sequence[str]) -> dict[str, Preferences]:
        """The preferences of every one of these users, contacts left aside."""
        documents = people.documents(conn, [*user_ids, DEFAULTS_USER])
        defaults = documents[DEFAULTS_USER].document if DEFAULTS_USER in documents else {}
        return {
            user_id: self.preferences(user_id, documents[user_id].document if user_id in documents else {}, defaults)
            for user_id in user_ids
        }

    def preferences(
        self,
        user_id: str,
        document: Mapping[str, Any],
        defaults: Mapping[str, Any],
        contacts: Iterable[people.StoredContact] = (),
    ) -> Preferences:
        """A stored document as preferences, over the operators' defaults and ours; a contact may narrow its types."""

        def chosen(name: str, fallback: Any) -> Any:
            value = document.get(name)
            return value if value is not None else defaults.get(name) or fallback

        quiet = chosen("quiet_hours", None)
        muted_until = document.get("muted_until")
        return Preferences(
            user_id,
            locale=chosen("locale", self._default_locale),
            timezone=chosen("timezone", self._default_timezone),
            channels=document.get("channels", {}),
            events=document.get("events", {}),
            quiet_hours=QuietHours(*(time.fromisoformat(quiet[side]) for side in ("start", "end"))) if quiet else None,
            daily_at=time.fromisoformat(chosen("daily_at", "08:00")),
            muted_until=datetime.fromisoformat(muted_until) if muted_until else None,
            muted_subjects=frozenset(document.get("muted_subjects", ())),
            only_types={c.channel: frozenset(c.public["types"]) for c in contacts if c.public.get("types")},
            escalate=_escalations(document),
            types=self.types,
            beneath=Choices(defaults.get("channels", {}), defaults.get("events", {}), _escalations(defaults)),
        )


def _escalations(document: Mapping[str, Any]) -> dict[str, Escalation]:
    return {
        type_: Escalation(timedelta(minutes=one["after_minutes"]), tuple(one["to"])) if one else NO_ESCALATION
        for type_, one in document.get("escalate", {}).items()
    }
