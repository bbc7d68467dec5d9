"""Shapes of what users ask and are told, for the documentation and for query strings."""

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, pre_load, validate

from app.api.paging import PageQuery, next_cursor
from app.api.parts import Answer, Strict, any_object, by_name, identifier, number, one_of, reader, short, words
from app.api.schemas import Links
from app.domain.events import EVENT_TYPES, PRIORITIES, RHYTHMS
from app.domain.notifications import NOTIFICATION_TYPES, OUTCOMES, STATUSES
from app.services.event_schema import Flag, Moment
from app.services.preference_schema import MOST_MINUTES, MOST_MUTED_SUBJECTS
from app.store.inbox import STATES
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


def _minutes(**options: Any) -> fields.Integer:
    return fields.Integer(validate=validate.Range(1, MOST_MINUTES), metadata={"examples": [15]}, **options)


def _to(**options: Any) -> fields.List[str]:
    return fields.List(one_of(channel_names(), "email"), validate=validate.Length(1), **options)


class Escalation(Strict):
    """Where an event goes when nobody has looked at it for a while."""

    after_minutes = _minutes(required=True)
    to = _to(required=True)


class EscalationPatch(Strict):
    """When or where to, or both."""

    after_minutes = _minutes(allow_none=True)
    to = _to(allow_none=True)


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
        fields.Nested(Escalation, allow_none=True),
        {"job.failed": _ESCALATION},
        allow_none=True,
    )
    user_id = fields.Raw(metadata=_ANSWER_ONLY)
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


class _Parts(Strict):
    quiet_hours = fields.Nested(QuietHoursPatch, allow_none=True)
    escalate = by_name(
        EVENT_TYPES, fields.Nested(EscalationPatch, allow_none=True), {"job.failed": _ESCALATION}, allow_none=True
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
    escalate = by_name(EVENT_TYPES, fields.Nested(Escalation), {"job.failed": _ESCALATION})
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


class InboxQuery(PageQuery):
    """Which items are asked for."""

    state = one_of(STATES, load_default="all")


class InboxItem(Answer):
    """One item of an inbox."""

    id = identifier("itm")
    notification_id = identifier("ntf")
    event_id = identifier("evt", allow_none=True)
    type = one_of(NOTIFICATION_TYPES, _FAILED.name)
    priority = one_of(PRIORITIES, _FAILED.priority)
    subject_key = words("j-2041", allow_none=True)
    sequence = number(allow_none=True)
    title = words("Job failed: disk full on node-7 (j-2041)")
    text = words("disk full on node-7")
    data = any_object(_FAILED.sample, about="The event's.")
    duplicates = number(0, about="How often the same came again.")
    read = fields.Boolean()
    archived = fields.Boolean()
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()


class UnreadCount(Answer):
    """How many items are neither read nor archived."""

    unread_count = number(3)


class InboxPage(UnreadCount):
    """A page of items, the newest first."""

    items = fields.List(fields.Nested(InboxItem))
    next_cursor = next_cursor()


class InboxChange(Strict):
    """What to change about an item; at least one of the two."""

    keywords = {"minProperties": 1, "examples": [{"read": True}]}
    read = Flag()
    archived = Flag()


class InboxChanged(UnreadCount):
    """The item after the change."""

    item = fields.Nested(InboxItem)


class Revision(fields.Integer):
    """The `id` of an event in a stream."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> int:  # noqa: ARG002 - marshmallow's
        if not re.fullmatch(r"[0-9]{1,19}", str(value)) or int(value) >= 2**63:
            raise ValidationError("Must be the id of an event of this stream.")
        return int(value)


_REVISION = {"minimum": 0, "maximum": 2**63 - 1}


class StreamQuery(Schema):
    """Where a stream goes on; who reads it may also say so by `ticket`."""

    last_event_id = Revision(
        load_default=None,
        metadata={
            "description": "The last id that was seen: what came after it is told first. The header wins.",
            "keywords": _REVISION,
        },
    )


class StreamHeaders(Schema):
    """What a browser sends when it connects again."""

    last_event_id = Revision(
        data_key="Last-Event-ID",
        load_default=None,
        metadata={"description": "The last id that was seen.", "keywords": _REVISION},
    )

    @pre_load
    def leave_out_blank(self, headers: Mapping[str, str], **_options: Any) -> dict[str, str]:
        """An empty one says, by the standard, that nothing was seen yet."""
        seen = headers.get("Last-Event-ID")
        return {"Last-Event-ID": seen} if seen else {}


class Ticket(Answer):
    """What opens a stream, and until when."""

    ticket = words("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.…")
    expires_at = fields.AwareDateTime()


class HistoryQuery(PageQuery):
    """Which notifications are asked for."""

    type = one_of(NOTIFICATION_TYPES, load_default=None)
    channel = one_of(channel_names(), load_default=None)
    status = one_of(STATUSES, load_default=None)
    since = Moment(load_default=None, metadata={"description": "Created at this time or later."})
    until = Moment(load_default=None, metadata={"description": "Created before this time."})


class Words(Answer):
    """What a notification says."""

    subject = words("Job failed: disk full on node-7 (j-2041)")
    text = words("disk full on node-7")
    locale = words("en")
    html = words(about="Left out of lists.", sometimes=True, allow_none=True)


class Attempt(Answer):
    """One try to send a notification; without an end it is under way."""

    number = number(1)
    started_at = fields.AwareDateTime()
    ended_at = fields.AwareDateTime(allow_none=True)
    outcome = one_of(OUTCOMES, "delivered", allow_none=True)
    http_status = fields.Integer(allow_none=True, metadata={"examples": [204]})
    detail = words(allow_none=True)


class Step(Answer):
    """One step on a notification's way, and what it decided."""

    at = fields.AwareDateTime()
    step = words("accept")
    decision = words(allow_none=True)
    reason = words(allow_none=True)


class NotificationSummary(Answer):
    """A notification as the history lists it."""

    id = identifier("ntf")
    event_id = identifier("evt", allow_none=True)
    type = one_of(NOTIFICATION_TYPES, _FAILED.name)
    user_id = reader()
    channel = one_of(channel_names(), "inapp")
    status = one_of(STATUSES, "delivered")
    reason = words(allow_none=True)
    because = words("Delivered.", about="One sentence in the user's language.")
    subject_key = words("j-2041", allow_none=True)
    content = fields.Nested(Words, allow_none=True)
    trace = fields.List(fields.Nested(Step))
    duplicates = number(0, about="How often the same came again.")
    digest_id = identifier("ntf", allow_none=True)
    replay_of = identifier("ntf", allow_none=True)
    next_at = fields.AwareDateTime(allow_none=True)
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()
    delivered_at = fields.AwareDateTime(allow_none=True)
    possible_duplicate = fields.Boolean()


class NotificationAnswer(NotificationSummary):
    """Everything known about a notification."""

    attempts = fields.List(fields.Nested(Attempt))


class HistoryPage(Answer):
    """A page of notifications, the newest first."""

    items = fields.List(fields.Nested(NotificationSummary))
    next_cursor = next_cursor()
