"""Every error as application/problem+json (RFC 9457), and none of them with a traceback."""

import logging
import math
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NoReturn

from flask import Flask, Response, request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import HTTPException, InternalServerError, MethodNotAllowed

from app.answer_headers import PROBLEM
from app.api.answers import dumps
from app.services.intake import IdempotencyMismatch, Invalid
from app.services.quota import TooMany
from app.store.engine import DatabaseUnavailable

RETRY_AFTER_SECONDS = 5
NOTHING_HERE = "There is nothing here by this name."
_log = logging.getLogger(__name__)
_DETAILS = {
    404: NOTHING_HERE,
    405: "This path does not know the method.",
    413: "The body is larger than this path takes.",
}


class Problem(Exception):
    """Ends a request with an error; `errors` maps a location and a field to messages."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors
        self.headers = headers


def not_found() -> NoReturn:
    """End the request as if the thing did not exist, whether it does or not."""
    raise Problem(404, NOTHING_HERE)


def invalid(errors: Mapping[str, Any]) -> NoReturn:
    """End the request with the fields that are wrong, as {location: {field: [messages]}}."""
    raise Problem(422, "Some fields are not valid.", errors=errors)


def problem(
    status: int,
    detail: str,
    *,
    errors: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    instance: str | None = None,
) -> Response:
    """The answer for an error."""
    body = problem_body(status, detail, errors=errors)
    if instance is not None:
        body["instance"] = instance
    return Response(dumps(body), status, headers, content_type=PROBLEM)


def problem_body(status: int, detail: str, *, errors: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What the answer for an error says."""
    said = {"type": "about:blank", "title": _title(status), "status": status, "detail": detail}
    return said if errors is None else {**said, "errors": errors}


def register(app: Flask) -> None:
    """Answer every error of the application."""
    app.register_error_handler(Problem, _on_problem)
    app.register_error_handler(Invalid, _on_invalid)
    app.register_error_handler(IdempotencyMismatch, _on_mismatch)
    app.register_error_handler(TooMany, _on_too_many)
    app.register_error_handler(DatabaseUnavailable, _on_unavailable)
    app.register_error_handler(ParseException, _on_broken_body)
    app.register_error_handler(HTTPException, _on_http)
    app.register_error_handler(Exception, _on_crash)


def _on_problem(error: Problem) -> Response:
    return problem(error.status, error.detail, errors=error.errors, headers=error.headers)


def _on_invalid(error: Invalid) -> Response:
    return problem(422, "Some fields are not valid.", errors=error.errors)


def _on_mismatch(_error: IdempotencyMismatch) -> Response:
    said = "This key was used for another event."
    return problem(422, said, errors={"headers": {"Idempotency-Key": [said]}})


def _on_too_many(error: TooMany) -> Response:
    seconds = max(math.ceil(error.wait.total_seconds()), 1)
    headers = {"Retry-After": str(seconds)}
    return problem(429, f"Too many {error.what}; wait {seconds} s.", headers=headers)


def _on_unavailable(error: DatabaseUnavailable) -> Response:
    _log.warning("database_unavailable", extra={"path": _rule(), "detail": str(error)})
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return problem(503, "The database cannot take this now; try again a little later.", headers=headers)


def _on_broken_body(_error: ParseException) -> Response:
    # The server reads a chunked body while the application does.
    return problem(400, "The body ends in the middle, or is not chunked as it should be.")


def _on_http(error: HTTPException) -> Response:
    if isinstance(error, InternalServerError):
        return _on_crash(error.original_exception or error)
    status = error.code or 500
    # webargs leaves what its schemas found in `data`.
    data: Mapping[str, Any] = getattr(error, "data", None) or {}
    headers = dict(data.get("headers") or {})
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        headers["Allow"] = ", ".join(sorted(error.valid_methods))
    errors = data.get("errors") or data.get("messages")
    detail = "Some fields are not valid." if errors else _DETAILS.get(status, _title(status))
    return problem(status, detail, errors=errors, headers=headers)


def _on_crash(error: BaseException) -> Response:
    number = secrets.token_hex(8)
    _log.error("request_crashed", exc_info=error, extra={"error_id": number, "path": _rule(), "method": request.method})
    detail = f"Something went wrong on our side; the log tells what under {number}."
    return problem(500, detail, instance=f"urn:error:{number}")


def _rule() -> str | None:
    """The route, not the path: a path may hold a user id or a token."""
    return request.url_rule.rule if request.url_rule is not None else None


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
