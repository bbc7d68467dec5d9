"""PagerDuty's Events API v2 (developer.pagerduty.com, "Send an alert event")."""

from typing import Any

from channels.alerts import OURSELVES, clip, facts, key_of
from channels.base import Message, Receipt, Transient
from channels.json_api import Answer, JsonApi, encoded, key_refused

MOST_BYTES = 512_000
_SEVERITIES = {"critical": "critical", "high": "error", "normal": "warning", "low": "info"}
_MOST_KEY = 512
_MOST_SUMMARY = 1_024
_MOST_SOURCE = 255
_MOST_TEXT = 20_000
_TOO_LARGE = "left out, since the whole would be larger than PagerDuty takes"
# Without a word of theirs on how long; some 120 events a minute are allowed for each key.
_THROTTLED_SECONDS = 30.0


class PagerDutyEvents:
    """Sends events with one routing key."""

    def __init__(self, api: JsonApi, routing_key: str) -> None:
        self._api = api
        self._routing_key = routing_key

    def send(self, message: Message) -> Receipt:
        """Trigger or resolve. PagerDuty drops a resolve when nothing is open, and folds a trigger into what is."""
        body = encoded({"routing_key": self._routing_key, **event_of(message)})
        answer = self._api.ask("POST", "/v2/enqueue", body)
        if answer.failure is not None:
            if isinstance(answer.failure, Transient) and answer.status == 429:
                answer.failure.retry_after = answer.failure.retry_after or _THROTTLED_SECONDS
            raise key_refused(answer.failure) if _is_about_the_key(answer) else answer.failure
        return Receipt(http_status=answer.status, provider_ref=key_of(message))


def _is_about_the_key(answer: Answer) -> bool:
    """Whether an event was refused for its routing key."""
    errors = answer.data.get("errors")
    return answer.status == 400 and isinstance(errors, list) and "routing_key" in str(errors)


def event_of(message: Message) -> dict[str, Any]:
    """The event but for its key, so that the whole is at most 512,000 bytes: what ours carried is left out first.

    That is said then.
    """
    event = {"event_action": "resolve" if message.resolved else "trigger", "dedup_key": key_of(message)}
    if message.resolved:
        return event
    details = {
        **facts(message),
        "text": clip(message.text, _MOST_TEXT),
        "why": message.why or None,
        "event": message.data,
        "items": message.items,
    }
    payload = {
        "summary": clip(message.title, _MOST_SUMMARY) or message.type,
        "source": clip(message.source or OURSELVES, _MOST_SOURCE),
        "severity": _SEVERITIES[message.priority],
        "timestamp": message.occurred_at.isoformat().replace("+00:00", "Z"),
        "component": message.subject_key,
        "group": message.type.partition(".")[0],
        "class": message.type,
        "custom_details": {name: value for name, value in details.items() if value is not None},
    }
    seen: dict[str, Any] = {"client": OURSELVES}
    if message.link:
        seen |= {"client_url": message.link}
    if message.settings_link:
        seen |= {"links": [{"href": message.settings_link, "text": message.settings_label or message.settings_link}]}
    document = {**event, **seen, "payload": {name: value for name, value in payload.items() if value is not None}}
    if len(encoded(document)) < MOST_BYTES - _MOST_KEY:
        return document
    for name in ("event", "items"):
        if name in document["payload"]["custom_details"]:
            document["payload"]["custom_details"][name] = _TOO_LARGE
    return document
