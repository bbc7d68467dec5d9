"""Reading bodies strictly: what they say they are, how long they may be, and the JSON in them."""

from collections.abc import Collection
from typing import Any

from flask import request
from marshmallow import Schema, ValidationError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from app.api.errors import Problem, invalid
from app.domain import json_text
from app.domain.json_text import Fault, NotJson

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
BODY_BYTES = 256 * 1024
BATCH_BYTES = 8 * 1024 * 1024


def read_object(*, media_types: Collection[str] = (JSON,), limit: int = BODY_BYTES) -> dict[str, Any]:
    """The request's body, a JSON object of at most `limit` bytes in which every value is fit to be kept.

    Raises Problem: 413 too large, 415 another media type, 400 no JSON, 422 naming the field that is wrong.
    """
    body = read_bytes(media_types=media_types, limit=limit)
    try:
        document, errors = json_text.read_object(body)
    except NotJson as error:
        raise Problem(400, f"The body {error}") from None
    if errors:
        invalid({"json": errors})
    return document


def read_as(schema: Schema) -> dict[str, Any]:
    """The request's body as the schema reads it. Raises Problem as `read_object` does."""
    return load(schema, read_object())


def read_optional(schema: Schema) -> dict[str, Any]:
    """The same; a request that neither brings nor announces a body is read like an empty object."""
    has_body = request.content_length or request.mimetype or "Transfer-Encoding" in request.headers
    return load(schema, read_object() if has_body else {})


def load(schema: Schema, document: dict[str, Any]) -> dict[str, Any]:
    """A document as the schema reads it. Raises Problem 422."""
    try:
        values: dict[str, Any] = schema.load(document)
    except ValidationError as error:
        invalid({"json": error.messages})
    return values


def read_bytes(*, media_types: Collection[str] = (JSON,), limit: int = BODY_BYTES) -> bytes:
    """The request's body. Raises Problem 415, and 400 when it breaks off; a body above `limit` bytes ends as 413."""
    if request.mimetype not in media_types:
        raise Problem(415, f"The body must be {' or '.join(media_types)}.", headers={"Accept": ", ".join(media_types)})
    if request.mimetype_params.get("charset", "utf-8").lower() not in {"utf-8", "utf8", "us-ascii"}:
        raise Problem(415, "The body must be UTF-8.")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Problem(415, "The body must not be compressed.", headers={"Accept-Encoding": "identity"})
    # One more than is allowed: of a chunked body Werkzeug reads that much, and does not say that there was more.
    request.max_content_length = limit + 1
    try:
        body = request.get_data(cache=False)
    except HTTPException:
        raise
    except Exception:  # noqa: BLE001 - servers have no common word for a client that breaks off or sends no chunks
        raise Problem(400, "The body cannot be read to its end.") from None
    if len(body) > limit:
        raise RequestEntityTooLarge
    return body


def parse(body: bytes) -> tuple[Any, list[Fault]]:
    """A JSON text as a value, and what of it could not be taken over. Raises Problem 400 when it is no JSON at all."""
    try:
        return json_text.parse(body)
    except NotJson as error:
        raise Problem(400, f"The body {error}") from None
