"""What every channel is given, gives back and may raise.

A channel only sends. It knows nothing of queues, states, limits or the database: it gets a
:class:`Message` and a :class:`Contact`, and answers with a :class:`Receipt` or raises
:class:`Transient` or :class:`Permanent`.
"""

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from channels.patience import Patience

Kind = Literal["inbox", "mail", "hook", "chat", "alert"]
Scope = Literal["host", "target", "recipient"]


@dataclass(frozen=True, slots=True)
class Message:
    """One rendered notification, ready to be sent."""

    notification_id: str
    event_id: str | None
    user_id: str
    type: str
    priority: str
    subject_key: str | None
    sequence: int | None
    source: str | None
    locale: str
    title: str
    text: str
    html: str | None
    occurred_at: datetime
    data: Mapping[str, Any]
    items: Sequence[Mapping[str, Any]] | None = None
    unsubscribe_url: str | None = None
    resolved: bool = False
    """The subject's trouble is over: an alert that was opened for it is to be closed."""
    link: str | None = None
    """Where the reader learns more, such as the job's page."""
    link_label: str = ""
    """What the link is called, in the reader's language."""
    severity: str = ""
    """How urgent it is, in a word of the reader's language (chat)."""
    why: str = ""
    """Why the reader gets it, in a sentence of their language; empty where no choice of theirs stands behind it."""
    settings_link: str | None = None
    """Where the reader changes what they get."""
    settings_label: str = ""
    """What that link is called, in the reader's language."""
    alert_key: str | None = None
    """On a channel of alerts: the one it is about, by a name of at most 64 characters; None for one of its own."""


@dataclass(frozen=True, slots=True)
class Contact:
    """Where a recipient is reached on one channel; `secret` is encrypted at rest and never shown."""

    public: Mapping[str, Any] = field(default_factory=dict)
    secret: Mapping[str, Any] = field(default_factory=dict)


FROM_ENVIRONMENT: Mapping[str, str] = {"from": "environment"}
"""The public part of the operators' contact in the environment; no contact that was read from input can have it."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The receiver took the message; `detail` is at most 1 KiB and holds no secret."""

    http_status: int | None = None
    detail: str = ""
    provider_ref: str | None = None
    rest_seconds: float | None = None
    """The receiver took this one, and wants no other at this target for so long."""


def host_of(target: str) -> str:
    """The host of a target that is one place of several there (`host#place`), else the target itself."""
    return target.partition("#")[0]


class ContactError(ValueError):
    """A contact that cannot be used: `messages` maps a field (or "" for the whole) to what is wrong."""

    def __init__(self, messages: Mapping[str, Sequence[str]]) -> None:
        super().__init__(str(dict(messages)))
        self.messages = {name: list(texts) for name, texts in messages.items()}


class DeliveryError(Exception):
    """An attempt that did not deliver; `detail` is safe to show and to store (at most 1 KiB, no secret)."""

    def __init__(self, detail: str, *, http_status: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail[:1024]
        self.http_status = http_status


class Transient(DeliveryError):
    """Trying again later may help.

    `scope` says who is in trouble: everything at the target's host, the whole target, or this recipient only.
    `retry_after` is the wait in seconds the receiver asked for. `unknown` is true when the receiver may have taken the
    message all the same.
    """

    def __init__(
        self,
        detail: str,
        *,
        scope: Scope = "target",
        retry_after: float | None = None,
        unknown: bool = False,
        http_status: int | None = None,
    ) -> None:
        super().__init__(detail, http_status=http_status)
        self.scope = scope
        self.retry_after = retry_after
        self.unknown = unknown


class Permanent(DeliveryError):
    """Trying again is useless; `disables` asks to stop using the contact, for the reason in `detail`."""

    def __init__(
        self,
        detail: str,
        *,
        reason: Literal["rejected", "bad_address", "too_large"] = "rejected",
        disables: bool = False,
        http_status: int | None = None,
    ) -> None:
        super().__init__(detail, http_status=http_status)
        self.reason = reason
        self.disables = disables


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The waits, in seconds, before each retry; its length is the number of retries."""

    waits: tuple[float, ...]
    jitter: float = 0.25

    def delay(
        self, failures: int, retry_after: float | None, chance: Callable[[], float] = random.random
    ) -> float | None:
        """Seconds to wait after the given number of failed attempts, or None when the plan has run out.

        Jitter only ever adds, and a longer Retry-After wins.
        """
        if failures > len(self.waits):
            return None
        planned = self.waits[failures - 1] * (1 + self.jitter * chance())
        return max(planned, retry_after or 0.0)


@dataclass(frozen=True, slots=True)
class Pace:
    """What a receiver asks of senders: one message in so many seconds, and `burst` at once after a pause."""

    seconds: float
    burst: int = 1


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """The mail relay; `host` None means that mails are written to files."""

    host: str | None
    port: int
    username: str | None
    password: str | None
    sender: str
    use_tls: bool
    use_ssl: bool
    timeout: float = 15.0


@dataclass(frozen=True, slots=True)
class PagerDutySettings:
    """The operators' PagerDuty: a routing key means Events v2, else a key and a service mean REST incidents."""

    routing_key: str | None = None
    api_key: str | None = None
    service_id: str | None = None
    from_email: str | None = None
    api_url: str = "https://api.pagerduty.com"
    events_url: str = "https://events.pagerduty.com"


@dataclass(frozen=True, slots=True)
class OpsgenieSettings:
    """The operators' Opsgenie, or a service that speaks its language at another base URL."""

    api_key: str | None = None
    api_url: str = "https://api.opsgenie.com"


@dataclass(frozen=True, slots=True)
class ChannelEnv:
    """Everything a channel may need from outside, handed over once per process."""

    smtp: SmtpSettings
    mail_dir: Path
    public_url: str
    webhook_timeout: float
    allowed_networks: Sequence[IPv4Network | IPv6Network]
    put_in_inbox: Callable[[Sequence[Message]], None]
    now: Callable[[], datetime]
    slack_url: str | None = None
    discord_url: str | None = None
    pagerduty: PagerDutySettings = PagerDutySettings()
    opsgenie: OpsgenieSettings = OpsgenieSettings()
    attempt_seconds: float = 15.0
    """The time of one attempt, over all its requests, on channels without a setting of their own."""
    user_agent: str = "im2-notifications"
    """How the service names itself to receivers."""


class Channel(ABC):
    """One way of reaching a recipient. A subclass and its name in the registry are all a new channel takes."""

    name: ClassVar[str]
    kind: ClassVar[Kind]
    """Its column in the table of defaults."""
    folds_repeats: ClassVar[bool]
    """The receiver recognises a repeated notification id, so a whole list may have its attempts open at once."""
    bulk: ClassVar[bool] = False
    """`send_bulk` takes a whole list at once, all or nothing."""
    needs_contact: ClassVar[bool] = True
    must_verify: ClassVar[bool] = False
    """An address that a user sets is used only after somebody who reads there has confirmed it."""
    pace: ClassVar[Pace | None] = None
    """How fast one target takes messages; that one of them wants them slower (429) is learned."""
    patience: ClassVar[Patience | None] = None
    """When a contact is given up that takes nothing; None: never for that."""
    edits: ClassVar[bool] = False
    """`edit` can change a message after it was delivered."""

    @classmethod
    @abstractmethod
    def build(cls, env: ChannelEnv) -> Self:
        """Make the channel from what the process has; connects to nothing yet."""

    @abstractmethod
    def state(self) -> str:
        """`configured`, `console` or `off`, as `/health` shows it."""

    def operators_contact(self) -> Contact | None:
        """Where the environment says that the operators are reached, unless they have set a contact themselves."""
        return None

    @abstractmethod
    def read_contact(self, given: object, before: Contact | None) -> Contact:
        """Check and normalise a contact as the API received it; `before` lends the secrets that were not sent.

        One that `show_contact` shows as plain text is read as {"address": "…"} too.
        Raises ContactError.
        """

    @abstractmethod
    def show_contact(self, contact: Contact) -> object:
        """The contact as the API shows it: secrets become {"set": true, "last4": "…"}."""

    def label(self, contact: Contact) -> str:
        """What its owner tells the contact by, in whatever language; holds no secret."""
        return self.name

    @abstractmethod
    def target(self, contact: Contact) -> str:
        """The place this contact is reached through; notifications for one place share a chain. Holds no secret.

        One of several places at a host is `host#place`, so that the host can be left alone as a whole.
        """

    @abstractmethod
    def send(self, message: Message, contact: Contact) -> Receipt:
        """Deliver one message within 20 seconds. Raises Transient or Permanent."""

    def send_bulk(self, messages: Sequence[Message]) -> None:
        """Deliver all or none (channels with `bulk`). Raises Transient."""
        raise TypeError(f"{self.name} sends one message at a time")

    def edit(self, message: Message, contact: Contact, provider_ref: str) -> Receipt:
        """Put this message in the place of the one whose receipt had that reference (channels with `edits`).

        Raises Transient or Permanent.
        """
        raise TypeError(f"{self.name} cannot change what it has sent")

    def document(self, message: Message) -> Mapping[str, Any] | None:
        """What the receiver would get, without keys and addresses, for people to look at; None if it is no JSON."""
        return None

    def created_secrets(self, contact: Contact, before: Contact | None) -> Mapping[str, str]:
        """Secrets that this change made and that the answer shows this one time, by field name."""
        return {}

    def rotate(self, contact: Contact, now: datetime) -> Contact:
        """The contact with a new signing secret (channels that sign). Raises TypeError on the others."""
        raise TypeError(f"{self.name} signs nothing")

    def forget(self, notification_ids: Collection[str]) -> None:
        """Remove what is kept here about these notifications: their reader is being erased."""

    def close(self) -> None:
        """Give back connections."""
