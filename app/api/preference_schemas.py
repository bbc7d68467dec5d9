"""Shapes of preferences and of what is answered about them, for the documentation."""

from typing import Any

from marshmallow import fields, validate

from app.api.paging import next_cursor
from app.api.parts import Answer, Strict, by_name, identifier, number, one_of, short, words
from app.api.schemas import Links, RejectedEntry
from app.domain.events import EVENT_TYPES, RHYTHMS
from app.domain.ids import USER_ID_FORM
from app.services.event_schema import Flag
from app.services.intake import MOST_IN_BATCH
from app.services.people import DEFAULTS_USER
from app.services.preference_schema import MOST_MINUTES, MOST_MUTED_SUBJECTS
from app.services.preference_view import SHARED
from channels.registry import CHANNELS, channel_names

_FAILED = EVENT_TYPES["job.failed"]
_CLOCK = "^([01][0-9]|2[0-3]):[0-5][0-9]$"
_ESCALATION = {"after_minutes": 15, "to": ["email"]}
_ANSWER_ONLY = {"description": "Ignored, so that an answer can be sent back."}


def _clock(example: str, **options: Any) -> fields.String:
    return fields.String(metadata={"pattern": _CLOCK, "examples": [example]}, **options)


class QuietHours(Strict):
    """A daily window in the user's zone; when both are the same there is none."""

    start = _clock("22:00", required=True)
    end = _clock("07:00", required=True)


class QuietHoursPatch(Strict):
    """One end of the window, or both."""

    start = _clock("22:00", allow_none=True)
    end = _clock("07:00", allow_none=True)


_ESCALATION_ABOUT = (
    "Where an event goes when it stays unread in the inbox: to one channel after the other, so long after each other. "
    "Until then it does not go there, whatever the cell says. Reading it takes back what has not gone out. "
    "false: nowhere, whatever the defaults say."
)


def _escalation(*, partly: bool = False, nullable: bool = True) -> fields.Raw:
    """A list with its minutes, or false; of a patch, either of the two is enough."""
    beyond_the_inbox = [channel.name for channel in CHANNELS if channel.kind != "inbox"]
    parts = {
        "after_minutes": {"type": "integer", "minimum": 1, "maximum": MOST_MINUTES},
        "to": {"type": "array", "minItems": 1, "items": {"enum": beyond_the_inbox}},
    }
    given = {"type": "object", "properties": parts, "additionalProperties": False}
    whole = {} if partly else {"required": list(parts)}
    kinds = [{**given, **whole}, {"enum": [False, None] if nullable else [False]}]
    return fields.Raw(allow_none=nullable, metadata={"keywords": {"anyOf": kinds}})


_CELL = fields.Raw(metadata={"keywords": {"enum": [*RHYTHMS, True, False, None]}})
_CONTACTS = {"email": "ada@example.com", "webhook": {"url": "https://example.com/hook"}}
_WITH_CONTACT = [channel.name for channel in CHANNELS if channel.needs_contact]


class _Wishes(Strict):
    locale = words("de", about="BCP 47: en, de, pt-BR, zh-Hans.", allow_none=True)
    timezone = words("Europe/Berlin", about="The name of an IANA zone.", allow_none=True)
    channels = by_name(channel_names(), fields.Boolean(allow_none=True), {"webhook": True}, allow_none=True)
    events = by_name(
        EVENT_TYPES,
        by_name(channel_names(), _CELL, allow_none=True),
        {"job.completed": {"email": "daily"}},
        about="Rhythm by event type and channel; true is instant, false is off.",
        allow_none=True,
    )
    quiet_hours = fields.Nested(QuietHours, allow_none=True)
    daily_at = _clock("08:00", allow_none=True)
    escalate = by_name(
        EVENT_TYPES,
        _escalation(),
        {"job.failed": _ESCALATION, "job.completed": False},
        about=_ESCALATION_ABOUT,
        allow_none=True,
    )
    user_id: fields.Field[Any] = fields.Raw(metadata=_ANSWER_ONLY)
    from_defaults = fields.Raw(metadata=_ANSWER_ONLY)
    effective = fields.Raw(metadata=_ANSWER_ONLY)


class Preferences(_Wishes):
    """What a user wants to hear, where, when and in which language. Absent, null and empty mean: as by default."""

    contacts = by_name(
        _WITH_CONTACT,
        fields.Raw(metadata={"keywords": {"type": ["string", "object", "null"]}}),
        _CONTACTS,
        about="Secrets are write-only: they read as set and last4, and a contact that is sent back as it was read keeps"
        " them. What is absent or null is removed. An e-mail address is a text; while it cannot be used it is an object"
        " that says why: `verified: false`, or `disabled` with the receiver's words and `disabled_at`. Both forms are"
        " taken. One that is disabled is used again when it is sent with `disabled: false`, or without it; an address"
        " that a user sends is verified again then, and one that a key sends stays disabled without the `false`."
        " What the environment gives the operators says `from: environment`.",
        allow_none=True,
    )
    muted_until = fields.AwareDateTime(allow_none=True)
    muted_subjects = fields.List(short("j-2041"), allow_none=True, validate=validate.Length(max=MOST_MUTED_SUBJECTS))


class Defaults(_Wishes):
    """The same for everybody who has not chosen otherwise; nobody's contacts or silence can be part of that."""

    contacts = fields.Raw(metadata={"keywords": {"enum": [{}, None]}})
    muted_until = fields.Raw(metadata={"keywords": {"enum": [None]}})
    muted_subjects = fields.Raw(metadata={"keywords": {"enum": [[], None]}})


class PreferencesEntry(Preferences):
    """What one person set, and who that is; without what the defaults say."""

    user_id = fields.String(
        required=True, metadata={"examples": ["u-17"], "pattern": f"^({USER_ID_FORM}|{DEFAULTS_USER})$"}
    )


class PreferencesPage(Answer):
    """A page of entries, in the order of their users' ids."""

    items = fields.List(fields.Nested(PreferencesEntry))
    next_cursor = next_cursor()


class PreferencesImport(Strict):
    """Up to 500 entries. Each is checked by itself: a wrong one is named in the answer and holds up no other."""

    preferences = fields.List(
        fields.Nested(PreferencesEntry), required=True, validate=validate.Length(1, MOST_IN_BATCH)
    )
    dry_run = Flag(load_default=False, metadata={"description": "Only tell what would become of each."})


class ImportedEntry(Answer):
    """An entry that was taken."""

    index = number(0)
    user_id = words("u-17")
    outcome = one_of(("created", "changed", "unchanged"), "changed")
    left_out = fields.List(
        one_of(_WITH_CONTACT, "slack"),
        metadata={"description": "Contacts whose secret is neither given nor here; what is here in their place stays."},
    )


class PreferencesImported(Answer):
    """What became of each entry."""

    accepted = fields.List(fields.Nested(ImportedEntry))
    rejected = fields.List(fields.Nested(RejectedEntry))


class _Parts(Strict):
    quiet_hours = fields.Nested(QuietHoursPatch, allow_none=True)
    escalate = by_name(
        EVENT_TYPES,
        _escalation(partly=True),
        {"job.failed": _ESCALATION},
        about=_ESCALATION_ABOUT,
        allow_none=True,
    )


class PreferencesPatch(_Parts, Preferences):
    """What to change. Of an object, a part is enough; null removes."""


class DefaultsPatch(_Parts, Defaults):
    """What to change. Of an object, a part is enough; null removes."""


class EffectiveCell(Answer):
    """What applies for one event type on one channel, and who decided it."""

    rhythm = one_of(RHYTHMS, "instant")
    source = one_of(("default", "user", "required", "no_contact"), "default")
    locked = fields.Boolean()


class PreferencesAnswer(Answer):
    """The document with every key, whose it is, and what follows from it."""

    user_id = words("u-17")
    locale = words("de")
    timezone = words("Europe/Berlin")
    contacts = by_name(
        _WITH_CONTACT,
        fields.Raw(metadata={"keywords": {"type": ["string", "object"]}}),
        {"email": "ada@example.com", "webhook": {"url": "https://example.com/hook", "types": None, "headers": {}}},
    )
    channels = by_name(channel_names(), fields.Boolean(), {"webhook": True})
    events = by_name(
        EVENT_TYPES, by_name(channel_names(), one_of(RHYTHMS, "daily")), {"job.completed": {"email": "daily"}}
    )
    quiet_hours = fields.Nested(QuietHours, allow_none=True)
    daily_at = _clock("08:00")
    muted_until = fields.AwareDateTime(allow_none=True)
    muted_subjects = fields.List(words("j-2041"))
    escalate = by_name(EVENT_TYPES, _escalation(nullable=False), {"job.failed": _ESCALATION}, about=_ESCALATION_ABOUT)
    from_defaults = fields.List(
        one_of(SHARED, "daily_at"),
        metadata={"description": "Of what is shown, this is what the defaults say: the user has not chosen it."},
    )
    effective = by_name(
        EVENT_TYPES,
        by_name(channel_names(), fields.Nested(EffectiveCell)),
        {"job.completed": {"email": {"rhythm": "daily", "source": "user", "locked": False}}},
    )


class SecretAnswer(Answer):
    """A secret that is shown this once."""

    secret = words("whsec_…")


class NotificationAccepted(Answer):
    """A notification that is on its way."""

    id = identifier("ntf")
    links = fields.Nested(Links)
