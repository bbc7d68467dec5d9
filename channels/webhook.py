"""Webhooks to any URL, signed by Standard Webhooks 1.0.0 (github.com/standard-webhooks/standard-webhooks)."""

import base64
import hmac
import json
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self, TypeVar

from channels.base import (
    Channel,
    ChannelEnv,
    Contact,
    ContactError,
    DeliveryError,
    Message,
    Permanent,
    Receipt,
    Transient,
)
from channels.guard import Guard, Network, read_url
from channels.http import Http, refusal
from channels.masks import is_masked, kept, masked, secrets_in
from channels.patience import Patience

MAX_BODY = 256 * 1024
BOTH_SIGN = timedelta(hours=24)
"""How long a secret signs after it was replaced by rotation."""
_T = TypeVar("_T")
_PREFIX = "whsec_"
_REPLACED = "replaced"
_MOST_REPLACED = 8
_MAX_HEADERS = 20
_MAX_HEADER_VALUE = 1_024
_HEADER_NAME = re.compile(r"(?i:authorization|x-[a-z0-9-]{1,64})")
_HEADER_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_FIELDS = frozenset({"url", "types", "headers", "secret"})


class Webhook(Channel):
    """Posts one signed JSON document per notification; the notification's id is the receiver's key for repeats."""

    name = "webhook"
    kind = "hook"
    folds_repeats = True
    patience: ClassVar[Patience | None] = Patience(timedelta(days=3), timedelta(days=5))

    def __init__(self, http: Http, guard: Guard, now: Callable[[], datetime]) -> None:
        self._http = http
        self._guard = guard
        self._now = now

    @classmethod
    def build(cls, env: ChannelEnv) -> Self:
        """Make the guarded client; connections are opened when they are first needed."""
        networks: tuple[Network, ...] = tuple(env.allowed_networks)
        return cls(Http(env.webhook_timeout, networks, user_agent=env.user_agent), Guard(networks), env.now)

    def state(self) -> str:
        """Always configured: where to is up to each contact."""
        return "configured"

    def read_contact(self, given: object, before: Contact | None) -> Contact:
        """Check `{"url", "types", "headers", "secret"}`; a new contact gets a secret, a known one keeps its own."""
        if not isinstance(given, Mapping):
            raise ContactError({"": ["Must be an object with a url."]})
        faults: dict[str, list[str]] = {str(name): ["Unknown field."] for name in given if name not in _FIELDS}
        old = before.secret if before is not None else {}
        url = _read(faults, "url", lambda: self._guard.checked(given.get("url")))
        types = _read(faults, "types", lambda: _read_types(given.get("types")))
        headers = _read(faults, "headers", lambda: _read_headers(given.get("headers"), old.get("headers") or {}))
        secret = _read(faults, "secret", lambda: _read_secret(given.get("secret"), old.get("secret")))
        if faults:
            raise ContactError(faults)
        kept = {_REPLACED: old[_REPLACED]} if _REPLACED in old and secret == old.get("secret") else {}
        return Contact({"url": url, "types": types}, {"headers": headers, "secret": secret, **kept})

    def rotate(self, contact: Contact, now: datetime) -> Contact:
        """The contact with a new signing secret; the one before it signs as well for another day.

        So do those before that one, if their day is not over: the receiver may know none of the others yet.
        """
        moment = int(now.timestamp())
        before = {"secret": contact.secret["secret"], "until": int((now + BOTH_SIGN).timestamp())}
        replaced = [before, *(one for one in contact.secret.get(_REPLACED, ()) if moment < one["until"])]
        new = {"secret": _new_secret(), _REPLACED: replaced[:_MOST_REPLACED]}
        return Contact(contact.public, {**contact.secret, **new})

    def show_contact(self, contact: Contact) -> object:
        """The contact with its signing secret and header values masked."""
        headers = contact.secret.get("headers") or {}
        return {
            "url": contact.public["url"],
            "types": contact.public.get("types"),
            "headers": {name: masked(value) for name, value in headers.items()},
            "secret": masked(contact.secret["secret"]),
        }

    def created_secrets(self, contact: Contact, before: Contact | None) -> Mapping[str, str]:
        """The signing secret of a new contact."""
        return {} if before is not None and before.secret.get("secret") else {"secret": contact.secret["secret"]}

    def label(self, contact: Contact) -> str:
        """The host; the rest of the URL may hold a token."""
        return f"Webhook {read_url(contact.public['url']).authority}"

    def target(self, contact: Contact) -> str:
        """Scheme, host and port of the URL."""
        return read_url(contact.public["url"]).origin

    def send(self, message: Message, contact: Contact) -> Receipt:
        """Post the document; 2xx is delivered, 410 ends it and asks to disable, anything else is tried again."""
        body = body_of(message)
        if len(body) > MAX_BODY:
            raise Permanent("The document is larger than 256 KiB.", reason="too_large")
        now = self._now()
        moment = int(now.timestamp())
        own: Mapping[str, str] = contact.secret.get("headers") or {}
        signing = _signing(contact, moment)
        headers = {
            **own,
            "Content-Type": "application/json",
            "webhook-id": message.notification_id,
            "webhook-timestamp": str(moment),
            "webhook-signature": " ".join(sign(secret, message.notification_id, moment, body) for secret in signing),
        }
        reply = self._http.post(contact.public["url"], body=body, headers=headers)
        bare = [secret.removeprefix(_PREFIX) for secret in signing]
        # Whoever knows the URL of a hook can often post there.
        hide = (*secrets_in(contact.public["url"]), *_parts(own.values()), *signing, *bare)
        failure = refusal(reply, now, hide=hide)
        if failure is not None:
            raise _by_standard_webhooks(failure)
        return Receipt(http_status=reply.status)

    def document(self, message: Message) -> Mapping[str, Any]:
        """What is posted and signed."""
        return dict(json.loads(body_of(message)))

    def close(self) -> None:
        """Close the kept connections."""
        self._http.close()


def body_of(message: Message) -> bytes:
    """The JSON document that is posted for a message, in UTF-8."""
    document = {
        "type": message.type,
        "timestamp": _rfc3339(message.occurred_at),
        "data": {
            "notification_id": message.notification_id,
            "event_id": message.event_id,
            "user_id": message.user_id,
            "subject_key": message.subject_key,
            "sequence": message.sequence,
            "source": message.source,
            "priority": message.priority,
            "locale": message.locale,
            "title": message.title,
            "text": message.text,
            "event": message.data,
            "items": message.items,
        },
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8", "replace")


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`: HMAC-SHA256 over id, unix seconds and exactly the bytes that are sent."""
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def _signing(contact: Contact, moment: int) -> list[str]:
    """The secrets that sign at this moment, in unix seconds; the newest first."""
    replaced = contact.secret.get(_REPLACED, ())
    return [contact.secret["secret"], *(one["secret"] for one in replaced if moment < one["until"])]


def _parts(values: Iterable[str]) -> Iterable[str]:
    """Header values whole and by word, since an answer may repeat a token without its scheme."""
    for value in values:
        yield value
        yield from (word for word in value.split() if len(word) >= 6)


def _by_standard_webhooks(failure: DeliveryError) -> DeliveryError:
    """410 means gone for good; every other refusal is tried again by the plan, and concerns this recipient alone."""
    if failure.http_status == 410:
        return Permanent(failure.detail, disables=True, http_status=410)
    if isinstance(failure, Permanent):
        return Transient(failure.detail, scope="recipient", http_status=failure.http_status)
    return failure


def _read(faults: dict[str, list[str]], field: str, read: Callable[[], _T]) -> _T | None:
    try:
        return read()
    except ValueError as fault:
        faults[field] = [str(fault)]
        return None


def _read_types(given: object) -> list[str] | None:
    if given is None:
        return None
    names = given if isinstance(given, list) else []
    if not names or not all(isinstance(name, str) and 0 < len(name) <= 64 for name in names):
        raise ValueError("Must be null, or a list of event types.")
    return list(dict.fromkeys(names))


def _read_headers(given: object, before: Mapping[str, str]) -> dict[str, str]:
    if given is None:
        return {}
    if not isinstance(given, Mapping) or len(given) > _MAX_HEADERS:
        raise ValueError(f"Must be an object with at most {_MAX_HEADERS} headers.")
    headers: dict[str, str] = {}
    for name, value in given.items():
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
            raise ValueError("Only Authorization and names that begin with X- are possible.")
        if name.lower() in (taken.lower() for taken in headers):
            raise ValueError(f"{name} is there twice.")
        if value is None:
            continue
        if is_masked(value):
            try:
                headers[name] = kept(value, before.get(name))
            except ValueError as fault:
                raise ValueError(f"{name}: {fault}") from None
        elif isinstance(value, str) and len(value) <= _MAX_HEADER_VALUE and _HEADER_VALUE.fullmatch(value):
            headers[name] = value
        else:
            raise ValueError(f"{name} must be a line of at most {_MAX_HEADER_VALUE} printable ASCII characters.")
    return headers


def _read_secret(given: object, before: str | None) -> str:
    """The given secret, else the one there is, else a new one."""
    if given is None:
        return before or _new_secret()
    if is_masked(given):
        if before is None:
            raise ValueError("There is none yet that could be kept; leave it out and one is made.")
        # However it ends: who rotates it must not be told to send everything else again.
        return before
    if isinstance(given, str) and given.startswith(_PREFIX) and 24 <= _key_length(given) <= 64:
        return given
    raise ValueError("Must be whsec_ and 24 to 64 random bytes in base64; leave it out and one is made.")


def _new_secret() -> str:
    return _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def _key_length(secret: str) -> int:
    """How many bytes a secret stands for; 0 when it is not base64."""
    try:
        return len(base64.b64decode(secret.removeprefix(_PREFIX), validate=True))
    except ValueError:
        return 0


def _rfc3339(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
