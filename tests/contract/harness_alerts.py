"""The channels of alerts, each with a fake that keeps the state of its alerts."""

from abc import abstractmethod
from collections.abc import Mapping
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from channels.base import Channel, Contact, OpsgenieSettings, PagerDutySettings
from channels.guard import Guard
from channels.http import Http
from channels.opsgenie import Opsgenie
from channels.pagerduty import PagerDuty
from tests.contract.harness import ServedHarness
from tests.contract.status_table import LARGE, Row, delivered, over_http, permanent, transient
from tests.fakes.certificate import self_signed
from tests.fakes.opsgenie import OpsgenieService
from tests.fakes.pagerduty import PagerDutyService
from tests.fakes.receiver import Answer, Receiver, Service

KEY = "R0canary0canary0canary0canary012"
SERVICE = "PSERVICE"
SECONDS = 1.0
LOOPBACK = [ip_network("127.0.0.0/8")]


class AlertHarness(ServedHarness):
    """What is scripted stands in for the fake's own answers; a scene sets something up before."""

    server: Receiver
    service: Service
    secrets = (KEY,)
    _folder: Path

    def answer(self, how: Any) -> None:
        self.server.script("*", how)

    def received(self) -> list[str]:
        return [one["key"] for one in self.server.ledger.entries() if one["did"] in ("opened", "repeated")]

    @abstractmethod
    def channel_at(self, base: str) -> Channel:
        """The channel, talking to this base."""

    def expect_tls(self) -> None:
        """Let the channel expect TLS of a receiver that says nothing to it."""
        self.channel.close()
        self.channel = self.channel_at(self.server.url("").replace("http:", "https:"))

    def speak_tls(self) -> None:
        """Let the receiver show a certificate that nobody vouches for."""
        self.channel.close()
        self.server.stop()
        tls, _ = self_signed(self._folder, "127.0.0.1")
        self.server = Receiver(services={"": self.service}, tls=tls)
        self.server.start()
        self.channel = self.channel_at(self.server.url(""))


ALERT_ANSWERS: Mapping[str, Row] = {
    "400": (Answer(400), permanent(http_status=400)),
    "400 in many words": (Answer(400, body=LARGE), permanent(http_status=400)),
    "401 repeats our key": (Answer(401, body=f"unknown: {KEY}"), permanent(disables=True)),
    "402": (Answer(402), permanent()),
    "403": (Answer(403), permanent(disables=True, http_status=403)),
    "404": (Answer(404), permanent()),
    "408": (Answer(408), transient()),
    "422": (Answer(422), permanent()),
    "425": (Answer(425), transient()),
}


def _now() -> datetime:
    return datetime.now(UTC)


class PagerDutyHarness(AlertHarness):
    rows = over_http(elsewhere=permanent(http_status=302), taken=202)
    answers = {
        **ALERT_ANSWERS,
        "429 without a word": (Answer(429), transient(retry_after=30.0)),
        "a key that is none": (lambda harness: harness.use("short"), permanent(disables=True, http_status=400)),
    }
    bad_contacts = (
        None,
        KEY,
        {},
        {"routing_key": ""},
        {"routing_key": 5},
        {"routing_key": None},
        {"routing_key": "two words"},
        {"routing_key": "k\r\nHost: b"},
        {"routing_key": "ü" * 32},
        {"routing_key": "k" * 256},
        {"routing_key": {"set": True, "last4": "0000"}},
        {"routing_key": KEY, "url": "https://events.example/"},
        {"from": "environment"},
        {"routing_key": KEY, "from": "environment"},
    )

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.service = self.make_service()
        self.server = Receiver(services={"": self.service}, ledger=folder / "ledger.jsonl")
        self.server.start()
        self.channel = self.channel_at(self.server.url(""))
        self.good_contact: Any = {"routing_key": KEY}

    def make_service(self) -> PagerDutyService:
        return PagerDutyService()

    def settings(self, base: str) -> PagerDutySettings:
        return PagerDutySettings(events_url=base, api_url=base)

    def channel_at(self, base: str) -> PagerDuty:
        return PagerDuty(self.settings(base), Http(SECONDS, trusted=True), _now, SECONDS)

    def use(self, key: str) -> None:
        """Send with another key."""
        self.good_contact = {"routing_key": key}


class PagerDutyIncidentsHarness(PagerDutyHarness):
    """The operators' REST API."""

    has_contacts = False
    rows = over_http(elsewhere=permanent(http_status=302), taken=201)
    answers = {
        **ALERT_ANSWERS,
        "400 since it is open": (
            lambda harness: harness.service.incidents.open(SERVICE, "ntf_0190"),
            delivered(),
        ),
        "409 and open": (lambda harness: harness.conflict(is_open=True), delivered()),
        "409 and not open": (lambda harness: harness.conflict(is_open=False), permanent(http_status=409)),
        "400 for something else": (
            Answer(400, body='{"error": {"message": "Invalid Input Provided", "code": 2001}}'),
            permanent(http_status=400),
        ),
        "429 with ratelimit-reset": (Answer(429, {"ratelimit-reset": "9"}), transient(retry_after=9.0)),
    }

    def make_service(self) -> PagerDutyService:
        return PagerDutyService(keys=(KEY,), services=(SERVICE,))

    def settings(self, base: str) -> PagerDutySettings:
        return PagerDutySettings(api_key=KEY, service_id=SERVICE, from_email="ops@im2.example", api_url=base)

    def contact(self) -> Contact:
        found = self.channel.operators_contact()
        assert found is not None
        return found

    def conflict(self, *, is_open: bool) -> None:
        """Refuse to open anything, whether or not it is open already."""
        if is_open:
            self.service.incidents.open(SERVICE, "ntf_0190")
        self.server.script("/incidents", Answer(409))


class OpsgenieHarness(AlertHarness):
    rows = over_http(elsewhere=permanent(http_status=302), taken=202)
    answers = {
        **ALERT_ANSWERS,
        "429 without a word": (Answer(429), transient(retry_after=None)),
        "accepted, and not done for long": (lambda harness: harness.dawdle(), delivered()),
        "accepted, and then not done": (
            lambda harness: harness.server.script(
                "/v2/alerts/requests/00000001-0000-4000-8000-000000000000",
                Answer(200, body=f'{{"data": {{"success": false, "status": "no: {KEY}"}}}}'),
            ),
            permanent(http_status=202),
        ),
        "accepted, and then silence": (
            lambda harness: harness.server.script(
                "/v2/alerts/requests/00000001-0000-4000-8000-000000000000", Answer(act="silence")
            ),
            delivered(),
        ),
    }
    bad_contacts = (
        None,
        KEY,
        {},
        {"api_key": ""},
        {"api_key": 5},
        {"api_key": "two words"},
        {"api_key": {"set": True, "last4": "0000"}},
        {"api_key": KEY, "url": 5},
        {"api_key": KEY, "url": ""},
        {"api_key": KEY, "url": "ftp://api.opsgenie.example"},
        {"api_key": KEY, "url": "http://10.0.0.1/"},
        {"api_key": KEY, "url": "https://10.0.0.1/"},
        {"api_key": KEY, "url": "https://user@api.opsgenie.example/"},
        {"api_key": KEY, "url": "https://api.opsgenie.example/?a=b"},
        {"api_key": KEY, "url": "https://api.opsgenie.example/#a"},
        {"api_key": KEY, "from": "environment"},
        {"from": "environment"},
    )

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.service = OpsgenieService(keys=(KEY,))
        self.server = Receiver(services={"": self.service}, ledger=folder / "ledger.jsonl")
        self.server.start()
        self.channel = self.channel_at("https://nowhere.example")
        self.good_contact: Any = {"api_key": KEY, "url": self.server.url("")}

    def channel_at(self, base: str) -> Opsgenie:
        self.good_contact = {"api_key": KEY, "url": base}
        return Opsgenie(
            OpsgenieSettings(),
            Http(SECONDS, trusted=True),
            Http(SECONDS, LOOPBACK),
            Guard(LOOPBACK),
            _now,
            SECONDS,
            pause=lambda _seconds: None,
        )

    def dawdle(self) -> None:
        """Accept requests, and carry out none of them for a while."""
        self.service.asked_before_done = 100
