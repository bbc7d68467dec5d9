"""What a submitted event must look like; the one check behind every door."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from app.domain import shapes
from app.domain.events import DEFAULT_LIFETIME, OPERATORS, PRIORITIES, Event, EventType, EventTypes
from app.domain.ids import is_user_id, new_id

MOST_RECIPIENTS = 1000
_LEAST_INTEGER, _MOST_INTEGER = -(2**63), 2**63 - 1


class Moment(fields.AwareDateTime):
    """An RFC 3339 time with its offset."""

    default_error_messages = {
        "invalid": "Must be an RFC 3339 time such as 2026-01-31T08:00:00Z.",
        "invalid_awareness": "Must carry an offset, such as Z.",
    }

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> datetime:
        if not isinstance(value, str) or len(value) < 20:
            raise self.make_error("invalid", input=value, obj_type=self.OBJ_TYPE)
        try:
            moment = super()._deserialize(value, attr, data, **kwargs)
        except (ValueError, OverflowError) as error:
            raise error if isinstance(error, ValidationError) else self.make_error("invalid") from error
        if not 1970 < moment.year < 9998:
            raise ValidationError("Must be between 1971 and 9997.")
        return moment


class Flag(fields.Boolean):
    """True or false, and not what merely looks like it."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("Must be true or false.")
        return super()._deserialize(value, attr, data, **options)


def _user_id(text: str) -> None:
    if not is_user_id(text):
        raise ValidationError("Must be 1 to 128 letters, digits or . _ : @ + -, beginning with a letter or digit.")


def _short(allow_none: bool = True) -> fields.String:
    return fields.String(validate=validate.Length(1, 255), allow_none=allow_none)


def _is_object(value: object) -> None:
    if not isinstance(value, dict):
        raise ValidationError("Must be a JSON object.")


class EventSchema(Schema):
    """An event as services submit it. Unknown fields are refused."""

    class Meta:
        unknown = RAISE

    error_messages = {"unknown": "Unknown field.", "type": "Must be a JSON object."}

    type = fields.String(required=True)
    recipients = fields.List(
        fields.String(validate=_user_id),
        validate=validate.Length(1, MOST_RECIPIENTS, error=f"Must name 1 to {MOST_RECIPIENTS} users."),
    )
    data = fields.Raw(required=True, validate=_is_object)
    source = _short()
    subject_key = _short()
    sequence = fields.Integer(strict=True, allow_none=True, validate=validate.Range(_LEAST_INTEGER, _MOST_INTEGER))
    dedupe_key = _short()
    channels = fields.List(
        fields.String(), allow_none=True, validate=validate.Length(1, error="Must name a channel, or be null.")
    )
    priority = fields.String(allow_none=True, validate=validate.OneOf(PRIORITIES, error="Allowed: {choices}."))
    resolved = Flag()
    occurred_at = Moment(allow_none=True)
    deliver_at = Moment(allow_none=True)
    expires_at = Moment(allow_none=True)


_SCHEMA = EventSchema()


def load(
    raw: object, channels: Sequence[str], now: datetime, types: EventTypes
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Check a submitted event: its values, and what is wrong by field (empty when all is well)."""
    try:
        values: dict[str, Any] = _SCHEMA.load(raw)  # type: ignore[arg-type]  # marshmallow itself refuses what is no object
        errors: dict[str, Any] = {}
    except ValidationError as error:
        values = error.valid_data if isinstance(error.valid_data, dict) else {}
        errors = dict(error.normalized_messages())  # type: ignore[no-untyped-call]
        if not isinstance(raw, Mapping):
            return {}, errors
    if "type" in values and values["type"] not in types:
        errors["type"] = [f"Unknown event type. Allowed: {', '.join(types)}."]
    known = None if "type" in errors else types.get(values.get("type", ""))
    _check_data(values, known, errors)
    _check_channels(values, channels, errors)
    _check_texts(raw, errors)
    if "recipients" not in values and "recipients" not in errors and known and not known.for_operators:
        errors["recipients"] = [f"Required for {known.name}."]
    expires_at = None if "expires_at" in errors else values.get("expires_at")
    if expires_at is not None and expires_at <= max(now, values.get("deliver_at") or now):
        errors["expires_at"] = ["Must be after now and after deliver_at."]
    return values, errors


def event_of(values: Mapping[str, Any], owner: str, now: datetime, types: EventTypes) -> Event:
    """The event that checked values describe, with every default filled in."""
    known = types[values["type"]]
    data = {**known.fills, **values["data"]} if known.fills else values["data"]
    deliver_at = values.get("deliver_at")
    subject = values.get("subject_key")
    return Event(
        id=new_id("evt", now),
        type=known.name,
        recipients=tuple(dict.fromkeys(values.get("recipients") or (OPERATORS,))),
        data=data,
        source=values.get("source"),
        subject_key=subject if subject is not None else str(data[known.subject_field])[:255],
        sequence=values.get("sequence"),
        dedupe_key=values.get("dedupe_key"),
        channels=tuple(dict.fromkeys(values["channels"])) if values.get("channels") else None,
        priority=values.get("priority") or known.priority,
        # Of the types that come along it is known everywhere which of them tell of an end.
        resolved=values.get("resolved", False) or (known.is_added and known.resolves),
        occurred_at=values.get("occurred_at") or now,
        deliver_at=deliver_at,
        expires_at=values.get("expires_at") or max(now, deliver_at or now) + DEFAULT_LIFETIME,
        created_at=now,
        owner=owner,
    )


def _check_data(values: Mapping[str, Any], known: EventType | None, errors: dict[str, Any]) -> None:
    data = values.get("data")
    if data is None or "data" in errors:
        return
    if unfit := shapes.faults(data):
        errors["data"] = unfit
    elif len(json.dumps(data, ensure_ascii=False).encode()) > shapes.MOST_DATA_BYTES:
        errors["data"] = [f"Must be at most {shapes.MOST_DATA_BYTES // 1024} KiB of JSON."]
    elif known is not None and (missing := known.data_faults(data)):
        errors["data"] = missing


def _check_channels(values: Mapping[str, Any], channels: Sequence[str], errors: dict[str, Any]) -> None:
    unknown = [name for name in values.get("channels") or () if name not in channels]
    if unknown and "channels" not in errors:
        errors["channels"] = [f"Unknown channel {name!r}. Allowed: {', '.join(channels)}." for name in unknown[:5]]


def _check_texts(raw: object, errors: dict[str, Any]) -> None:
    if isinstance(raw, Mapping):
        for name, value in raw.items():
            if name != "data" and name not in errors and (unfit := shapes.faults(value)):
                errors[str(name)] = unfit
