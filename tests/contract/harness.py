"""What the channel suite has to know about each channel: how to fake its receiver, and what its answers mean.

A new channel joins by a class of its own and its line in `harnesses.py`.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from channels.base import Channel, Contact, Message, Transient
from channels.discord import Discord
from channels.inapp import InApp
from channels.slack import Slack
from channels.webhook import Webhook
from tests.contract.status_table import (
    AWAY_FOR,
    OWN_ERROR,
    REFUSES,
    ROWS,
    TAKES,
    NotThere,
    Row,
    delivered,
    over_http,
    permanent,
    transient,
)
from tests.fakes import discord, slack
from tests.fakes.certificate import self_signed
from tests.fakes.mailbox import Mailbox
from tests.fakes.receiver import Answer, Receiver
from tests.fakes.samples import channel_env


class Harness(ABC):
    """One channel with a receiver that is really there."""

    channel: Channel
    rows: ClassVar[Mapping[str, Row | NotThere]]
    """What every channel answers to: all of ROWS."""
    answers: ClassVar[Mapping[str, Row]] = {}
    """What this receiver alone may do."""
    good_contact: Any = None
    bad_contacts: ClassVar[Sequence[Any]] = ()
    has_contacts: ClassVar[bool] = True
    """Whether users give their own, such as `good_contact`."""
    secrets: Sequence[str] = ()
    """Must never be shown: not in a contact that is read, a target or a detail."""
    private: Sequence[str] = ()
    """Is shown in the contact, and in no target or detail."""

    @abstractmethod
    def __init__(self, folder: Path) -> None:
        """Start the receiver and build the channel."""

    @abstractmethod
    def answer(self, how: Any) -> None:
        """Make the receiver do this with everything from now on."""

    def play(self, how: Any) -> None:
        """Set up a scene, or make the receiver do this with everything from now on."""
        if callable(how):
            how(self)
        else:
            self.answer(how)

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
    rows = {
        **dict.fromkeys(ROWS, NotThere("There is no receiver: it writes into the database the notification is in.")),
        TAKES: (None, delivered()),
        REFUSES: (ConnectionError(), transient()),
        OWN_ERROR: (RuntimeError("disk full at /secret"), transient()),
        AWAY_FOR: (Transient("Busy.", retry_after=3), transient(retry_after=3)),
    }
    bad_contacts = ("a@b.example", {}, None)

    def __init__(self, folder: Path) -> None:
        self._problem: Exception | None = None
        self.taken: list[Message] = []
        self.channel = InApp.build(channel_env(folder, put_in_inbox=self._put))

    def answer(self, how: Any) -> None:
        self._problem = how

    def received(self) -> list[str]:
        return [message.notification_id for message in self.taken]

    def refuse(self) -> None:
        self._problem = ConnectionError()

    def _put(self, messages: Sequence[Message]) -> None:
        if self._problem is not None:
            raise self._problem
        self.taken += messages


HTTP_ANSWERS: Mapping[str, Row] = {"408": (Answer(408), transient()), "425": (Answer(425), transient())}


class HttpHarness(ServedHarness):
    """A channel that posts to a receiver at a path of its own."""

    path: ClassVar[str]
    receiver: Receiver
    _folder: Path

    def answer(self, how: Any) -> None:
        self.receiver.script("*", how)

    def speak_tls(self) -> None:
        """Let the receiver show a certificate that nobody vouches for."""
        self.receiver.stop()
        tls, _ = self_signed(self._folder, "127.0.0.1")
        self.server = self.receiver = Receiver(tls=tls)
        self.receiver.start()
        self.good_contact = {**self.good_contact, "url": self.receiver.url(self.path)}

    def expect_tls(self) -> None:
        """Let the channel expect TLS of a receiver that says nothing to it."""
        self.good_contact = {**self.good_contact, "url": self.receiver.url(self.path).replace("http:", "https:")}


class WebhookHarness(HttpHarness):
    path = "/hook/path-secret?key=query-secret"
    secrets = ("Bearer top-secret-token", "top-secret-token")
    private = ("path-secret", "query-secret")
    rows = over_http(elsewhere=transient(scope="recipient", http_status=302))
    answers = {
        **HTTP_ANSWERS,
        "201 with text": (Answer(201, body="made"), delivered()),
        "204": (Answer(204, body=""), delivered()),
        "400": (Answer(400), transient(scope="recipient", http_status=400)),
        "401 repeats our secret": (Answer(401, body="bad: Bearer top-secret-token"), transient(scope="recipient")),
        "404 repeats the path": (Answer(404, body=f"no: {path} {private}"), transient(scope="recipient")),
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

CHAT_ROWS = over_http(elsewhere=permanent(http_status=302))
CHAT_ANSWERS: Mapping[str, Row] = {
    **HTTP_ANSWERS,
    "201 with text": (Answer(201, body="made"), delivered()),
    "204": (Answer(204, body=""), delivered()),
    "401": (Answer(401), permanent(http_status=401)),
    "413": (Answer(413), permanent()),
}
"""On chat a refusal is for good."""


class SlackHarness(HttpHarness):
    path = "/services/T0SECRET/B0SECRET/slackSecretToken1"
    secrets = (path, "T0SECRET", "B0SECRET", "slackSecretToken1")
    rows = CHAT_ROWS
    answers = {
        **CHAT_ANSWERS,
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
    rows = CHAT_ROWS
    answers = {
        **CHAT_ANSWERS,
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
