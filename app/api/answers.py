"""JSON answers, written directly: a schema per answer would cost more than the answer."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from flask import Response


def answer(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer; datetimes become RFC 3339 in UTC with Z."""
    return Response(dumps(body), status, headers, content_type="application/json")


def dumps(body: object) -> str:
    """The JSON text of an answer. It is ASCII, so that no text we ever got can fail to be encoded."""
    return json.dumps(body, separators=(",", ":"), default=_plain)


def rfc3339(moment: datetime) -> str:
    """The moment in UTC with Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return rfc3339(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
