"""Incidents by PagerDuty's REST API (developer.pagerduty.com, "Incidents")."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Self
from urllib.parse import quote, urlencode

from channels.alerts import clip, key_of
from channels.base import Message, PagerDutySettings, Permanent, Receipt, Transient
from channels.http import Http
from channels.json_api import JsonApi
from channels.sockets import Deadline

_OPEN = ("triggered", "acknowledged")
_INVALID_INPUT = 2001
_URGENT = frozenset({"critical", "high"})
_MOST_TITLE = 1_024
_MOST_TEXT = 20_000
_MOST_REF = 255


class PagerDutyIncidents:
    """Opens and resolves incidents of one service."""

    def __init__(self, api: JsonApi, service_id: str) -> None:
        self._api = api
        self._service_id = service_id

    @classmethod
    def of(cls, settings: PagerDutySettings, http: Http, deadline: Deadline, now: Callable[[], datetime]) -> Self:
        """Those of the operators' service."""
        key = settings.api_key or ""
        headers = {"Authorization": f"Token token={key}", "Accept": "application/vnd.pagerduty+json;version=2"}
        if settings.from_email:
            headers["From"] = settings.from_email
        api = JsonApi(
            http,
            settings.api_url,
            headers=headers,
            hide=[key],
            deadline=deadline,
            now=now,
            wait_header="ratelimit-reset",
        )
        return cls(api, settings.service_id or "")

    def send(self, message: Message) -> Receipt:
        """Open an incident or resolve it."""
        return self._resolve(message) if message.resolved else self._open(message)

    def _open(self, message: Message) -> Receipt:
        answer = self._api.ask("POST", "/incidents", incident_of(message, self._service_id))
        if answer.failure is None:
            return Receipt(http_status=answer.status, provider_ref=_id_of(answer.data.get("incident")))
        if answer.status == 409 or (answer.status == 400 and _code(answer.data) == _INVALID_INPUT):
            # The key may be taken by an incident that is open already, and that is what was wanted.
            try:
                found = self._find(message)
            except Permanent:
                found = None
            if found is not None:
                return Receipt(answer.status, "An incident with this key is open already.", found)
        raise answer.failure

    def _resolve(self, message: Message) -> Receipt:
        found = self._find(message)
        if found is None:
            return Receipt(detail="No incident with this key is open any more.")
        answer = self._api.ask("PUT", f"/incidents/{quote(found, safe='')}", incident_of(message, self._service_id))
        if answer.failure is None:
            return Receipt(http_status=answer.status, provider_ref=found)
        if isinstance(answer.failure, Permanent) and self._find(message) is None:
            return Receipt(answer.status, "Somebody else resolved the incident just now.", found)
        raise answer.failure

    def _find(self, message: Message) -> str | None:
        """The id of the open incident with the message's key on our service. Raises DeliveryError."""
        key = key_of(message)
        query = [("incident_key", key), ("service_ids[]", self._service_id), *(("statuses[]", one) for one in _OPEN)]
        answer = self._api.look(f"/incidents?{urlencode(query)}")
        if answer.failure is not None:
            raise answer.failure
        found = answer.data.get("incidents")
        if not isinstance(found, list):
            raise Transient("The list of open incidents could not be read.", http_status=answer.status)
        matching = (one for one in found if isinstance(one, Mapping) and self._matches(one, key))
        return next((id_ for id_ in map(_id_of, matching) if id_), None)

    def _matches(self, incident: Mapping[str, Any], key: str) -> bool:
        service = incident.get("service")
        return (
            incident.get("incident_key") == key
            and incident.get("status") in _OPEN
            and isinstance(service, Mapping)
            and service.get("id") == self._service_id
        )


def incident_of(message: Message, service_id: str) -> dict[str, Any]:
    """What opens an incident; what resolves it, if its trouble is over."""
    if message.resolved:
        return {"incident": {"type": "incident_reference", "status": "resolved"}}
    incident = {
        "type": "incident",
        "title": clip(message.title, _MOST_TITLE) or message.type,
        "service": {"id": service_id, "type": "service_reference"},
        "urgency": "high" if message.priority in _URGENT else "low",
        "incident_key": key_of(message),
        "body": {"type": "incident_body", "details": clip(message.text, _MOST_TEXT)},
    }
    return {"incident": incident}


def _id_of(incident: object) -> str | None:
    id_ = incident.get("id") if isinstance(incident, Mapping) else None
    return id_ if isinstance(id_, str) and 0 < len(id_) <= _MOST_REF else None


def _code(data: Mapping[str, Any]) -> object:
    error = data.get("error")
    return error.get("code") if isinstance(error, Mapping) else None
