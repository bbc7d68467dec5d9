"""The answer to what is no HTTP request, or broke gunicorn: it never reaches the application."""

import json
from http import HTTPStatus

from gunicorn.http import errors

from app.answer_headers import ALWAYS, PROBLEM

_STATUS = {
    errors.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    errors.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    errors.UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
}
# What the application wanted to send could not be sent: the client is not to blame.
_OURS = (errors.InvalidResponseHeader, errors.InvalidResponseHeaderName, errors.ConfigurationProblem)


def status_of(fault: BaseException) -> HTTPStatus:
    """The status that a fault of gunicorn's is answered with; 500 when it is not the client's."""
    if not isinstance(fault, errors.ParseException) or isinstance(fault, _OURS):
        return HTTPStatus.INTERNAL_SERVER_ERROR
    return _STATUS.get(type(fault), HTTPStatus.BAD_REQUEST)


def answer(status: HTTPStatus) -> bytes:
    """The whole answer, after which the connection ends. It repeats nothing of what was sent."""
    document = {"type": "about:blank", "title": status.phrase, "status": status, "detail": f"{status.description}."}
    body = json.dumps(document).encode()
    headers = {"Connection": "close", "Content-Type": PROBLEM, "Content-Length": str(len(body)), **ALWAYS}
    lines = [f"HTTP/1.1 {status:d} {status.phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode() + body
