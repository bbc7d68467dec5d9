"""A PagerDuty that keeps the state of its alerts: Events v2 and, of the REST API, what opens and resolves incidents."""

import json
import re
import threading
from collections.abc import Mapping
from typing import Any

from tests.fakes.incidents import Alert, Incidents
from tests.fakes.receiver import Answer, Request, Served
from tests.fakes.throttle import Throttle

_JSON = {"Content-Type": "application/json"}
_MOST_BYTES = 512_000
_SEVERITIES = ("critical", "error", "warning", "info")
_ACTIONS = ("trigger", "acknowledge", "resolve")
_INCIDENT = re.compile(r"/incidents/([A-Z0-9]+)")


class PagerDutyService:
    """Takes events with any well-formed routing key, and REST requests with the keys and for the services it knows.

    If it is told of none, any will do.
    """

    channel = "pagerduty"

    def __init__(
        self,
        *,
        keys: tuple[str, ...] = (),
        services: tuple[str, ...] = (),
        events_a_minute: int = 120,
        calls_a_minute: int = 960,
    ) -> None:
        self.incidents = Incidents()
        self._keys = keys
        self._services = services
        self._events = Throttle(events_a_minute)
        self._calls = Throttle(calls_a_minute)
        self._lock = threading.Lock()

    def serve(self, request: Request) -> Served:
        """Carry out a request."""
        with self._lock:
            if (request.method, request.path) == ("POST", "/v2/enqueue"):
                return self._enqueue(request)
            return self._rest(request)

    def _enqueue(self, request: Request) -> Served:
        if len(request.body) > _MOST_BYTES:
            return Served(Answer(413, body="too large"), "refused")
        event = _read(request.body)
        key = str(event.get("dedup_key", ""))
        if faults := list(_faults(event)):
            return _invalid_event(faults, key)
        routing_key = event["routing_key"]
        if self._events.wait(routing_key):
            said = {"status": "throttle exceeded", "message": "Requests for this service are arriving too quickly."}
            return Served(Answer(429, _JSON, json.dumps(said)), "throttled", key)
        said = {"status": "success", "message": "Event processed", "dedup_key": key}
        return Served(Answer(202, _JSON, json.dumps(said)), self._change(event["event_action"], routing_key, key), key)

    def _change(self, action: str, routing_key: str, key: str) -> str:
        if action == "trigger":
            return "opened" if self.incidents.open(routing_key, key)[1] else "repeated"
        if action == "resolve":
            return "closed" if self.incidents.close(routing_key, key) else "nothing to close"
        return "acknowledged"

    def _rest(self, request: Request) -> Served:
        if turned_away := self._turned_away(request):
            return turned_away
        if request.path == "/incidents" and request.method == "POST":
            return self._create(request)
        if request.path == "/incidents" and request.method == "GET":
            return self._list(request)
        if request.method == "PUT" and (found := _INCIDENT.fullmatch(request.path)):
            return self._resolve(request, found[1])
        return _error(404, 2100, "Not Found")

    def _turned_away(self, request: Request) -> Served | None:
        scheme, _, key = request.headers.get("authorization", "").partition("=")
        if scheme != "Token token" or not key or (self._keys and key not in self._keys):
            return _error(401, 2006, "Unauthorized")
        if request.headers.get("accept") != "application/vnd.pagerduty+json;version=2":
            return _error(406, 2002, "Not Acceptable")
        if wait := self._calls.wait(key):
            return _error(429, 2020, "Rate Limit Exceeded", headers={"ratelimit-reset": str(int(wait) + 1)})
        return None

    def _create(self, request: Request) -> Served:
        incident = _read(request.body).get("incident")
        if not isinstance(incident, dict) or incident.get("type") != "incident":
            return _error(400, 2001, "Invalid Input Provided", "Incident is not an incident")
        key, service = str(incident.get("incident_key", "")), incident.get("service")
        if not isinstance(incident.get("title"), str) or not incident["title"]:
            return _error(400, 2001, "Invalid Input Provided", "Title cannot be empty", key=key)
        if incident.get("urgency") not in ("high", "low"):
            return _error(400, 2001, "Invalid Input Provided", "Urgency must be one of: high, low", key=key)
        if not isinstance(service, dict) or (self._services and service.get("id") not in self._services):
            return _error(404, 2100, "Not Found", key=key)
        opened, is_new = self.incidents.open(service["id"], key)
        if not is_new:
            text = "Open incident already exists on this service with the given incident key"
            return _error(400, 2001, "Invalid Input Provided", text, key=key, did="repeated")
        return Served(Answer(201, _JSON, json.dumps({"incident": _shown(opened)})), "opened", key)

    def _list(self, request: Request) -> Served:
        keys = request.query.get("incident_key", [])
        statuses = request.query.get("statuses[]", ["triggered", "acknowledged", "resolved"])
        services = request.query.get("service_ids[]")
        found = [
            _shown(alert)
            for alert in self.incidents.everything()
            if alert.key in keys and (services is None or alert.owner in services) and _status(alert) in statuses
        ]
        return Served(Answer(200, _JSON, json.dumps({"incidents": found, "more": False})), "asked", "".join(keys))

    def _resolve(self, request: Request, id_: str) -> Served:
        alert = next((one for one in self.incidents.everything() if one.id == id_), None)
        change = _read(request.body).get("incident")
        if alert is None:
            return _error(404, 2100, "Not Found")
        if change != {"type": "incident_reference", "status": "resolved"}:
            return _error(400, 2001, "Invalid Input Provided", "Status must be resolved", key=alert.key)
        if alert.closed:
            return _error(400, 1001, "Incident Already Resolved", key=alert.key, did="nothing to close")
        self.incidents.close(alert.owner, alert.key)
        return Served(Answer(200, _JSON, json.dumps({"incident": _shown(alert)})), "closed", alert.key)


def _faults(event: Mapping[str, Any]) -> list[str]:
    """What Events v2 has against an event."""
    faults = []
    if not re.fullmatch(r"[A-Za-z0-9]{32}", str(event.get("routing_key"))):
        faults.append("'routing_key' is invalid (must be 32 characters)")
    if event.get("event_action") not in _ACTIONS:
        faults.append("'event_action' is invalid (must be one of trigger, acknowledge, resolve)")
    if not 0 < len(str(event.get("dedup_key", ""))) <= 255:
        faults.append("'dedup_key' is invalid (must be 1 to 255 characters)")
    payload = event.get("payload")
    if event.get("event_action") != "trigger":
        return faults
    if not isinstance(payload, dict):
        return [*faults, "'payload' is missing or blank"]
    faults += [f"'payload.{name}' is missing or blank" for name in ("summary", "source") if not payload.get(name)]
    if len(str(payload.get("summary"))) > 1_024:
        faults.append("'payload.summary' is too long (maximum is 1024 characters)")
    if payload.get("severity") not in _SEVERITIES:
        faults.append("'payload.severity' is invalid (must be one of critical, warning, error or info)")
    return faults


def _invalid_event(faults: list[str], key: str) -> Served:
    said = {"status": "invalid event", "message": "Event object is invalid", "errors": faults}
    return Served(Answer(400, _JSON, json.dumps(said)), "refused", key)


def _error(
    status: int,
    code: int,
    message: str,
    *errors: str,
    key: str = "",
    did: str = "refused",
    headers: Mapping[str, str] | None = None,
) -> Served:
    said = {"error": {"message": message, "code": code, "errors": list(errors)}}
    return Served(Answer(status, {**_JSON, **(headers or {})}, json.dumps(said)), did, key)


def _status(alert: Alert) -> str:
    return "resolved" if alert.closed else "triggered"


def _shown(alert: Alert) -> dict[str, Any]:
    return {
        "id": alert.id,
        "type": "incident",
        "status": _status(alert),
        "incident_key": alert.key,
        "service": {"id": alert.owner, "type": "service_reference"},
    }


def _read(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
