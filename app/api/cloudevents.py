"""Events in the envelope of CloudEvents 1.0.2 (github.com/cloudevents/spec), in its three HTTP modes.

`type` and `data` are ours. `source` and `id` together are the idempotency key, `subject` is the subject_key, `time` the
occurred_at. The extension `recipients` names users, with commas between; our other fields may come as extensions of the
same name without underscores. Extensions that mean nothing to us are let pass, as the specification asks.
"""

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import unquote

from flask import request

from app.api.errors import Problem, invalid
from app.api.strict_json import JSON, parse, read_bytes, read_object
from app.domain.json_text import Fault

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
NAMESPACE = "/cloudevents"
"""Their keys can't meet those of the Idempotency-Key header."""
_PREFIX = "ce-"


def _list(value: Any) -> Any:
    return [word.strip() for word in value.split(",")] if isinstance(value, str) else value


def _number(value: Any) -> Any:
    digits = value.removeprefix("-") if isinstance(value, str) else ""
    return int(value) if digits.isascii() and digits.isdecimal() and len(digits) < 20 else value


def _flag(value: Any) -> Any:
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


def _same(value: Any) -> Any:
    return value


_FIELDS: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "type": ("type", _same),
    "source": ("source", _same),
    "subject": ("subject_key", _same),
    "time": ("occurred_at", _same),
    "recipients": ("recipients", _list),
    "channels": ("channels", _list),
    "sequence": ("sequence", _number),
    "resolved": ("resolved", _flag),
    "priority": ("priority", _same),
    "dedupekey": ("dedupe_key", _same),
    "deliverat": ("deliver_at", _same),
    "expiresat": ("expires_at", _same),
}
ATTRIBUTES = ("specversion", "id", *_FIELDS)
"""Those that mean something to us."""
_NAMES = {field: attribute for attribute, (field, _) in _FIELDS.items()} | {
    "idempotency_key": "id",
    "events": "_schema",
}


@dataclass(frozen=True, slots=True)
class Enveloped:
    """An event as the intake takes it, and its idempotency key; or what is wrong with its envelope, by attribute."""

    event: Mapping[str, Any]
    key: str
    errors: Mapping[str, list[str]]


def is_cloudevent() -> bool:
    """Whether the request carries a single CloudEvent."""
    return request.mimetype == STRUCTURED or is_binary()


def is_binary() -> bool:
    """Whether its attributes are in headers, and its data is the body."""
    return any(name.lower().startswith(_PREFIX) for name in request.headers.keys())  # noqa: SIM118 - pairs otherwise


def read() -> Enveloped:
    """The request's CloudEvent. Raises Problem as strict_json does, and for what is wrong with the envelope."""
    _refuse_other_key()
    enveloped = unwrap(read_object(media_types=(STRUCTURED,)) if request.mimetype == STRUCTURED else _binary())
    if enveloped.errors:
        refuse(enveloped.errors)
    return enveloped


def read_batch(limit: int) -> list[Enveloped]:
    """The request's CloudEvents, those with a wrong envelope included. Raises Problem when there is no list of them."""
    _refuse_other_key()
    document, found = parse(read_bytes(media_types=(BATCH,), limit=limit))
    if not isinstance(document, list):
        invalid({"json": {"_schema": ["Must be a list of CloudEvents."]}})
    odd: dict[int, dict[str, list[str]]] = {}
    for fault in found:
        if fault.path and isinstance(fault.path[0], int):
            odd.setdefault(fault.path[0], {}).setdefault(_place(fault), []).append(fault.why)
    return [Enveloped({}, "", odd[index]) if index in odd else unwrap(entry) for index, entry in enumerate(document)]


def refuse(errors: Mapping[str, Any]) -> NoReturn:
    """End the request with what is wrong, in the words of the envelope and of the mode it came in."""
    named = in_its_words(errors)
    if not is_binary():
        invalid({"json": named})
    headers = {f"{_PREFIX}{name}": messages for name, messages in named.items() if name != "data"}
    body = {"json": {"data": named["data"]}} if "data" in named else {}
    invalid({**({"headers": headers} if headers else {}), **body})


def in_its_words(errors: Mapping[str, Any]) -> dict[str, Any]:
    """What is wrong with an event, by the attribute of its envelope."""
    return {_NAMES.get(field, field): messages for field, messages in errors.items()}


def unwrap(envelope: Any) -> Enveloped:
    """What is in an envelope."""
    if not isinstance(envelope, dict):
        return Enveloped({}, "", {"_schema": ["Must be an object."]})
    errors: dict[str, list[str]] = {}
    if envelope.get("specversion") != "1.0":
        errors["specversion"] = ["Must be 1.0."]
    for name in ("id", "source", "type"):
        if not isinstance(envelope.get(name), str) or not envelope[name]:
            errors[name] = ["Required: a non-empty string."]
    content_type = envelope.get("datacontenttype")
    if content_type is not None and not _is_json(content_type):
        errors["datacontenttype"] = ["Must be application/json."]
    event = {field: read(envelope[name]) for name, (field, read) in _FIELDS.items() if envelope.get(name) is not None}
    event["data"] = _data(envelope, errors)
    if errors:
        return Enveloped(event, "", errors)
    known_by = f"{envelope['source']}\0{envelope['id']}".encode(errors="surrogatepass")
    return Enveloped(event, hashlib.sha256(known_by).hexdigest(), {})


def _data(envelope: Mapping[str, Any], errors: dict[str, list[str]]) -> Any:
    if "data_base64" not in envelope:
        if "data" not in envelope:
            errors["data"] = ["Required."]
        return envelope.get("data")
    if "data" in envelope:
        errors["data_base64"] = ["Must not come together with data."]
        return None
    try:
        document, found = parse(base64.b64decode(envelope["data_base64"], validate=True))
    except (binascii.Error, TypeError, ValueError, Problem):
        errors["data_base64"] = ["Must be JSON in base64."]
        return None
    if found:
        errors["data_base64"] = [fault.why for fault in found]
    return document


def _binary() -> dict[str, Any]:
    """The envelope of which the attributes are headers (HTTP binding, section 3.1)."""
    document, found = parse(read_bytes(media_types=(JSON,)))
    if found:
        refuse({"data": [fault.why for fault in found]})
    attributes: dict[str, Any] = {}
    for name, value in request.headers.items():
        if name.lower().startswith(_PREFIX):
            attribute = name.lower().removeprefix(_PREFIX)
            try:
                attributes[attribute] = unquote(value.strip('"'), errors="strict")
            except UnicodeDecodeError:
                refuse({attribute: ["Must be percent-encoded UTF-8."]})
    return {**attributes, "data": document}


def _refuse_other_key() -> None:
    if "Idempotency-Key" in request.headers:
        invalid({"headers": {"Idempotency-Key": ["A CloudEvent is known by its source and id; leave this out."]}})


def _is_json(content_type: object) -> bool:
    media_type = content_type.partition(";")[0].strip().lower() if isinstance(content_type, str) else ""
    return media_type == JSON or media_type.endswith("+json")


def _place(fault: Fault) -> str:
    return str(fault.path[1]) if len(fault.path) > 1 else "_schema"
