"""The Alert API of Opsgenie and Jira Service Management (docs.opsgenie.com/docs/alert-api)."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from channels.alerts import OURSELVES, clip, facts, key_of
from channels.base import DeliveryError, Message, Permanent, Receipt
from channels.json_api import JsonApi
from channels.sockets import Deadline, OutOfTime

_PRIORITIES = {"critical": "P1", "high": "P2", "normal": "P3", "low": "P4"}
_MOST_MESSAGE = 130
_MOST_DESCRIPTION = 15_000
_MOST_NOTE = 25_000
_MOST_TAG = 50
_MOST_ENTITY = 512
_MOST_SOURCE = 100
_MOST_DETAILS = 8_000
_MOST_DETAIL = 1_000
_MOST_REF = 255
_CUT = "left_out"
# What was accepted is usually done by then; an answer that is not there yet costs one question in vain.
_LOOK_AFTER = (0.2, 0.8, 2.0)


@dataclass(frozen=True, slots=True)
class _Result:
    """What came of a request, and of which alert."""

    done: bool
    status: str
    alert_id: str | None


class OpsgenieAlerts:
    """Opens and closes alerts with one key.

    A 202 says that a request was accepted, not what came of it, so that is asked for a moment later. When it is not
    known even then, the notification counts as delivered: the request is Opsgenie's to carry out, sending it again
    would only be counted, and our record says that the end was not seen.
    """

    def __init__(self, api: JsonApi, deadline: Deadline, pause: Callable[[float], None]) -> None:
        self._api = api
        self._deadline = deadline
        self._pause = pause

    def send(self, message: Message) -> Receipt:
        """Create or close; Opsgenie counts a repeat while the alert is open, and ignores the end of what is closed."""
        if message.resolved:
            path = f"/v2/alerts/{quote(key_of(message), safe='')}/close?identifierType=alias"
        else:
            path = "/v2/alerts"
        answer = self._api.ask("POST", path, document_of(message))
        if answer.failure is not None:
            raise answer.failure
        request_id = _text(answer.data.get("requestId"))
        result = self._result(request_id) if request_id is not None else None
        if result is None:
            return Receipt(answer.status, "Accepted, and not yet done when it was last asked for.", request_id)
        # Where a closing has no success, somebody has closed the alert by hand.
        if not result.done and not message.resolved:
            raise Permanent(f"Accepted, but not done: {result.status}", http_status=answer.status)
        return Receipt(answer.status, result.status, result.alert_id or request_id)

    def _result(self, request_id: str) -> _Result | None:
        """What came of an accepted request; None while nobody knows."""
        for seconds in _LOOK_AFTER:
            try:
                if self._deadline.left() <= seconds:
                    break
                self._pause(seconds)
                answer = self._api.look(f"/v2/alerts/requests/{quote(request_id, safe='')}")
            except (DeliveryError, OutOfTime):
                break  # it was accepted all the same
            data = answer.data.get("data")
            if answer.failure is None and isinstance(data, Mapping):
                done = data.get("success", data.get("isSuccess"))
                if isinstance(done, bool):
                    return _Result(done, self._api.said(data.get("status")), _text(data.get("alertId")))
        return None


def document_of(message: Message) -> dict[str, Any]:
    """What opens the alert; what closes it, if its trouble is over."""
    if message.resolved:
        return {"source": OURSELVES, "note": clip(f"{message.title}\n\n{message.text}", _MOST_NOTE)}
    alert = {
        "message": clip(message.title, _MOST_MESSAGE) or message.type,
        "alias": key_of(message),
        "description": clip(message.text, _MOST_DESCRIPTION),
        "tags": [clip(message.type, _MOST_TAG)],
        "details": _details(message),
        "entity": clip(message.subject_key, _MOST_ENTITY) if message.subject_key else None,
        "source": clip(message.source or OURSELVES, _MOST_SOURCE),
        "priority": _PRIORITIES[message.priority],
    }
    return {name: value for name, value in alert.items() if value is not None}


def _details(message: Message) -> dict[str, str]:
    """Facts and the event's data as texts, at most 8,000 characters in all; how many were left out is said."""
    ours = {"link": message.link, "why": message.why or None, "settings": message.settings_link}
    given = {**message.data, **facts(message), **ours}
    room = _MOST_DETAILS - len(_CUT) - 5
    details: dict[str, str] = {}
    cut = 0
    for name, value in sorted(given.items(), key=lambda one: one[0] in message.data):
        if value is None:
            continue
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        size = len(name) + len(text)
        if len(text) > _MOST_DETAIL or size > room:
            cut += 1
            continue
        details[name] = text
        room -= size
    return {**details, _CUT: str(cut)} if cut else details


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= _MOST_REF else None
