"""What the channel suite has to know about each channel: how to fake its receiver, and what its answers mean.

A new channel joins by a class of its own and its line in `harnesses.py`.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from channels.base import Channel, Contact, DeliveryError, Message, Permanent, SmtpSettings, Transient
from channels.discord import Discord
from channels.email import Email
from channels.inapp import InApp
from channels.mail_files import MailFiles
from channels.slack import Slack
from channels.webhook import Webhook
from tests.fakes import discord, slack
from tests.fakes.certificate import self_signed
from tests.fakes.mailbox import Mailbox, Say
from tests.fakes.receiver import Answer, Receiver
from tests.fakes.samples import channel_env

ADDRESS = "ana@b.example"


@dataclass(frozen=True)
class Expected:
    """The error an answer has to become, None for delivered; only the given attributes are compared."""

    kind: type[DeliveryError] | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


def delivered() -> Expected:
    return Expected()


def transient(**attributes: Any) -> Expected:
    return Expected(Transient, {"unknown": False, "scope": "target", **attributes})


def permanent(**attributes: Any) -> Expected:
    return Expected(Permanent, {"disables": False, "reason": "rejected", **attributes})


class Harness(ABC):
    """One channel with a receiver that is really there."""

    channel: Channel
    answers: ClassVar[Mapping[str, tuple[Any, Expected]]]
    """What the receiver does → what the channel has to make of it."""
    good_contact: Any = None
    bad_contacts: ClassVar[Sequence[Any]] = ()
    has_contacts: ClassVar[bool] = True
    """Whether users give their own, such as `good_contact`."""
    secrets: Sequence[str] = ()
    """Must never be shown: not in a contact that is read, a target or a detail."""

    @abstractmethod
    def __init__(self, folder: Path) -> None:
        """Start the receiver and build the channel."""

    @abstractmethod
    def answer(self, how: Any) -> None:
        """Make the receiver do this with everything from now on."""

    @abstractmethod
    def received(self) -> list[str]:
        """The keys of the messages that reached the receiver, as its ledger has them."""

    @abstractmethod
    def refuse(self) -> None:
        """Take the receiver off the network."""

    def contact(self) -> Contact:
        return self.channel.read_contact(self.good_contact, None) if self.channel.needs_contact else Contact()

    def stop(self) -> None:
        self.channel.close()


class ServedHarness(Harness):
    """A channel whose receiver is a server, which it keeps connections to."""

    server: Mailbox | Receiver

    def received(self) -> list[str]:
        return [entry["key"] for entry in self.server.ledger.entries()]

    def refuse(self) -> None:
        self.server.down()

    def stop(self) -> None:
        super().stop()
        self.server.stop()


class InAppHarness(Harness):
    has_contacts = False
    answers = {
        "written": (None, delivered()),
        "the database fails": (RuntimeError("disk full at /secret"), transient()),
        "the database says when": (Transient("Busy.", retry_after=3), transient(retry_after=3)),
    }
    bad_contacts = ("a@b.example", {}, None)

    def __init__(self, folder: Path) -> None:
        self._problem: Exception | None = None
        self._keys: list[str] = []
        self.channel = InApp.build(channel_env(folder, put_in_inbox=self._put))

    def answer(self, how: Any) -> None:
        self._problem = how

    def received(self) -> list[str]:
        return self._keys

    def refuse(self) -> None:
        self._problem = ConnectionError()

    def _put(self, messages: Sequence[Message]) -> None:
        if self._problem is not None:
            raise self._problem
        self._keys += [message.notification_id for message in messages]


NOT_TRUSTED = "a certificate that nobody vouches for"
HTTP_TROUBLE: Mapping[str, tuple[Any, Expected]] = {
    "408": (Answer(408), transient()),
    "425": (Answer(425), transient()),
    "429 with Retry-After": (Answer(429, {"Retry-After": "7"}), transient(retry_after=7.0)),
    "429 with a date": (
        Answer(429, {"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}),
        transient(retry_after=3_600.0),
    ),
    "500": (Answer(500), transient(unknown=True, http_status=500)),
    "503 with Retry-After": (Answer(503, {"Retry-After": "120"}), transient(retry_after=120.0)),
    "reset after it read": (Answer(act="reset"), transient(unknown=True)),
    "hangs up after it read": (Answer(act="close"), transient(unknown=True)),
    "never answers": (Answer(act="silence"), transient(unknown=True)),
    "drips": (Answer(drip=0.05), transient(unknown=True)),
    "not HTTP": (Answer(raw="hello\r\n\r\n"), transient(unknown=True)),
    "more than anybody reads": (Answer(200, body="x" * 200_000), delivered()),
    "a refusal of more than anybody reads": (Answer(429, body="x" * 200_000), transient()),
    "a wrong certificate": (NOT_TRUSTED, transient()),
}
"""What every channel over HTTP makes of trouble."""


class HttpHarness(ServedHarness):
    """A channel that posts to a receiver at a path of its own."""

    path: ClassVar[str]
    receiver: Receiver
    _folder: Path

    def answer(self, how: Any) -> None:
        if how is NOT_TRUSTED:
            self.receiver.stop()
            tls, _ = self_signed(self._folder, "127.0.0.1")
            self.server = self.receiver = Receiver(tls=tls)
            self.receiver.start()
            self.good_contact = {**self.good_contact, "url": self.receiver.url(self.path)}
        else:
            self.receiver.script("*", how)


class WebhookHarness(HttpHarness):
    path = "/hook?key=1"
    secrets = ("Bearer top-secret-token", "top-secret-token")
    answers = {
        **HTTP_TROUBLE,
        "200": (Answer(200), delivered()),
        "201 with text": (Answer(201, body="made"), delivered()),
        "204": (Answer(204, body=""), delivered()),
        "302 is not followed": (Answer(302, {"Location": "http://127.0.0.1:1/"}), transient(scope="recipient")),
        "400": (Answer(400), transient(scope="recipient", http_status=400)),
        "401 repeats our secret": (Answer(401, body="bad: Bearer top-secret-token"), transient(scope="recipient")),
        "404": (Answer(404), transient(scope="recipient")),
        "410": (Answer(410), permanent(disables=True, http_status=410)),
        "413": (Answer(413), transient(scope="recipient")),
    }
    bad_contacts = (
        None,
        "https://hooks.example/",
        {},
        {"url": 5},
        {"url": "ftp://hooks.example/"},
        {"url": "https://user@hooks.example/"},
        {"url": "https://10.0.0.1/"},
        {"url": "http://10.0.0.1/"},
        {"url": "https://hooks.example/", "types": "job.failed"},
        {"url": "https://hooks.example/", "types": []},
        {"url": "https://hooks.example/", "headers": {"Host": "x"}},
        {"url": "https://hooks.example/", "headers": {"webhook-id": "x"}},
        {"url": "https://hooks.example/", "headers": {"Content-Length": "1"}},
        {"url": "https://hooks.example/", "headers": {"X-A": "a\r\nHost: b"}},
        {"url": "https://hooks.example/", "headers": {"X-A": "a" * 1_025}},
        {"url": "https://hooks.example/", "headers": {"X-A": {"set": True, "last4": "abcd"}}},
        {"url": "https://hooks.example/", "secret": "whsec_c2hvcnQ="},
        {"url": "https://hooks.example/", "surprise": 1},
    )

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.server = self.receiver = Receiver(ledger=folder / "ledger.jsonl")
        self.receiver.start()
        self.channel = Webhook.build(channel_env(folder))
        self.good_contact = {
            "url": self.receiver.url(self.path),
            "types": ["job.failed"],
            "headers": {"Authorization": "Bearer top-secret-token"},
        }


BAD_HOOKS: Sequence[Any] = (
    None,
    "https://hooks.example/",
    {},
    {"url": None},
    {"url": 5},
    {"url": ""},
    {"url": {"set": False}},
    {"url": {"set": True, "last4": "abcd"}},
    {"url": "ftp://hooks.example/"},
    {"url": "https://user:password@hooks.example/"},
    {"url": "https://10.0.0.1/"},
    {"url": "http://10.0.0.1/"},
    {"url": "https://hooks.example/a b"},
    {"url": f"https://hooks.example/{'x' * 2_048}"},
    {"url": "https://hooks.example/", "from": "environment"},
)

CHAT_TROUBLE: Mapping[str, tuple[Any, Expected]] = {
    **HTTP_TROUBLE,
    "201 with text": (Answer(201, body="made"), delivered()),
    "204": (Answer(204, body=""), delivered()),
    "302 is not followed": (Answer(302, {"Location": "http://127.0.0.1:1/"}), permanent(http_status=302)),
    "401": (Answer(401), permanent(http_status=401)),
    "413": (Answer(413), permanent()),
}
"""On chat a refusal is for good."""


class SlackHarness(HttpHarness):
    path = "/services/T0SECRET/B0SECRET/slackSecretToken1"
    secrets = (path, "T0SECRET", "B0SECRET", "slackSecretToken1")
    answers = {
        **CHAT_TROUBLE,
        "400 is a fault of ours": (Answer(400, body="invalid_blocks"), permanent(http_status=400)),
        "403 not in general": (Answer(403, body="posting_to_general_channel_denied"), permanent(disables=True)),
        "403 repeats the URL": (Answer(403, body=f"no: https://slack.example{path} {path}"), permanent(disables=True)),
        "404 no such hook": (Answer(404, body="no_service"), permanent(disables=True, http_status=404)),
        "410 archived": (Answer(410, body="channel_is_archived"), permanent(disables=True, http_status=410)),
        "410 without a word": (Answer(410, body=""), permanent(disables=True)),
        "500 rollup_error": (Answer(500, body="rollup_error"), transient(unknown=True)),
    }
    bad_contacts = BAD_HOOKS

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.server = self.receiver = Receiver(ledger=folder / "ledger.jsonl", dialects=[slack.Slack()])
        self.receiver.start()
        self.channel = Slack.build(channel_env(folder))
        self.good_contact = {"url": self.receiver.url(self.path)}


def _json(status: int, headers: Mapping[str, str] = {}, **said: Any) -> Answer:
    return Answer(status, {"Content-Type": "application/json", **headers}, json.dumps(said))


class DiscordHarness(HttpHarness):
    path = "/api/webhooks/100000000000000007/discord-secret-token"
    secrets = (path, "discord-secret-token")
    answers = {
        **CHAT_TROUBLE,
        "200 without wait's answer": (Answer(200, body="[" * 60_000), delivered()),
        "400 is a fault of ours": (_json(400, code=50035, message="Invalid Form Body"), permanent(http_status=400)),
        "400 a forum": (_json(400, code=220001, message="forum"), permanent(disables=True)),
        "401 invalid token": (_json(401, code=50027, message="Invalid Webhook Token"), permanent(disables=True)),
        "403": (_json(403, code=50013, message="Missing Permissions"), permanent(http_status=403)),
        "403 repeats the URL": (Answer(403, body=f"no: https://discord.example{path} {path}"), permanent()),
        "404 unknown webhook": (_json(404, code=10015, message="Unknown Webhook"), permanent(disables=True)),
        "404 without a word": (Answer(404, body=""), permanent(disables=True)),
        "404 not an object": (Answer(404, body="[1]"), permanent(disables=True)),
        "429 with a fraction": (
            _json(429, {"Retry-After": "3"}, message="slow", retry_after=2.253, **{"global": False}),
            transient(retry_after=2.253),
        ),
        "429 for all of Discord": (
            _json(429, message="slow", retry_after=1.5, **{"global": True}),
            transient(retry_after=1.5, scope="host"),
        ),
        "429 with nonsense": (
            _json(429, {"Retry-After": "3"}, retry_after=10**400, **{"global": "yes"}),
            transient(retry_after=3.0),
        ),
    }
    bad_contacts = BAD_HOOKS

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.service = discord.Discord()
        self.service.hooks["100000000000000007"] = discord.Hook("discord-secret-token")
        self.server = self.receiver = Receiver(ledger=folder / "ledger.jsonl", dialects=[self.service])
        self.receiver.start()
        self.channel = Discord.build(channel_env(folder))
        self.good_contact = {"url": self.receiver.url(self.path)}


def _say(text: str = "", **options: Any) -> Say:
    return Say(text, **options)


class EmailHarness(ServedHarness):
    good_contact = ADDRESS
    bad_contacts = (
        None,
        5,
        {},
        "",
        "ana",
        "ana@",
        "ana@b",
        "a b@c.example",
        "ana@b.example\r\nBcc: x@y.example",
        "a@[127.0.0.1]",
        {"address": None},
        {"address": "ana"},
        {"address": ADDRESS, "surprise": 1},
        [ADDRESS],
    )
    secrets = ("hunter2-hunter2",)
    answers = {
        "taken": (("content", _say()), delivered()),
        "421 at EHLO": (("ehlo", _say("421 4.3.2 closing")), transient()),
        "no login: our password is wrong": (("auth", _say("535 5.7.8 no: hunter2-hunter2")), transient()),
        "530 at MAIL": (("mail", _say("530 5.7.0 authenticate first")), transient()),
        "550 at MAIL": (("mail", _say("550 5.7.1 sender refused")), transient()),
        "451 at MAIL": (("mail", _say("451 4.3.0 later")), transient()),
        "552 at MAIL": (("mail", _say("552 5.3.4 too big")), permanent(reason="too_large")),
        "450 greylisted": (("rcpt", _say("450 4.2.0 greylisted")), transient(scope="recipient")),
        "451 at RCPT": (("rcpt", _say("451 4.7.1 later")), transient(scope="recipient")),
        "452 mailbox full": (("rcpt", _say("452 4.2.2 full")), transient(scope="recipient")),
        "421 at RCPT": (("rcpt", _say("421 4.3.2 closing")), transient()),
        "550 no such user": (("rcpt", _say("550 5.1.1 no such user")), permanent(reason="bad_address", disables=True)),
        "550 by policy": (("rcpt", _say("550 5.7.1 not wanted")), permanent()),
        "550 without more": (("rcpt", _say("550 no")), permanent()),
        "553 at RCPT": (("rcpt", _say("553 5.1.3 bad name")), permanent(reason="bad_address", disables=True)),
        "554 does not relay": (("rcpt", _say("554 5.7.1 Relay access denied")), transient()),
        "552 mailbox full for good": (("rcpt", _say("552 5.2.2 full")), permanent()),
        "451 at DATA": (("data", _say("451 4.3.0 later")), transient(scope="recipient")),
        "drop at DATA": (("data", _say(act="drop")), transient()),
        "451 after the message": (("content", _say("451 4.7.1 later")), transient(scope="recipient")),
        "421 after the message": (("content", _say("421 4.3.2 closing")), transient()),
        "552 after the message": (("content", _say("552 5.3.4 too big")), permanent(reason="too_large")),
        "554 after the message": (("content", _say("554 5.7.1 spam")), permanent()),
        "drop after the message": (("content", _say(act="drop")), transient(unknown=True)),
        "silence after the message": (("content", _say(act="silence")), transient(unknown=True)),
        "silence at RCPT": (("rcpt", _say(act="silence")), transient()),
    }

    def __init__(self, folder: Path) -> None:
        server, client = self_signed(folder, "127.0.0.1")
        self.server = self.mailbox = Mailbox(
            starttls=server, login=("im2", self.secrets[0]), ledger=folder / "ledger.jsonl"
        )
        self.mailbox.start()
        settings = SmtpSettings(
            "127.0.0.1", self.mailbox.port, "im2", self.secrets[0], "IM2 <im2@sender.example>", True, False, timeout=1.0
        )
        self.channel = Email(settings, MailFiles(folder / "mail"), lambda: datetime.now(UTC), client)

    def answer(self, how: Any) -> None:
        phase, say = how
        self.mailbox.script(phase, say)
