"""The shapes of previews."""

from typing import Any

from marshmallow import fields

from app.api.event_docs import event_rules
from app.api.parts import Answer, Strict, any_object, by_name, one_of, short, words
from app.domain.events import EVENT_TYPES, PRIORITIES
from app.rendering.overrides.override import PIECES
from channels.registry import channel_names

_FAILED = EVENT_TYPES["job.failed"]


class PreviewRequest(Strict):
    """An event, a channel, and how its reader reads."""

    keywords = event_rules(addressed=False)

    type = one_of(EVENT_TYPES, _FAILED.name, required=True)
    channel = one_of(channel_names(), "email", required=True)
    locale = words("de", about="BCP 47; by default DEFAULT_LOCALE.", allow_none=True)
    timezone = words("Europe/Berlin", about="An IANA zone; by default DEFAULT_TIMEZONE.", allow_none=True)
    data = any_object(_FAILED.sample, about="By default the sample of the type.", allow_none=True)
    source = short("encoder", allow_none=True)
    subject_key = short("j-2041", about="By default the data's job_id, component or resource.", allow_none=True)
    priority = one_of(PRIORITIES, allow_none=True)
    resolved = fields.Boolean(allow_none=True, metadata={"description": "The subject's trouble is over."})
    occurred_at = fields.AwareDateTime(allow_none=True)
    pieces = by_name(
        PIECES,
        fields.String(),
        {"subject.txt": "{{ data.job_id }} broke"},
        about="Templates to word it by, as `PUT /templates/…` takes them; they are saved nowhere.",
        allow_none=True,
    )


class PreviewAnswer(Answer):
    """The words as they would be sent, and what the channel would make of them."""

    type = one_of(EVENT_TYPES, _FAILED.name)
    channel = one_of(channel_names(), "email")
    locale = words("de", about="The language it is really written in.")
    subject = words("Job failed: disk full on node-7 (j-2041)")
    text = words("Job: j-2041")
    html = words(about="For mail.", allow_none=True)
    document = any_object(about="What the receiver would get, without keys and addresses.", allow_none=True)


def preview_examples() -> dict[str, Any]:
    """A preview of each type, as the `examples` of a body."""
    return {
        name: {"summary": name, "value": {"type": name, "channel": "email", "locale": "de"}} for name in EVENT_TYPES
    }
