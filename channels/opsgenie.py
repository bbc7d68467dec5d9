"""Opsgenie, and Jira Service Management, which speaks the same language at another base URL (docs.opsgenie.com)."""

import time
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
    OpsgenieSettings,
    Receipt,
)
from channels.guard import Guard, UrlFault
from channels.http import Http
from channels.json_api import JsonApi
from channels.masks import masked, read_key, with_end
from channels.opsgenie_alerts import OpsgenieAlerts, document_of
from channels.sockets import Deadline

_FIELDS = frozenset({"api_key", "url"})
_LONGEST_KEY = 255


class Opsgenie(Channel):
    """Opens an alert and closes it; both know it by its alias, and a repeat is only counted."""

    name = "opsgenie"
    kind = "alert"
    folds_repeats = True

    def __init__(
        self,
        settings: OpsgenieSettings,
        trusted: Http,
        guarded: Http,
        guard: Guard,
        now: Callable[[], datetime],
        seconds: float,
        *,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """`trusted` talks to the operators' base URL, `guarded` to those of users; `seconds` is for a whole attempt."""
        self._settings = settings
        self._trusted = trusted
        self._guarded = guarded
        self._guard = guard
        self._now = now
        self._seconds = seconds
        self._pause = pause

    @classmethod
    def build(cls, env: ChannelEnv) -> Self:
        """Make the clients; connections are opened when they are first needed."""
        networks = tuple(env.allowed_networks)
        seconds = env.attempt_seconds
        trusted = Http(seconds, trusted=True, user_agent=env.user_agent)
        guarded = Http(seconds, networks, user_agent=env.user_agent)
        return cls(env.opsgenie, trusted, guarded, Guard(networks), env.now, seconds)

    def state(self) -> str:
        """Always configured: users bring their own keys."""
        return "configured"

    def operators_contact(self) -> Contact | None:
        """The environment's key, if there is one."""
        key = self._settings.api_key
        return Contact(FROM_ENVIRONMENT, {"api_key": key}) if key else None

    def read_contact(self, given: object, before: Contact | None) -> Contact:
        """Check `{"api_key", "url"}`; without a URL the operators' base is used, with the user's key."""
        if not isinstance(given, Mapping):
            raise ContactError({"": ["Must be an object with an api_key."]})
        if before is not None and is_environments(before):
            if {"url": None, **given} == self.show_contact(before):
                return before
            before = None
        faults: dict[str, list[str]] = {str(name): ["Unknown field."] for name in given if name not in _FIELDS}
        key, url = "", None
        try:
            old = before.secret.get("api_key") if before is not None else None
            key = read_key(given.get("api_key"), old, most=_LONGEST_KEY)
        except ValueError as fault:
            faults["api_key"] = [str(fault)]
        try:
            url = self._read_url(given.get("url"))
        except ValueError as fault:
            faults["url"] = [str(fault)]
        if faults:
            raise ContactError(faults)
        return Contact({"url": url}, {"api_key": key})

    def show_contact(self, contact: Contact) -> object:
        """The contact with its key masked."""
        return {"api_key": masked(contact.secret["api_key"]), "url": contact.public.get("url")}

    def label(self, contact: Contact) -> str:
        """The service, and the end of the key."""
        return with_end("Opsgenie", contact.secret["api_key"])

    def target(self, contact: Contact) -> str:
        """The account behind the key, by a name that does not give the key away."""
        _, base, key = self._way(contact)
        return place(base, key)

    def send(self, message: Message, contact: Contact) -> Receipt:
        """Open the alert, or close it when the message says that the trouble is over."""
        http, base, key = self._way(contact)
        deadline = Deadline.after(self._seconds)
        api = JsonApi(
            http,
            base,
            headers={"Authorization": f"GenieKey {key}"},
            hide=[key],
            deadline=deadline,
            now=self._now,
        )
        return OpsgenieAlerts(api, deadline, self._pause).send(message)

    def document(self, message: Message) -> Mapping[str, Any]:
        """What opens the alert, or closes it."""
        return document_of(message)

    def close(self) -> None:
        """Close the kept connections."""
        self._trusted.close()
        self._guarded.close()

    def _way(self, contact: Contact) -> tuple[Http, str, str]:
        """The client, the base URL and the key."""
        own: str | None = contact.public.get("url")
        key: str = contact.secret["api_key"]
        return (self._trusted, self._settings.api_url, key) if own is None else (self._guarded, own, key)

    def _read_url(self, given: object) -> str | None:
        if given is None:
            return None
        url = given if isinstance(given, str) else ""
        try:
            self._guard.check_url(url)
        except UrlFault as fault:
            raise ValueError(str(fault)) from None
        if "?" in url or "#" in url:
            raise ValueError("Must be a base URL: /v2/alerts is added to it.")
        return url.rstrip("/")
