"""Contacts as the API receives and shows them; each channel knows what its own are made of.

A contact that cannot be used says why by a mark beside its fields: `disabled` with the receiver's words, and since when
(`disabled_at`); `verified: false`. One of the operators' that comes from the environment says `from: environment`, and
`refused` when its receiver does not take it and it is used all the same. One that is plain text, as an e-mail address,
is then an object with `address` and its marks. Sent back as it was read, it keeps marks and secrets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

from marshmallow import ValidationError
from sqlalchemy import Connection

from app.domain.events import EVENT_TYPES, EventTypes
from app.services.contact_book import ContactBook
from app.services.event_schema import Moment
from app.services.intake import Invalid
from app.store.people import StoredContact
from app.store.secretbox import SecretBox
from channels.base import Channel, Contact, ContactError
from channels.masks import masks_in, unmasked

_LONGEST_TARGET = 255
_LONGEST_REASON = 1024
_FROM, _ENVIRONMENT, _REFUSED = "from", "environment", "refused"
_DISABLED, _DISABLED_AT = "disabled", "disabled_at"
_ADDRESS, _VERIFIED = "address", "verified"


@dataclass(frozen=True, slots=True)
class Written:
    """A contact to be stored, and whether it may be used before anybody has confirmed it."""

    contact: Contact
    verified: bool = True
    disabled: str | None = None
    """Why its receiver wants nothing there, as far as that was known where it comes from."""
    disabled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ContactChanges:
    """What a change does to the contacts: those to write, and the channels that lose theirs."""

    written: Mapping[str, Written]
    removed: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The channels whose contact changes."""
        return (*self.written, *self.removed)

    @property
    def unverified(self) -> set[str]:
        """The channels whose contact has to be confirmed."""
        return {name for name, new in self.written.items() if not new.verified}


class Contacts:
    """Reads and shows contacts; needs no database."""

    def __init__(self, channels: Mapping[str, Channel], box: SecretBox, types: EventTypes = EVENT_TYPES) -> None:
        self._channels = channels
        self._types = types
        self._box = box

    def read(
        self,
        stored: Mapping[str, StoredContact],
        given: Mapping[str, Any],
        *,
        by_user: bool = False,
        restoring: bool = False,
    ) -> ContactChanges:
        """What changes when these contacts take the place of the stored ones.

        An address that a user sets has to be verified, one that a key sets is taken as verified unless it says that it
        is not. When `restoring`, one that is new here and was disabled where it comes from is so here. Raises Invalid.
        """
        written: dict[str, Written] = {}
        faults: dict[str, Any] = {}
        for name, value in given.items():
            try:
                new = self._read(name, value, stored.get(name), by_user=by_user, restoring=restoring)
            except ContactError as fault:
                faults[name] = fault.messages.get("") or fault.messages
                continue
            if new is not None:
                written[name] = new
        if faults:
            raise Invalid({"json": {"contacts": faults}})
        removed = [name for name, old in stored.items() if name not in given and not old.from_environment]
        # The environment's is never stored: to take it up again is to forget that it was disabled.
        forgotten = [name for name, new in written.items() if self._is_given(stored.get(name), new.contact)]
        kept = {name: new for name, new in written.items() if name not in forgotten}
        return ContactChanges(kept, (*removed, *forgotten))

    @property
    def box(self) -> SecretBox:
        """What their secrets are sealed with."""
        return self._box

    def shown(self, contact: StoredContact) -> object:
        """The contact as the API answers it: without secrets, and with the marks it has."""
        value = self._channels[contact.channel].show_contact(self.opened(contact))
        marks = {
            **({_FROM: _ENVIRONMENT} if contact.from_environment else {}),
            **({} if contact.verified else {_VERIFIED: False}),
            **(
                {}
                if contact.disabled_reason is None
                else {_DISABLED: contact.disabled_reason, _DISABLED_AT: contact.disabled_at}
            ),
            **({} if contact.refused is None else {_REFUSED: contact.refused}),
        }
        if not marks:
            return value
        return {**(value if isinstance(value, Mapping) else {_ADDRESS: value}), **marks}

    def ground(self, contact: StoredContact, patch: object) -> object:
        """The contact as it is shown, to be changed by a patch: what is said of an address is not said of another."""
        value = self.shown(contact)
        if not isinstance(value, Mapping) or not isinstance(patch, Mapping) or _VERIFIED not in value:
            return value
        is_same = patch.get(_ADDRESS, value[_ADDRESS]) == value[_ADDRESS]
        return value if is_same else {name: part for name, part in value.items() if name != _VERIFIED}

    def in_clear(self, contact: StoredContact) -> object:
        """The same with its secrets, for nobody but another installation."""
        return unmasked(self.shown(contact), self.opened(contact).secret)

    def lacking(self, stored: Mapping[str, StoredContact], given: Mapping[str, Any]) -> dict[str, Any]:
        """Those of these contacts of which a secret is neither given nor the one that is stored."""
        here = {name: masks_in(self.shown(contact)) for name, contact in stored.items()}
        return {
            name: value for name, value in given.items() if not masks_in(value).items() <= here.get(name, {}).items()
        }

    def opened(self, contact: StoredContact) -> Contact:
        """The contact as its channel knows it."""
        return Contact(contact.public, self._box.open(contact.sealed))

    def sealed(self, user_id: str, name: str, new: Written) -> StoredContact:
        """A contact in the form in which it is stored."""
        target = self._channels[name].target(new.contact)
        secret = self._box.seal(new.contact.secret)
        return StoredContact(
            user_id, name, new.contact.public, secret, target, new.disabled, new.verified, disabled_at=new.disabled_at
        )

    def made(self, name: str, new: Written, old: StoredContact | None) -> Mapping[str, str]:
        """The secrets that this change made, by field; they are shown this one time."""
        before = None if old is None else self.opened(old)
        return self._channels[name].created_secrets(new.contact, before)

    def _is_given(self, old: StoredContact | None, contact: Contact) -> bool:
        return old is not None and old.from_environment and contact == self.opened(old)

    def _read(
        self, name: str, value: Any, old: StoredContact | None, *, by_user: bool, restoring: bool
    ) -> Written | None:
        """The contact if it has to be stored, None if it is as it was. Raises ContactError."""
        channel = self._channels[name]
        before = None if old is None else self.opened(old)
        bare, marks = _without_marks(value, _marks_of(channel, old))
        if marks.get(_FROM, _ENVIRONMENT) != _ENVIRONMENT:
            raise ContactError({_FROM: [f"Must be {_ENVIRONMENT}."]})
        contact = channel.read_contact(bare, before)
        # What was said before stays sayable when an operator has taken the type away.
        sayable = {*self._types, *((before.public.get("types") or ()) if before else ())}
        unknown = [type_ for type_ in contact.public.get("types") or () if type_ not in sayable]
        if unknown:
            raise ContactError({"types": [f"Unknown event type. Allowed: {', '.join(self._types)}."]})
        if len(channel.target(contact)) > _LONGEST_TARGET:
            raise ContactError({"": ["The name of the host is too long."]})
        there = old if old is not None and before is not None and contact.public == before.public else None
        verified = not channel.must_verify or _verified(marks.get(_VERIFIED), there, by_user=by_user)
        if restoring and contact != before:
            return Written(contact, verified, *_disabled(marks))
        if old is not None and contact == before and old.disabled_reason is not None:
            if not _is_taken_up(channel, marks, by_user=by_user):
                return None
            # Whoever says that mail arrives there again can show it.
            return Written(contact, verified and not (by_user and channel.must_verify))
        if old is None or contact != before or verified != old.verified:
            return Written(contact, verified)
        return None


def contact_in_use(conn: Connection, book: ContactBook, user_id: str, channel: str) -> StoredContact:
    """A user's contact on the channel, verified or not. Raises Invalid when there is none, or it is disabled."""
    contact = next(iter(book.on(conn, channel, [user_id])), None)
    if contact is None:
        refuse_contact(f"The user has no contact there; set contacts.{channel} in the preferences first.")
    if contact.disabled_reason is not None:
        said = f"The contact is disabled ({contact.disabled_reason})"
        refuse_contact(f'{said}; send contacts.{channel} again with "disabled": false first.')
    return contact


def refuse_contact(why: str) -> NoReturn:
    """Say that nothing can be sent to the user on the channel that the path names. Raises Invalid."""
    raise Invalid({"path": {"channel": [why]}})


def _marks_of(channel: Channel, old: StoredContact | None) -> tuple[str, ...]:
    """What may stand beside the fields of a contact on this channel."""
    verified = (_VERIFIED,) if channel.must_verify else ()
    given = (_FROM, _REFUSED) if old is not None and old.from_environment else ()
    return (_DISABLED, _DISABLED_AT, *verified, *given)


def _without_marks(value: Any, marks: Sequence[str]) -> tuple[Any, dict[str, Any]]:
    if not isinstance(value, Mapping):
        return value, {}
    bare = {field: part for field, part in value.items() if field not in marks}
    return bare, {mark: value[mark] for mark in marks if mark in value}


def _is_taken_up(channel: Channel, marks: Mapping[str, Any], *, by_user: bool) -> bool:
    """Whether a contact that its receiver made us stop using is to be used again, as it is sent without that mark.

    Services send the addresses they know again and again, and know nothing of a bounce: they have to say it.
    """
    if _DISABLED in marks:
        return not marks[_DISABLED]
    return by_user or not channel.must_verify


def _disabled(marks: Mapping[str, Any]) -> tuple[str | None, datetime | None]:
    """Why and since when a contact is not used, as it was shown. Raises ContactError."""
    reason, since = marks.get(_DISABLED), marks.get(_DISABLED_AT)
    if reason is None or reason is False:
        return None, None
    if not isinstance(reason, str) or len(reason) > _LONGEST_REASON:
        raise ContactError({_DISABLED: [f"Must be false, or the reason in at most {_LONGEST_REASON} characters."]})
    try:
        return reason, None if since is None else Moment().deserialize(since)
    except ValidationError as fault:
        raise ContactError({_DISABLED_AT: list(map(str, fault.messages))}) from None


def _verified(said: object, there: StoredContact | None, *, by_user: bool) -> bool:
    """Whether a contact counts as verified; `there` is the same address as it is stored. Raises ContactError."""
    if said is not None and not isinstance(said, bool):
        raise ContactError({_VERIFIED: ["Must be true or false."]})
    known = there is not None and there.verified
    if not by_user:
        # A document that was read and is sent back, or to somebody else, does not vouch for the address in it.
        return known or said is not False
    if said and not known:
        raise ContactError({_VERIFIED: ["Only the link in the mail that is sent there verifies an address."]})
    return known
