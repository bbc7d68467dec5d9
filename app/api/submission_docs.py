"""The ways to submit an event to `POST /events`, for the documentation: plain, and the three modes of CloudEvents."""

from typing import Any

from app.api.cloudevents import ATTRIBUTES, BATCH, STRUCTURED
from app.api.event_docs import data_schema_name, event_examples, example_cloudevent
from app.api.schemas import CloudEvent, EventRequest
from app.api.strict_json import JSON
from app.domain.events import EVENT_TYPES
from app.services.intake import LONGEST_KEY, MOST_IN_BATCH

_IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "description": "For 24 hours, a repeat with the same key and body gets the first answer and changes nothing.",
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY},
    "example": "j-2041-failed",
}
# What is not a text in JSON is one in a header.
_AS_TEXT = {
    "sequence": {"type": "string", "pattern": "^-?[0-9]{1,18}$"},
    "resolved": {"type": "string", "enum": ["true", "false"]},
}
ACCEPTED_HEADERS = {
    "Location": {"description": "Of the event, if it is one.", "schema": {"type": "string"}},
    "Idempotency-Replayed": {
        "description": "It was submitted before, with the same key.",
        "schema": {"type": "string", "enum": ["true"]},
    },
}


def submission() -> dict[str, Any]:
    """What `POST /events` takes."""
    return {
        "parameters": [_IDEMPOTENCY_KEY, *map(_header, ATTRIBUTES)],
        "requestBody": {"required": True, "content": {JSON: _plain(), STRUCTURED: _structured(), BATCH: _batch()}},
    }


def _plain() -> dict[str, Any]:
    failed = EVENT_TYPES["job.failed"]
    binary = {"summary": "CloudEvents in binary mode: the data, and ce-* headers", "value": dict(failed.sample)}
    data = [{"$ref": f"#/components/schemas/{data_schema_name(type_)}"} for type_ in EVENT_TYPES]
    return {"schema": {"anyOf": [EventRequest, *data]}, "examples": {**event_examples(), "binary": binary}}


def _structured() -> dict[str, Any]:
    examples = {name: {"summary": name, "value": example_cloudevent(type_)} for name, type_ in EVENT_TYPES.items()}
    return {"schema": CloudEvent, "examples": examples}


def _batch() -> dict[str, Any]:
    schema = {"type": "array", "minItems": 1, "maxItems": MOST_IN_BATCH, "items": CloudEvent}
    return {"schema": schema, "example": [example_cloudevent(type_) for type_ in EVENT_TYPES.values()]}


def _header(attribute: str) -> dict[str, Any]:
    form = _AS_TEXT.get(attribute, {"$ref": f"#/components/schemas/CloudEvent/properties/{attribute}"})
    return {"in": "header", "name": f"ce-{attribute}", "description": "CloudEvents, binary mode.", "schema": form}
