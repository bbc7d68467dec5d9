"""Shapes of what users ask about their inbox and history, and are told, for the documentation and query strings."""

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, pre_load

from app.api.paging import PageQuery, next_cursor
from app.api.parts import Answer, Strict, any_object, identifier, notification_type, number, one_of, reader, words
from app.domain.events import EVENT_TYPES, PRIORITIES
from app.domain.notifications import NOTIFICATION_TYPES, OUTCOMES, STATUSES
from app.services.event_schema import Flag, Moment
from app.store.inbox import STATES
from channels.registry import channel_names

_FAILED = EVENT_TYPES["job.failed"]


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

    type = notification_type(load_default=None)
    channel = one_of(channel_names(), load_default=None)
    status = one_of(STATUSES, load_default=None)
    subject_key = words("j-2041", load_default=None)
    digest_id = words(load_default=None, about="What this digest carried.")
    since = Moment(load_default=None, metadata={"description": "Created at this time or later."})
    until = Moment(load_default=None, metadata={"description": "Created before this time."})


class Words(Answer):
    """What a notification says."""

    subject = words("Job failed: disk full on node-7 (j-2041)")
    text = words("disk full on node-7")
    locale = words("en")
    template_version = words(
        "job.failed/email/de@3",
        about="Which templates of the operators these are the words of; null of those that come along.",
        allow_none=True,
    )
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
    step = words("plan")
    decision = words("pending", allow_none=True)
    reason = words(allow_none=True)
    because = words("Accepted, to be sent immediately.", about="One sentence in the user's language.")


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
