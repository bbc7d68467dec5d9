"""Shapes of what operators ask and are told, for the documentation and for query strings."""

from marshmallow import Schema, fields, validate

from app.api.paging import PageQuery, next_cursor
from app.api.parts import (
    Answer,
    Strict,
    any_object,
    by_name,
    identifier,
    notification_type,
    number,
    one_of,
    short,
    words,
)
from app.api.user_schemas import NotificationSummary
from app.domain.events import EVENT_TYPES, PRIORITIES, RHYTHMS
from app.domain.notifications import STATUSES, TERMINAL
from app.services.event_schema import Flag, Moment
from channels.registry import channel_names

_FAILED = EVENT_TYPES["job.failed"]


class EventTypeInfo(Answer):
    """What there is to know about one type of event."""

    name = one_of(EVENT_TYPES, _FAILED.name)
    severity = one_of(PRIORITIES, _FAILED.priority)
    subject_field = words(_FAILED.subject_field, about="Where subject_key comes from by default.")
    recipients_required = fields.Boolean()
    defaults = by_name(channel_names(), one_of(RHYTHMS), {"inapp": "instant"})
    locked = fields.List(one_of(channel_names(), "inapp"), metadata={"description": "Channels nobody can change."})
    schema = any_object(_FAILED.data_schema, about="JSON Schema of the data.")
    sample = any_object(_FAILED.sample, about="Data as it may be.")


class EventTypes(Answer):
    """Every type of event."""

    items = fields.List(fields.Nested(EventTypeInfo))


class AuditQuery(PageQuery):
    """Which entries are asked for."""

    since = Moment(load_default=None, metadata={"description": "At this time or later."})
    until = Moment(load_default=None, metadata={"description": "Before this time."})
    actor = words("key:admin", load_default=None)
    action = words("key.created", load_default=None)
    object = words("user:u-17", load_default=None)


class AuditEntry(Answer):
    """One fact."""

    id = number(1842)
    at = fields.AwareDateTime()
    actor = words("key:admin")
    action = words("channel.pause")
    object = words("webhook")
    detail = any_object({}, about="What more there is to say; by action.")


class AuditPage(Answer):
    """A page of entries, the newest first."""

    items = fields.List(fields.Nested(AuditEntry))
    next_cursor = next_cursor()


class Trouble(Answer):
    """An attempt that did not deliver."""

    at = fields.AwareDateTime()
    detail = words("The mail server does not relay for us: 554 5.7.1 Relay access denied")


class ChannelInfo(Answer):
    """How a channel is."""

    name = one_of(channel_names(), "webhook")
    state = one_of(("configured", "console", "off"), "configured")
    breaker = one_of(("closed", "open", "half_open"), "closed", about="The worst among its targets.")
    open_targets = number(0, about="Receivers that failed again and again; what goes there is held.")
    half_open_targets = number(0, about="Those of them that the next notification tries out.")
    parked_targets = number(0, about="Receivers that are left alone for a short time, or as they asked.")
    trouble = fields.Nested(
        Trouble,
        allow_none=True,
        metadata={"description": "While a breaker is not closed: the last failed attempt of what waits."},
    )
    paused = fields.Boolean()
    paused_at = fields.AwareDateTime(allow_none=True)
    paused_by = words("key:admin", allow_none=True)
    paused_reason = words("The relay moves to another host.", about="If it was given.", allow_none=True)
    operators = one_of(
        ("used", "none", "refused", "disabled"),
        "used",
        about="The operators' contact there; one of the environment that pages is used although it is refused.",
    )
    operators_detail = words("Answered 401: unknown key", about="What its receiver said.", allow_none=True)


class PauseRequest(Strict):
    """Why a channel is paused."""

    reason = short(
        "The relay moves to another host.", about="For other operators.", most=200, allow_none=True, load_default=None
    )


class Channels(Answer):
    """Every channel."""

    items = fields.List(fields.Nested(ChannelInfo))


class _Which(Schema):
    id = words(load_default=None, about="This notification alone.")
    status = one_of(STATUSES, load_default=None)
    channel = one_of(channel_names(), load_default=None)
    type = notification_type(load_default=None)
    user_id = words("u-17", load_default=None)
    subject_key = words("j-2041", load_default=None)
    event_id = words(load_default=None)
    digest_id = words(load_default=None, about="What this digest carried.")
    item_id = words(load_default=None, about="The one that an item of an inbox shows.")
    since = Moment(load_default=None, metadata={"description": "Created at this time or later."})
    until = Moment(load_default=None, metadata={"description": "Created before this time."})


_FILTERS = tuple(_Which().fields)


class NotificationsQuery(PageQuery, _Which):
    """Which notifications are asked for."""


class NotificationsPage(Answer):
    """A page of notifications, the newest first."""

    items = fields.List(fields.Nested(NotificationSummary))
    next_cursor = next_cursor()


class ReplayRequest(Strict, _Which):
    """Which notifications to send again; at least one filter."""

    keywords = {
        "anyOf": [{"required": [name], "properties": {name: {"type": "string"}}} for name in _FILTERS],
        "examples": [{"status": "failed", "channel": "webhook", "dry_run": True}],
    }
    status = one_of(TERMINAL, load_default="failed")
    dry_run = Flag(load_default=False, metadata={"description": "Only count them."})
    limit = fields.Integer(
        strict=True, load_default=200, validate=validate.Range(1, 200, error="Must be from {min} to {max}.")
    )


class Replayed(Answer):
    """One notification that is sent again."""

    id = identifier("ntf")
    replay_of = identifier("ntf")


class ReplayAnswer(Answer):
    """What matched, and what was made of it."""

    matched = number(1)
    created = fields.List(fields.Nested(Replayed))


class ErasedAnswer(Answer):
    """How far the erasing of a person has come."""

    status = one_of(("erased", "erasing"), "erased")
    pseudonym = words("user:_9f86d081884c7d65", about="Keep it, to find what the audit log tells about this.")


class CancelAnswer(Answer):
    """A notification that was taken back."""

    id = identifier("ntf")
    status = one_of(("cancelled", "sending"), "cancelled", about="`sending` while the attempt under way ends.")
