"""An Opsgenie that keeps the state of its alerts, and carries out what it accepted a moment later."""

import json
import re
import threading
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from tests.fakes.incidents import Incidents
from tests.fakes.receiver import Answer, Request, Served
from tests.fakes.throttle import Throttle

_JSON = {"Content-Type": "application/json"}
_LONGEST = {
    "message": 130,
    "alias": 512,
    "description": 15_000,
    "entity": 512,
    "source": 100,
    "user": 100,
    "note": 25_000,
}
_LISTS = {"tags": (20, 50), "actions": (10, 50)}
_MOST_DETAILS = 8_000
_CLOSE = re.compile(r"/v2/alerts/([^/]+)/close")
_RESULT = re.compile(r"/v2/alerts/requests/([^/]+)")


class OpsgenieService:
    """Takes requests with the keys it knows, or with any key if it is given none."""

    channel = "opsgenie"

    def __init__(self, *, keys: tuple[str, ...] = (), calls_a_minute: int = 600, asked_before_done: int = 0) -> None:
        """`asked_before_done` is how often a result is asked for in vain."""
        self.incidents = Incidents()
        self._keys = keys
        self._calls = Throttle(calls_a_minute)
        self.asked_before_done = asked_before_done
        self._results: dict[str, dict[str, Any]] = {}
        self._asked: dict[str, int] = {}
        self._lock = threading.Lock()

    def serve(self, request: Request) -> Served:
        """Carry out a request."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme != "GenieKey" or not key or (self._keys and key not in self._keys):
            return _refused(401, "Could not authenticate")
        with self._lock:
            if request.method == "GET" and (found := _RESULT.fullmatch(request.path)):
                return self._result(found[1])
            if self._calls.wait(key):
                return _refused(429, "You are making too many requests!")
            if request.method == "POST" and request.path == "/v2/alerts":
                return self._create(key, request)
            if request.method == "POST" and (found := _CLOSE.fullmatch(request.path)):
                return self._close(key, unquote(found[1]), request)
        return _refused(404, "Not found")

    def _create(self, key: str, request: Request) -> Served:
        alert = _read(request.body)
        if alert is None:
            return _refused(400, "Request body is not processable. Please check the errors.")
        alias = str(alert.get("alias", ""))
        if faults := list(_faults(alert)):
            return _refused(422, "Request body is not processable. Please check the errors.", faults, alias)
        made, is_new = self.incidents.open(key, alias)
        return self._accepted(
            alias, "opened" if is_new else "repeated", {"status": "Created alert", "alertId": made.id}
        )

    def _close(self, key: str, alias: str, request: Request) -> Served:
        change = _read(request.body)
        if change is None or request.query.get("identifierType") != ["alias"]:
            return _refused(422, "identifierType must be alias here", key=alias)
        if faults := list(_faults(change, required=())):
            return _refused(422, "Request body is not processable. Please check the errors.", faults, alias)
        closed = self.incidents.close(key, alias)
        if closed is None:
            return self._accepted(alias, "nothing to close", {"success": False, "status": "Alert does not exist"})
        return self._accepted(alias, "closed", {"status": "Closed alert", "alertId": closed.id})

    def _accepted(self, alias: str, did: str, result: Mapping[str, Any]) -> Served:
        request_id = f"{len(self._results) + 1:08}-0000-4000-8000-000000000000"
        self._results[request_id] = {"success": True, "isSuccess": True, "alias": alias, **result}
        said = {"result": "Request will be processed", "took": 0.107, "requestId": request_id}
        return Served(Answer(202, _JSON, json.dumps(said)), did, alias)

    def _result(self, request_id: str) -> Served:
        asked = self._asked[request_id] = self._asked.get(request_id, 0) + 1
        if request_id not in self._results or asked <= self.asked_before_done:
            return _refused(404, "Request not found. It might not be processed, yet.", did="asked")
        said = {"data": self._results[request_id], "took": 0.021, "requestId": request_id}
        return Served(Answer(200, _JSON, json.dumps(said)), "asked")


def _faults(alert: Mapping[str, Any], required: tuple[str, ...] = ("message",)) -> Iterator[str]:
    """What the Alert API has against a document."""
    yield from (f"{name} can not be empty" for name in required if not alert.get(name))
    for name, most in _LONGEST.items():
        if not isinstance(alert.get(name, ""), str) or len(alert.get(name, "")) > most:
            yield f"{name} must be a text of at most {most} characters"
    for name, (count, most) in _LISTS.items():
        if len(alert.get(name, [])) > count or any(len(one) > most for one in alert.get(name, [])):
            yield f"{name} must be at most {count} texts of at most {most} characters"
    details = alert.get("details", {})
    if not isinstance(details, dict) or not all(isinstance(value, str) for value in details.values()):
        yield "details must be texts by name"
    elif sum(len(name) + len(value) for name, value in details.items()) > _MOST_DETAILS:
        yield f"details must be at most {_MOST_DETAILS} characters in total"
    if alert.get("priority", "P3") not in ("P1", "P2", "P3", "P4", "P5"):
        yield "priority must be P1 to P5"


def _refused(
    status: int, message: str, errors: list[str] | None = None, key: str = "", *, did: str = "refused"
) -> Served:
    said = {"message": message, "took": 0.001, "requestId": "-", **({"errors": errors} if errors else {})}
    return Served(Answer(status, _JSON, json.dumps(said)), did, key)


def _read(body: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(body)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None
