"""What the document cannot say, told to schemathesis. Every exception from its checks is here, with its reason."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis import Case, HookContext, Response
from schemathesis.core.failures import Failure
from schemathesis.core.parameters import ParameterLocation

from app.rendering.overrides.override import PIECES

UNSAYABLE = {
    ("json", "channel"): "one to which events of the type may go",
    ("path", "channel"): "one on which the user has a contact",
    ("query", "cursor"): "only a page before says a cursor",
    ("json", "expires_at"): "after now and after deliver_at",
    ("json", "expiresat"): "after now and after deliverat",
    ("headers", "ce-id"): "not twice with different events",
    ("json", "id"): "not twice with different events",
    ("headers", "Idempotency-Key"): "not twice with different events, and not beside a CloudEvent",
    ("json", "locale"): "a language that exists",
    ("json", "timezone"): "a zone that exists",
    ("json", "contacts"): "what an address or a URL is",
    ("json", "events"): "which cells are locked",
    ("json", "data"): "not above 64 KiB",
    ("json", "data_base64"): "JSON that is fit to be data",
    ("json", "limit"): "4.0 is an integer to JSON Schema, and not to us",
    ("json", "sequence"): "the same",
    ("json", "escalate"): "the same; and what a part of an object is added to",
    **{("json", piece): "what a template is, and which piece a channel has" for piece in PIECES},
    ("json", "pieces"): "the same",
    ("json", "version"): "which versions there are; and that 4.0 is no integer to us",
    ("query", "from"): "which versions there are",
    ("query", "to"): "which versions there are",
    ("json", "quiet_hours"): "what a part of an object is added to",
}
"""Fields of which JSON Schema cannot say all, by their place in a problem's `errors`, and what it leaves out."""
EVERYWHERE = re.compile(r"Text must not contain NUL\.|Nested deeper than \d levels\.|Integers must fit into 64 bits\.")
"""What is refused in any field of any body."""
BINARY = {
    "ce-specversion": "1.0",
    "ce-id": "1",
    "ce-source": "/fuzz",
    "ce-type": "job.failed",
    "ce-recipients": "fuzz-1",
}
FIRST, LAST = datetime(1971, 1, 2), datetime(9997, 12, 30)  # noqa: DTZ001 - hypothesis adds the zone
"""The times that are taken; a format says no years."""

schemathesis.openapi.format("date-time", st.datetimes(FIRST, LAST, timezones=st.just(UTC)).map(datetime.isoformat))


@schemathesis.hook
def before_load_schema(context: HookContext, raw_schema: dict[str, Any]) -> None:
    """Let no answer say more than is documented; to clients the document leaves that open."""
    del context
    for schema in raw_schema["components"]["schemas"].values():
        if schema.get("properties"):
            schema.setdefault("additionalProperties", False)


@schemathesis.hook
def before_call(context: HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    """Let the headers of a good event fit its body: the document cannot tie them together."""
    del context, kwargs
    if (case.method, case.path) != ("POST", "/events") or case.meta is None or case.meta.generation.mode.is_negative:
        return
    for name in [name for name in case.headers or () if name.lower().startswith("ce-")]:
        del case.headers[name]
    if case.media_type == "application/json" and isinstance(case.body, dict) and "type" not in case.body:
        case.headers.update(BINARY)
    if case.media_type != "application/json" or "ce-id" in case.headers:
        case.headers.pop("Idempotency-Key", None)


@schemathesis.hook
def filter_failure(context: HookContext, failure: Failure, case: Case, response: Response) -> bool:
    """Whether a failure is one."""
    del context
    match type(failure).__name__:
        case "RejectedPositiveData":
            is_unsayable = response.status_code == 422 and set(_named(response)) <= set(UNSAYABLE)
            return not (is_unsayable or _is_no_token_of_ours(case, response))
        case "AcceptedNegativeData" if "in header - object with unexpected properties" in failure.message:
            # HTTP lets headers pass that nobody knows.
            return False
        case "AcceptedNegativeData" if (case.headers or {}).get("Last-Event-ID", "0") in {"", None}:
            # An empty one says, by the HTML standard, that there is none.
            return False
        case "AcceptedNegativeData":
            # A batch is accepted without its wrong entries, and names them. Headers beside an envelope mean nothing.
            is_batch = response.status_code == 202 or (case.method, case.path) == ("POST", "/preferences")
            return not (is_batch and (response.json().get("rejected") or _has_good_envelope(case)))
        case "UnsupportedMethodResponse" | "AllowHeaderMismatch":
            # To other methods than its own, /events/batch is an /events/{event_id}.
            return not _is_another_path_too(case)
    return True


def _is_no_token_of_ours(case: Case, response: Response) -> bool:
    """Whether a text was refused that is fit to be a token, and none: no schema can tell."""
    return (case.method, case.path, response.status_code) == ("POST", "/ui/session", 401)


def _named(response: Response) -> Iterator[tuple[str, str]]:
    """The fields that a problem names, but for what can be wrong with any."""
    for place, fields in response.json().get("errors", {}).items():
        for field, said in fields.items():
            if not (isinstance(said, list) and all(EVERYWHERE.fullmatch(message) for message in said)):
                yield place, field


def _has_good_envelope(case: Case) -> bool:
    body = None if case.meta is None else case.meta.components.get(ParameterLocation.BODY)
    return (case.media_type or "").startswith("application/cloudevents") and body is not None and body.mode.is_positive


def _is_another_path_too(case: Case) -> bool:
    example = re.sub(r"[{}]", "", case.path)
    others = (path for path in case.operation.schema if path != case.path)
    return any(re.fullmatch(re.sub(r"\{\w+\}", "[^/{}]+", path), example) for path in others)
