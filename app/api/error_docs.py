"""The errors of the API as the documentation shows them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.answer_headers import PROBLEM
from app.api.errors import NOTHING_HERE, problem_body


@dataclass(frozen=True, slots=True)
class _Error:
    """An error: its name in the documentation, when it comes, and what it may say."""

    name: str
    when: str
    detail: str
    errors: Mapping[str, Any] | None = None
    headers: Mapping[str, Any] = field(default_factory=dict)


_RETRY_AFTER = {
    "Retry-After": {"description": "Seconds to wait.", "required": True, "schema": {"type": "integer", "minimum": 1}}
}
_CHALLENGE = {"WWW-Authenticate": {"description": "What is asked for.", "required": True, "schema": {"type": "string"}}}
_ERRORS: Mapping[int, _Error] = {
    400: _Error("NotJson", "The body is not JSON.", "The body is not JSON: Expecting value at line 1, column 1."),
    401: _Error(
        "NoToken",
        "There is no token, or none that works.",
        "This needs `Authorization: Bearer` with a key or a token that works.",
        headers=_CHALLENGE,
    ),
    403: _Error("NoScope", "This key may not do this.", "This needs a key with the scope admin."),
    404: _Error("NotFound", "There is no such thing, or it is somebody else's.", NOTHING_HERE),
    406: _Error("NotAcceptable", "It cannot be had in a form that Accept asks for.", "This can be had as text/csv."),
    409: _Error("Ended", "It has ended already.", "Nothing of this event is open any more."),
    412: _Error(
        "Changed", "It is not at the version that If-Match names.", "The preferences were changed; read again."
    ),
    413: _Error("TooLarge", "The body is too large.", "The body is larger than this path takes."),
    415: _Error("WrongMediaType", "The body is of another media type.", "The body must be application/json."),
    422: _Error(
        "Invalid",
        "Something is wrong with a field; `errors` names it.",
        "Some fields are not valid.",
        {"json": {"recipients": ["Must name 1 to 1000 users."]}},
    ),
    429: _Error(
        "TooMany",
        "The key, or the user, asks too often.",
        "More than 600 per 1 minute; wait 7 s.",
        headers=_RETRY_AFTER,
    ),
    503: _Error(
        "Unavailable",
        "The database cannot take this now.",
        "The database cannot take this now; try again a little later.",
        headers=_RETRY_AFTER,
    ),
}


def error_name(status: int) -> str:
    """The name of an error among the responses of the documentation."""
    return _ERRORS[status].name


def error_responses() -> dict[str, Any]:
    """All of them, by name."""
    return {error.name: _response(status, error) for status, error in _ERRORS.items()}


def _response(status: int, error: _Error) -> dict[str, Any]:
    example = problem_body(status, error.detail, errors=error.errors)
    content = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}}
    return {"description": error.when, "content": content} | ({"headers": error.headers} if error.headers else {})
