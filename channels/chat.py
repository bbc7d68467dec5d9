"""What chat channels have in common: a hook whose URL is the whole credential."""

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Self

from channels.base import (
    FROM_ENVIRONMENT,
    Channel,
    ChannelEnv,
    Contact,
    ContactError,
    DeliveryError,
    Message,
    Permanent,
)
from channels.guard import Guard, Network, read_url
from channels.http import Http, refusal
from channels.masks import is_masked, kept, masked, secrets_in, with_end
from channels.wire import Reply

_log = logging.getLogger(__name__)


class ChatHook(Channel):
    """Posts to one incoming webhook per contact, `{"url": …}`.

    A user's URL is checked before every connection. The operators' comes from the environment and is trusted; its
    contact carries a mark in its public part, which no contact that was read from input can have.
    """

    kind = "chat"
    folds_repeats = False

    def __init__(
        self, guarded: Http, trusted: Http, guard: Guard, now: Callable[[], datetime], operators_url: str | None
    ) -> None:
        self._guarded = guarded
        self._trusted = trusted
        self._guard = guard
        self._now = now
        self._operators_url = operators_url

    @classmethod
    def made(cls, env: ChannelEnv, operators_url: str | None) -> Self:
        """The channel with its clients; connections are opened when they are first needed."""
        networks: tuple[Network, ...] = tuple(env.allowed_networks)
        return cls(
            Http(env.webhook_timeout, networks, user_agent=env.user_agent),
            Http(env.webhook_timeout, trusted=True, user_agent=env.user_agent),
            Guard(networks),
            env.now,
            operators_url,
        )

    def state(self) -> str:
        """Always configured: everybody may have a hook of their own."""
        return "configured"

    def operators_contact(self) -> Contact | None:
        """The hook that the environment names."""
        return None if self._operators_url is None else Contact(FROM_ENVIRONMENT, {"url": self._operators_url})

    def read_contact(self, given: object, before: Contact | None) -> Contact:
        """Check `{"url"}`; one that is sent back as it was shown stays what it was."""
        if not isinstance(given, Mapping):
            raise ContactError({"": ["Must be an object with a url."]})
        faults: dict[str, list[str]] = {str(name): ["Unknown field."] for name in given if name != "url"}
        url, contact = given.get("url"), before
        try:
            if is_masked(url):
                kept(url, None if before is None else before.secret["url"])
            else:
                contact = Contact(secret={"url": self._guard.checked(url)})
        except ValueError as fault:
            faults["url"] = [str(fault)]
        if faults or contact is None:
            raise ContactError(faults)
        return contact

    def show_contact(self, contact: Contact) -> object:
        """The contact with its URL masked."""
        return {"url": masked(contact.secret["url"])}

    def label(self, contact: Contact) -> str:
        """The service, and the end of the URL."""
        return with_end(self.name.capitalize(), contact.secret["url"])

    def target(self, contact: Contact) -> str:
        """The host, and a digest that tells its hooks apart."""
        place = read_url(contact.secret["url"])
        return f"{place.origin}#{hashlib.sha256(place.path.encode()).hexdigest()[:16]}"

    def close(self) -> None:
        """Close the kept connections."""
        self._guarded.close()
        self._trusted.close()

    def _call(self, method: str, url: str, document: Mapping[str, Any], contact: Contact) -> Reply:
        """Send a document as JSON to the contact's hook, or to a URL below it."""
        http = self._trusted if contact.public == FROM_ENVIRONMENT else self._guarded
        body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        return http.request(method, url, body=body, headers={"Content-Type": "application/json"})

    def _refusal(self, reply: Reply, contact: Contact) -> DeliveryError | None:
        """What an answer means by the common rules; it repeats nothing of the URL."""
        return refusal(reply, self._now(), hide=secrets_in(contact.secret["url"]))

    def _refused(self, failure: DeliveryError, message: Message) -> DeliveryError:
        """The failure, reported if it is our fault: a 400 says that what we made is not as the receiver wants it.

        What the receiver says is kept with the attempt, and not logged.
        """
        if isinstance(failure, Permanent) and failure.http_status == 400 and not failure.disables:
            facts = {"channel": self.name, "notification_id": message.notification_id}
            _log.error("message_refused_as_malformed", extra=facts)
        return failure
