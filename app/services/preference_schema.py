"""What a preference document may hold, and the form in which it is stored: only what the user set, in one spelling."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from babel.core import Locale as Language
from marshmallow import RAISE, Schema, ValidationError, fields, pre_load, validate

from app.domain.events import EVENT_TYPES, RHYTHMS, EventTypes, Rhythm
from app.domain.preferences import ChannelTraits, lock_of
from app.rendering.catalogues import normalise
from app.services.event_schema import Moment

MOST_MUTED_SUBJECTS = 200
MOST_MINUTES = 7 * 24 * 60
_LONGEST_TAG = 35
_ANSWER_ONLY = ("user_id", "from_defaults", "effective")
_WALL_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_LANGUAGE_TAG = re.compile(r"([a-z]{2,3})(?:-([A-Z][a-z]{3}))?(?:-([A-Z]{2}|[0-9]{3}))?(?:-[0-9a-z]{5,8})*", re.ASCII)
_LOCKS = {"inbox": "the inbox always keeps critical events", "alert": "progress never raises an alert"}


def _text(fits: Callable[[str], bool], message: str, **options: Any) -> fields.String:
    """A text field with one message for whatever is wrong with it."""

    def check(value: str) -> None:
        if not fits(value):
            raise ValidationError(message)

    return fields.String(validate=check, error_messages={"invalid": message}, **options)


def _clock(**options: Any) -> fields.String:
    message = "Must be a time of day from 00:00 to 23:59, like 08:00."
    return _text(lambda value: _WALL_CLOCK.fullmatch(value) is not None, message, **options)


@cache
def _zones() -> frozenset[str]:
    # "localtime" is a name that only this machine understands.
    return frozenset(available_timezones()) - {"localtime", "Factory"}


def _is_language(tag: str) -> bool:
    """Whether it names a language we have heard of, in a script and a place that exist."""
    found = _LANGUAGE_TAG.fullmatch(tag) if len(tag) <= _LONGEST_TAG else None
    if found is None:
        return False
    names = Language("en")
    known = ((found[1], names.languages), (found[2], names.scripts), (found[3], names.territories))
    return all(part is None or part in there for part, there in known)


class _Strict(Schema):
    """An object whose unknown fields are refused by naming the known ones."""

    class Meta:
        """Nothing else is taken."""

        unknown = RAISE

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        names = ", ".join(self.fields)
        self.error_messages = {
            **self.error_messages,
            "unknown": f"Unknown field. Allowed: {names}.",
            "type": f"Must be an object with {names}.",
        }


class _Quiet(_Strict):
    """A daily window; when start and end are the same there is none."""

    start = _clock(required=True)
    end = _clock(required=True)


class PreferenceSchema(_Strict):
    """Loads a document as the API receives it. What is absent, null or empty is not in the result.

    Contacts stay as they came: their channels read them.
    """

    locale = fields.Method(deserialize="read_locale", allow_none=True)
    timezone = _text(
        lambda name: name in _zones(),
        "Must be the name of an IANA time zone, like Europe/Berlin or UTC.",
        allow_none=True,
    )
    contacts = fields.Method(deserialize="read_contacts", allow_none=True)
    channels = fields.Method(deserialize="read_switches", allow_none=True)
    events = fields.Method(deserialize="read_cells", allow_none=True)
    quiet_hours = fields.Nested(_Quiet, allow_none=True)
    daily_at = _clock(allow_none=True)
    muted_until = Moment(allow_none=True)
    muted_subjects = fields.List(
        fields.String(validate=validate.Length(1, 255)),
        allow_none=True,
        validate=validate.Length(max=MOST_MUTED_SUBJECTS, error="Must not hold more than {max} subjects."),
    )
    escalate = fields.Method(deserialize="read_escalations", allow_none=True)

    def __init__(self, channels: Sequence[ChannelTraits], types: EventTypes = EVENT_TYPES) -> None:
        super().__init__()
        self._channels = {channel.name: channel for channel in channels}
        self._types = types

    @pre_load
    def drop_answers(self, given: Any, **_options: Any) -> Any:
        """Leave out what only answers carry, so that an answer can be sent back."""
        if not isinstance(given, Mapping):
            return given
        return {name: value for name, value in given.items() if name not in _ANSWER_ONLY}

    def document(self, given: object) -> tuple[dict[str, Any], dict[str, Any]]:
        """The document as it is stored, and the contacts as they came. Raises marshmallow.ValidationError."""
        loaded: dict[str, Any] = self.load(given)  # type: ignore[arg-type]  # marshmallow itself refuses what is no object
        contacts = loaded.pop("contacts", None) or {}
        if loaded.get("muted_until"):
            loaded["muted_until"] = loaded["muted_until"].astimezone(UTC).isoformat()
        if loaded.get("muted_subjects"):
            loaded["muted_subjects"] = list(dict.fromkeys(loaded["muted_subjects"]))
        return {name: value for name, value in loaded.items() if value not in (None, {}, [])}, contacts

    def read_locale(self, given: object) -> str:
        """A BCP 47 tag; pt_BR is read as pt-BR."""
        tag = normalise(given) if isinstance(given, str) else ""
        if not _is_language(tag):
            raise ValidationError("Must be the BCP 47 tag of a language, like en, de, pt-BR or zh-Hans.")
        return tag

    def read_contacts(self, given: object) -> dict[str, Any]:
        """Contacts of channels that have them."""
        names = [name for name, channel in self._channels.items() if channel.needs_contact]
        return _each(given, names, lambda _, value: value)

    def read_switches(self, given: object) -> dict[str, bool]:
        """Whole channels, on or off."""
        return _without_none(_each(given, self._channels, lambda _, value: _switch(value)))

    def read_cells(self, given: object) -> dict[str, dict[str, Rhythm]]:
        """Rhythms by event type and channel."""
        cells = _each(
            given,
            self._types,
            lambda type_, row: _each(row or {}, self._channels, lambda name, value: self._cell(type_, name, value)),
            what="event type",
        )
        rows = ((type_, _without_none(row)) for type_, row in cells.items())
        return {type_: row for type_, row in rows if row}

    def read_escalations(self, given: object) -> dict[str, Any]:
        """Where an event goes when nobody has looked at it for a while, by event type."""
        return _without_none(_each(given, self._types, self._escalation, what="event type"))

    def _cell(self, type_: str, channel: str, value: object) -> Rhythm | None:
        rhythm = {True: "instant", False: "off"}.get(value) if isinstance(value, bool) else value
        if rhythm is None:
            return None
        kind = self._channels[channel].kind
        lock = lock_of(self._types[type_], kind)
        for known in RHYTHMS:
            if rhythm == known:
                if lock is not None and known != lock:
                    raise ValidationError(f"Locked at {lock}: {_LOCKS[kind]}.")
                return None if lock else known
        raise ValidationError(f"Allowed: {', '.join(RHYTHMS)}, true, false.")

    def _escalation(self, type_: str, value: object) -> dict[str, Any] | bool | None:
        if value is None or value is False:
            # False: nowhere, whatever the defaults say.
            return value
        # What it starts from, and where this type never goes, are no places to go to.
        channels = [
            name
            for name, channel in self._channels.items()
            if channel.kind != "inbox" and lock_of(self._types[type_], channel.kind) != "off"
        ]
        read: dict[str, Any] = _Escalation(channels).load(value)  # type: ignore[arg-type]  # it refuses
        return {**read, "to": list(dict.fromkeys(read["to"]))}


class _Escalation(_Strict):
    after_minutes = fields.Integer(
        strict=True, required=True, validate=validate.Range(1, MOST_MINUTES, error="Must be from {min} to {max}.")
    )
    to = fields.List(fields.String(), required=True, validate=validate.Length(1, error="Must name a channel."))

    def __init__(self, channels: Sequence[str]) -> None:
        super().__init__()
        known = validate.ContainsOnly(channels, error=f"Allowed: {', '.join(channels)}.")
        self.fields["to"].validators = [*self.fields["to"].validators, known]


def _each(
    given: object, allowed: Iterable[str], read: Callable[[str, Any], Any], *, what: str = "channel"
) -> dict[str, Any]:
    """An object whose names are all allowed, with its values read; every fault under its name."""
    if not isinstance(given, Mapping):
        raise ValidationError(f"Must be an object by {what}.")
    names = list(allowed)
    values: dict[str, Any] = {}
    faults: dict[str, Any] = {}
    for name, value in given.items():
        if name not in names:
            faults[name] = [f"Unknown {what}. Allowed: {', '.join(names)}."]
            continue
        try:
            values[name] = read(name, value)
        except ValidationError as fault:
            faults[name] = fault.messages
    if faults:
        raise ValidationError(faults)
    return values


def _switch(value: object) -> bool | None:
    if value is not None and not isinstance(value, bool):
        raise ValidationError("Must be true or false.")
    return value


def _without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
