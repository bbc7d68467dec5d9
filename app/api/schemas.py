"""Shapes of bodies, for the documentation and for small requests.

Events are checked by the intake, which serves Celery too; their schemas here only describe them.
"""

from marshmallow import INCLUDE, Schema, fields, validate

from app.api.event_docs import event_rules, example_event
from app.api.parts import Answer, Strict, any_object, by_name, identifier, number, one_of, reader, short, user_id, words
from app.domain.events import EVENT_TYPES, PRIORITIES
from app.domain.ids import USER_ID_FORM
from app.domain.notifications import STATUSES
from app.services.event_schema import MOST_RECIPIENTS, EventSchema
from app.services.identity import SCOPES
from app.services.intake import LONGEST_KEY, MOST_IN_BATCH
from channels.registry import channel_names

_FAILED = EVENT_TYPES["job.failed"]


def _listed(form: str, example: str, *, about: str) -> fields.String:
    return fields.String(metadata={"description": about, "pattern": f"^{form}( ?, ?{form})*$", "examples": [example]})


class Problem(Answer):
    """An error, by RFC 9457."""

    type = words("about:blank")
    title = words("Not Found")
    status = number(404)
    detail = words("There is nothing here by this name.")
    instance = words(about="By this the log tells of a crash.", sometimes=True)
    errors = any_object(about="{location: {field: [messages]}}", sometimes=True)


class EventFields(EventSchema):
    """The fields of an event."""

    type = one_of(EVENT_TYPES, _FAILED.name, required=True)
    recipients = fields.List(
        user_id(),
        validate=validate.Length(1, MOST_RECIPIENTS),
        metadata={"description": "User ids; system.* events may come without, and then go to the operators."},
    )
    data = any_object(
        _FAILED.sample,
        about="What the type requires, and anything else: at most 64 KiB of JSON, and 8 levels deep.",
        required=True,
    )
    source = short("encoder", about="Who reports it.", allow_none=True)
    subject_key = short("j-2041", about="What it is about; else its job_id, component or resource.", allow_none=True)
    dedupe_key = short("disk-full", about="Events that have the same one count as the same.", allow_none=True)
    channels = fields.List(
        one_of(channel_names(), "inapp"),
        allow_none=True,
        validate=validate.Length(1),
        metadata={"description": "Only on these; null: on all."},
    )


class EventRequest(EventFields):
    """An event as services submit it."""

    keywords = event_rules()


class ExplainRequest(EventRequest):
    """An event, and the moment to look from."""

    at = fields.AwareDateTime(allow_none=True)


class CloudEvent(Schema):
    """An event in the envelope of CloudEvents 1.0; attributes that are not named here are let pass."""

    class Meta:
        """Marshmallow's own settings."""

        unknown = INCLUDE

    keywords = {**event_rules(), "oneOf": [{"required": ["data"]}, {"required": ["data_base64"]}]}
    specversion = one_of(("1.0",), required=True)
    id = fields.String(
        required=True, validate=validate.Length(1), metadata={"description": "With source the idempotency key."}
    )
    source = short("/encoder", required=True)
    type = one_of(EVENT_TYPES, _FAILED.name, required=True)
    datacontenttype = one_of(("application/json",))
    data = any_object(_FAILED.sample, about="What the type requires, and anything else.")
    data_base64 = words(about="The same, as JSON in base64.")
    subject = short("j-2041", about="The event's subject_key.")
    time = fields.AwareDateTime(metadata={"description": "The event's occurred_at."})
    recipients = _listed(USER_ID_FORM, "u-17,u-18", about="User ids with commas between.")
    channels = _listed(f"({'|'.join(channel_names())})", "inapp,email", about="Only on these.")
    sequence = fields.Raw(
        metadata={"examples": ["4"], "keywords": {"type": ["string", "integer"], "pattern": "^-?[0-9]{1,18}$"}}
    )
    resolved = fields.Raw(metadata={"keywords": {"enum": ["true", "false", True, False]}})
    priority = one_of(PRIORITIES)
    dedupekey = short("disk-full")
    deliverat = fields.AwareDateTime()
    expiresat = fields.AwareDateTime()


class Preview(Answer):
    """The words as they would be sent."""

    subject = words("Job failed: disk full on node-7 (j-2041)")
    text = words("disk full on node-7")
    locale = words("en")


class DecisionAnswer(Answer):
    """What would become of the event for one recipient on one channel."""

    user_id = user_id()
    channel = one_of(channel_names(), "email")
    decision = one_of(("send", "hold", "suppress"), "send")
    reason = words("default", about="A reason of the contract; of what is sent, whose choice it was.")
    because = words("Sent immediately: this is the default.", about="One sentence in the user's language.")
    until = fields.AwareDateTime(allow_none=True)
    preview = fields.Nested(Preview, allow_none=True)


class ExplainAnswer(Answer):
    """Every decision."""

    decisions = fields.List(fields.Nested(DecisionAnswer))


class BatchEntry(EventRequest):
    """An event of a batch."""

    idempotency_key = short("j-2041-failed", about="As the header Idempotency-Key.", most=LONGEST_KEY, allow_none=True)


class BatchRequest(Strict):
    """Up to 500 events. Each is checked by itself: a wrong one is named in the answer and holds up no other."""

    events = fields.List(
        fields.Nested(BatchEntry),
        required=True,
        validate=validate.Length(1, MOST_IN_BATCH),
        metadata={"examples": [[example_event(type_) for type_ in EVENT_TYPES.values()]]},
    )


class Links(Answer):
    """Where to ask."""

    self = words("/events/evt_0194d7a2-3c00-7a1b-9f2e-6d1c0a4b8e57")


class EventAccepted(Answer):
    """An event that is in the database."""

    id = identifier("evt")
    status = one_of(("accepted",))
    created_at = fields.AwareDateTime()
    links = fields.Nested(Links)


class EventCancelled(EventAccepted):
    """An event of which nothing more is sent."""

    status = one_of(("cancelled",))


class AcceptedEntry(Answer):
    """An entry of a batch that was accepted."""

    index = number(0)
    id = identifier("evt")
    replayed = fields.Boolean(metadata={"description": "Whether an earlier request with its key brought it."})


class RejectedEntry(Answer):
    """An entry of a batch that was refused."""

    index = number(1)
    errors = any_object({"data": {"error": ["Required for job.failed."]}}, about="{field: [messages]}")


class BatchAnswer(Answer):
    """What became of each entry of a batch."""

    accepted = fields.List(fields.Nested(AcceptedEntry))
    rejected = fields.List(fields.Nested(RejectedEntry))


class EventNotification(Answer):
    """One notification of an event."""

    id = identifier("ntf")
    user_id = reader()
    channel = one_of(channel_names(), "inapp")
    status = one_of(STATUSES, "delivered")
    reason = words(allow_none=True)


class EventAnswer(Answer, EventFields):
    """An event as it was submitted, and what became of it."""

    class Meta(Answer.Meta):
        """That of an answer."""

    id = identifier("evt")
    recipients = fields.List(user_id(), metadata={"description": "None, when all of them were erased."})
    created_at = fields.AwareDateTime()
    counts = by_name(STATUSES, number(), {"delivered": 1})
    notifications = fields.List(fields.Nested(EventNotification))


class KeyRequest(Strict):
    """A service key to be made."""

    name = short("encoder", required=True)
    scopes = fields.List(
        one_of(SCOPES, "events:write"), required=True, validate=validate.Length(1, error="Must name a scope.")
    )


class KeyAnswer(Answer):
    """A new service key; `key` is shown this once."""

    id = identifier("key")
    name = words("encoder")
    scopes = fields.List(one_of(SCOPES, "events:write"))
    key = words("im2n_key_0194d7a2-3c00-7a1b-9f2e-6d1c0a4b8e57_…")


class KeyInfo(Answer):
    """A service key, without its text."""

    id = identifier("key")
    name = words("encoder")
    scopes = fields.List(one_of(SCOPES, "events:write"))
    created_at = fields.AwareDateTime()
    revoked_at = fields.AwareDateTime(allow_none=True)


class KeysAnswer(Answer):
    """Every service key."""

    items = fields.List(fields.Nested(KeyInfo))


class TokenAnswer(Answer):
    """A user's token."""

    token = words("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.…")
    expires_at = fields.AwareDateTime()


class Check(Answer):
    """The state of one part."""

    status = one_of(("ok", "failing", "off"), "ok")
    detail = words("answers")


_CHECKS = {
    name: {"status": "ok", "detail": detail}
    for name, detail in (("database", "answers, schema is current"), ("relay", "last sign of life 2 s ago"))
}


class HealthAnswer(Answer):
    """The state of the service."""

    status = one_of(("ok", "failing"), "ok")
    checks = fields.Dict(keys=fields.String(), values=fields.Nested(Check), metadata={"examples": [_CHECKS]})
    channels = by_name(channel_names(), one_of(("configured", "console", "off"), "console"))


class LiveAnswer(Answer):
    """That the process serves."""

    status = one_of(("ok",))
