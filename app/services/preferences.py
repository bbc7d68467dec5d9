"""Preferences as people read and change them: one document per user, their contacts included."""

from collections.abc import Callable, Container, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from marshmallow import ValidationError

from app.domain.clock import Clock
from app.domain.notifications import Notification
from app.domain.preferences import ChannelTraits
from app.services.contacts import ContactChanges, Contacts, Written
from app.services.intake import Invalid
from app.services.merge_patch import merged, nulls_of
from app.services.people import DEFAULTS_USER
from app.services.preference_schema import PreferenceSchema
from app.services.preference_view import PreferenceView, Shown, Stored
from app.services.verification import Verification
from app.store import audit, held, keyring, people
from app.store.audit_people import person
from app.store.engine import Database
from channels.base import Channel, Contact

Outcome = Literal["created", "changed", "unchanged"]
_NOT_OF_DEFAULTS = ("contacts", "muted_until", "muted_subjects")


class VersionConflict(Exception):
    """The document is not at a version the caller asked for."""


class _Overtaken(Exception):
    """Somebody else's change was stored first."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What became of a document that was kept elsewhere, and those of its contacts that were left out."""

    outcome: Outcome
    left_out: tuple[str, ...] = ()


class PreferenceDocuments:
    """Reads and changes preference documents; two changes at once never mix."""

    def __init__(
        self,
        database: Database,
        traits: Sequence[ChannelTraits],
        channels: Mapping[str, Channel],
        view: PreferenceView,
        contacts: Contacts,
        verification: Verification,
        clock: Clock,
    ) -> None:
        self._database = database
        self._channels = channels
        self._view = view
        self._contacts = contacts
        self._verification = verification
        self._clock = clock
        self._schema = PreferenceSchema(traits, view.types)

    def get(self, user_id: str) -> Shown:
        """What applies for this user, known or not."""
        with self._database.read() as conn:
            return self._view.shown(self._view.stored(conn, user_id))

    def replace(
        self,
        user_id: str,
        given: object,
        *,
        actor: str,
        by_user: bool = False,
        versions: Container[int] | None = None,
    ) -> Shown:
        """Put a whole document in the place of the old one, if that is at one of these versions (None: at any).

        An address that is new `by_user` is asked whether it wants this, and not used before. The answer shows, this one
        time, the secrets that were made. Raises Invalid, VersionConflict and TooMany.
        """
        return self._change(user_id, lambda stored: self._view.said(stored, given), actor, by_user, versions)

    def merge(
        self,
        user_id: str,
        patch: object,
        *,
        actor: str,
        by_user: bool = False,
        versions: Container[int] | None = None,
    ) -> Shown:
        """Change a document by a merge patch (RFC 7396): null removes, and what is not named stays.

        Raises Invalid, VersionConflict and TooMany.
        """
        return self._change(user_id, lambda stored: self._patched(stored, patch), actor, by_user, versions)

    def restore(self, user_id: str, given: object, *, actor: str, dry_run: bool = False) -> Restored:
        """Put a document that was written out, here or elsewhere, in the place of the old one. No mail asks anybody.

        A contact whose secret is neither in it nor here is left out, and what is there in its place stays as it is.
        `dry_run` only tells what would become of it. Raises Invalid.
        """
        while True:
            with self._database.read() as conn:
                stored = self._view.stored(conn, user_id)
            document, contacts = self._document(stored, self._view.said(stored, given))
            lacking = self._contacts.lacking(stored.contacts, contacts)
            here = {name: value for name, value in self._view.contacts(stored).items() if name in lacking}
            wanted = {name: value for name, value in contacts.items() if name not in lacking} | here
            changes = self._contacts.read(stored.contacts, wanted, restoring=True)
            if document == stored.document and not changes.names:
                return Restored("unchanged", tuple(lacking))
            done = Restored("changed" if stored.version else "created", tuple(lacking))
            if dry_run:
                return done
            with suppress(_Overtaken):
                self._store(stored, document, changes, actor, action="preferences.import")
                return done

    def rotate(self, user_id: str, channel: str, *, actor: str) -> str | None:
        """Give a contact a new signing secret, and take it up again if it was disabled; None if there is no contact."""
        while True:
            with self._database.read() as conn:
                stored = self._view.stored(conn, user_id)
            contact = stored.contacts.get(channel)
            if contact is None:
                return None
            rotated = self._channels[channel].rotate(self._contacts.opened(contact), self._clock.now())
            changes = ContactChanges({channel: Written(rotated, contact.verified)})
            with suppress(_Overtaken):
                self._store(stored, stored.document, changes, actor, action=f"{channel}.rotate")
                return str(rotated.secret["secret"])

    def verify(self, user_id: str, channel: str, contact: Contact, *, actor: str) -> bool:
        """Use this contact from now on, as somebody who reads there agreed; false when the user has another by now."""
        while True:
            with self._database.read() as conn:
                stored = self._view.stored(conn, user_id)
            there = stored.contacts.get(channel)
            if there is None or there.public != contact.public:
                return False
            if there.verified:
                return True
            changes = ContactChanges({channel: Written(contact)})
            with suppress(_Overtaken):
                self._store(stored, stored.document, changes, actor, action="contact.verify")
                return True

    def turn_off(self, user_id: str, channel: str, type_: str | None, *, actor: str) -> None:
        """Send this user no more events of a type on a channel, or nothing at all there (None).

        As if they had changed their preferences, only that it never fails for what else is in them. Of whom nothing is
        known, as of who was erased, nothing is stored.
        """
        while True:
            with self._database.read() as conn:
                stored = self._view.stored(conn, user_id)
            document = _turned_off(stored.document, channel, type_)
            if document == stored.document or (not stored.version and channel not in stored.contacts):
                return
            with suppress(_Overtaken):
                self._store(stored, document, ContactChanges({}), actor, action="preferences.unsubscribe")
                return

    def _change(
        self,
        user_id: str,
        wanted: Callable[[Stored], object],
        actor: str,
        by_user: bool,
        versions: Container[int] | None,
    ) -> Shown:
        # Everything is worked out outside of the write transaction, which then only asks whether anybody was faster.
        # Each round that fails means that somebody else's change was stored, so this comes to an end. What was allowed
        # to be mailed in one round is mailed in the next.
        mails: dict[str, Notification] = {}
        while True:
            with self._database.read() as conn:
                stored = self._view.stored(conn, user_id)
            if versions is not None and stored.version not in versions:
                raise VersionConflict(f"version {stored.version}")
            document, changes = self._read(stored, wanted(stored), by_user=by_user)
            if document == stored.document and not changes.names:
                return self._view.shown(stored)
            for name in changes.unverified - mails.keys():
                mails[name] = self._verification.mail(user_id, name, changes.written[name].contact)
            with suppress(_Overtaken):
                return self._store(stored, document, changes, actor, [mails[name] for name in changes.unverified])

    def _patched(self, stored: Stored, patch: object) -> object:
        """What the user set, changed by the patch. Raises Invalid."""
        try:
            # A null under a name that nobody knows would be merged away unseen.
            self._schema.document(nulls_of(patch) if isinstance(patch, Mapping) else {})
        except ValidationError as fault:
            raise Invalid({"json": fault.messages}) from None
        return merged(self._view.ground(stored, patch), patch)

    def _read(self, stored: Stored, given: object, *, by_user: bool) -> tuple[dict[str, Any], ContactChanges]:
        """The new document in its stored form, and what happens to the contacts. Raises Invalid."""
        document, contacts = self._document(stored, given)
        return document, self._contacts.read(stored.contacts, contacts, by_user=by_user)

    def _document(self, stored: Stored, given: object) -> tuple[dict[str, Any], dict[str, Any]]:
        """The new document in its stored form, and the contacts as they came. Raises Invalid."""
        try:
            document, contacts = self._schema.document(given)
        except ValidationError as fault:
            raise Invalid({"json": fault.messages}) from None
        if stored.user_id == DEFAULTS_USER:
            sent = [name for name in _NOT_OF_DEFAULTS if document.get(name) or (name == "contacts" and contacts)]
            if sent:
                raise Invalid({"json": {name: ["The defaults for everybody cannot have this."] for name in sent}})
        return document, {name: value for name, value in contacts.items() if value is not None}

    def _store(
        self,
        stored: Stored,
        document: Mapping[str, Any],
        changes: ContactChanges,
        actor: str,
        mails: Sequence[Notification] = (),
        *,
        action: str = "preferences",
    ) -> Shown:
        """The stored document as it is answered. Raises _Overtaken when somebody else's change came first."""
        now, user_id = self._clock.now(), stored.user_id
        with self._verification.announcing(mails) as rows, self._database.write() as conn:
            if changes.written:
                keyring.admit(conn, self._contacts.box)
            if people.put_document(conn, user_id, document, replaces=stored.version or None, now=now) is None:
                raise _Overtaken
            self._verification.withdraw(conn, user_id, changes.names, actor, now)
            for name in changes.removed:
                people.remove_contact(conn, user_id, name)
            for name, new in changes.written.items():
                people.put_contact(conn, self._contacts.sealed(user_id, name, new), now)
            changed = _changed_fields(stored.document, document, changes)
            whose = user_id if user_id == DEFAULTS_USER else person(user_id)
            audit.record(conn, [audit.Entry(now, actor, action, whose, {"changed": changed})])
            shown = self._view.shown(self._view.stored(conn, user_id))
            held.look_again(conn, None if user_id == DEFAULTS_USER else user_id, now)
            self._verification.store(conn, rows, actor, now)
        for name, new in changes.written.items():
            made = self._contacts.made(name, new, stored.contacts.get(name))
            if made:
                shown.body["contacts"][name] = {**shown.body["contacts"][name], **made}
        return shown


def _turned_off(document: Mapping[str, Any], channel: str, type_: str | None) -> dict[str, Any]:
    if type_ is None:
        return dict(merged(document, {"channels": {channel: False}}))
    change: dict[str, Any] = {"events": {type_: {channel: "off"}}}
    # A cell that is off is told of all the same when it stays unread.
    if escalation := document.get("escalate", {}).get(type_):
        others = [name for name in escalation["to"] if name != channel]
        change["escalate"] = {type_: {"to": others} if others else None}
    return {name: value for name, value in merged(document, change).items() if value != {}}


def _changed_fields(before: Mapping[str, Any], after: Mapping[str, Any], changes: ContactChanges) -> list[str]:
    """The names of what changed; never a value."""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return sorted([*names, *(f"contacts.{name}" for name in changes.names)])
