"""PagerDuty: alerts by Events v2, or for the operators also incidents by the REST API."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Self

from channels.alerts import is_environments, place
from channels.base import (
    FROM_ENVIRONMENT,
    Channel,
    ChannelEnv,
    Contact,
    ContactError,
    Message,
    Pace,
    PagerDutySettings,
    Receipt,
)
from channels.http import Http
from channels.json_api import JsonApi
from channels.masks import masked, read_key, with_end
from channels.pagerduty_events import PagerDutyEvents, event_of
from channels.pagerduty_incidents import PagerDutyIncidents, incident_of
from channels.sockets import Deadline

_FIELDS = frozenset({"routing_key"})
_LONGEST_KEY = 255


class PagerDuty(Channel):
    """Opens an alert and closes it; both know it by the same key, so a repeat of either changes nothing."""

    name = "pagerduty"
    kind = "alert"
    folds_repeats = True
    # Some 120 a minute for each key (developer.pagerduty.com: Events API v2); these are 119, the first ten at once.
    pace = Pace(0.55, burst=10)

    def __init__(self, settings: PagerDutySettings, http: Http, now: Callable[[], datetime], seconds: float) -> None:
        """`seconds` is the time of one attempt, over all its requests."""
        self._settings = settings
        self._http = http
        self._now = now
        self._seconds = seconds

    @classmethod
    def build(cls, env: ChannelEnv) -> Self:
        """Make the client. Where it talks to is the operators' setting, whoever's key it is."""
        http = Http(env.attempt_seconds, trusted=True, user_agent=env.user_agent)
        return cls(env.pagerduty, http, env.now, env.attempt_seconds)

    def state(self) -> str:
        """Always configured: users bring their own keys."""
        return "configured"

    def operators_contact(self) -> Contact | None:
        """The environment's key, if there is one."""
        if self._settings.routing_key:
            return Contact(FROM_ENVIRONMENT, {"routing_key": self._settings.routing_key})
        return Contact(FROM_ENVIRONMENT, {"api_key": self._settings.api_key}) if self._settings.api_key else None

    def read_contact(self, given: object, before: Contact | None) -> Contact:
        """Check `{"routing_key"}`. Whether PagerDuty knows the key is found out by sending."""
        if not isinstance(given, Mapping):
            raise ContactError({"": ["Must be an object with a routing_key."]})
        if before is not None and is_environments(before):
            if given == self.show_contact(before):
                return before
            before = None
        faults: dict[str, list[str]] = {str(name): ["Unknown field."] for name in given if name not in _FIELDS}
        key = ""
        try:
            old = before.secret.get("routing_key") if before is not None else None
            key = read_key(given.get("routing_key"), old, most=_LONGEST_KEY)
        except ValueError as fault:
            faults["routing_key"] = [str(fault)]
        if faults:
            raise ContactError(faults)
        return Contact({}, {"routing_key": key})

    def show_contact(self, contact: Contact) -> object:
        """The contact with its key masked."""
        return {name: masked(key) for name, key in contact.secret.items()}

    def label(self, contact: Contact) -> str:
        """The service, and the end of the key."""
        return with_end("PagerDuty", next(iter(contact.secret.values())))

    def target(self, contact: Contact) -> str:
        """The service behind the key, by a name that does not give the key away."""
        key = self._routing_key(contact)
        if key is not None:
            return place("events", key)
        return place("incidents", self._settings.api_url, self._settings.service_id or "")

    def send(self, message: Message, contact: Contact) -> Receipt:
        """Open the alert, or close it when the message says that the trouble is over."""
        key = self._routing_key(contact)
        deadline = Deadline.after(self._seconds)
        if key is not None:
            api = JsonApi(
                self._http, self._settings.events_url, headers={}, hide=[key], deadline=deadline, now=self._now
            )
            return PagerDutyEvents(api, key).send(message)
        return PagerDutyIncidents.of(self._settings, self._http, deadline, self._now).send(message)

    def document(self, message: Message) -> Mapping[str, Any]:
        """The event, or the incident where the environment asks for incidents."""
        by_incidents = self._settings.routing_key is None and self._settings.api_key is not None
        return incident_of(message, self._settings.service_id or "") if by_incidents else event_of(message)

    def close(self) -> None:
        """Close the kept connections."""
        self._http.close()

    def _routing_key(self, contact: Contact) -> str | None:
        """The key for Events v2; None when the environment asks for incidents."""
        key: str | None = contact.secret.get("routing_key")
        return key
