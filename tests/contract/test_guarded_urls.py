"""Nobody reaches our own network through a URL of theirs, whatever their name server says, with TLS and without.

The one address that is allowed stands for the internet, the one beside it for our own network; a server listens on
the same port of both, so that only the address tells them apart.
"""

import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from app.store.engine import Database
from channels.base import (
    Channel,
    Contact,
    DeliveryError,
    OpsgenieSettings,
    PagerDutySettings,
    Permanent,
    Receipt,
    Transient,
)
from channels.discord import Discord
from channels.guard import Guard
from channels.http import Http
from channels.opsgenie import Opsgenie
from channels.registry import build_channels
from channels.slack import Slack
from channels.sockets import Deadline, dial
from channels.webhook import Webhook
from channels.wire import Reply
from tests.fakes.certificate import self_signed
from tests.fakes.clock import FakeClock
from tests.fakes.gate_server import GateServer
from tests.fakes.names import Names
from tests.fakes.receiver import Answer, Receiver
from tests.fakes.samples import channel_env, message
from tests.fakes.spine import Spine
from tests.unit.test_guard import LOOPBACK_SPELLINGS

OUTER, INNER = "127.0.0.1", "127.0.0.2"
ALLOWED = [ip_network(f"{OUTER}/32")]
NAME = "hooks.example"
REDIRECTS = (301, 302, 303, 307, 308)
NOT_ALLOWED = "The address of this URL is not allowed."


@dataclass
class World:
    """A server outside and one inside, on the same port, and what is said of names when a connection begins."""

    outer: Receiver
    inner: Receiver
    tls: ssl.SSLContext | None
    names_shown: list[str | None]

    @property
    def url(self) -> str:
        return self.at(NAME)

    def at(self, host: str) -> str:
        return f"{'https' if self.tls else 'http'}://{host}:{self.outer.port}/hook"

    def http(self, names: Names) -> Http:
        return Http(2.0, ALLOWED, resolver=names, tls=self.tls)

    def reached(self) -> tuple[int, int]:
        """How many requests came outside, and how many inside, where nobody may even have knocked."""
        assert self.inner.connections == len(self.inner.ledger.entries())
        return len(self.outer.ledger.entries()), self.inner.connections


@pytest.fixture(params=["http", "https"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    server, client = self_signed(tmp_path, NAME, OUTER, INNER) if request.param == "https" else (None, None)
    shown: list[str | None] = []
    if server is not None:
        server.sni_callback = lambda _socket, name, _context: shown.append(name)
    with Receiver(OUTER, tls=server) as outer, Receiver(INNER, outer.port, tls=server) as inner:
        yield World(outer, inner, client, shown)


def post(http: Http, url: str) -> Reply:
    return http.post(url, body=b"{}", headers={})


def blocked(http: Http, url: str) -> bool:
    with pytest.raises(Permanent) as caught:
        post(http, url)
    return (caught.value.reason, caught.value.detail) == ("rejected", NOT_ALLOWED)


def test_the_name_is_shown_and_the_checked_address_is_connected_to(world: World):
    assert post(world.http(Names([OUTER])), world.url).status == 200
    (entry,) = world.outer.ledger.entries()
    assert entry["headers"]["host"] == f"{NAME}:{world.outer.port}"
    assert world.names_shown == ([NAME] if world.tls else [])
    assert world.reached() == (1, 0)


def test_one_attempt_asks_once_so_a_second_answer_is_never_heard(world: World):
    names = Names([OUTER], [INNER])
    assert post(world.http(names), world.url).status == 200
    assert names.asked == 1
    assert world.reached() == (1, 0)


def test_a_name_is_asked_for_again_by_the_next_connection(world: World):
    names = Names([OUTER], [INNER])
    http = world.http(names)
    assert post(http, world.url).status == 200
    world.outer.drop_idle()
    assert blocked(http, world.url)
    assert names.asked == 2
    assert world.reached() == (1, 0)


def test_what_was_right_when_it_was_saved_is_checked_again_when_it_is_used(world: World):
    Guard(ALLOWED).check_url(world.url)
    assert blocked(world.http(Names([INNER])), world.url)
    assert world.reached() == (0, 0)


@pytest.mark.parametrize("answer", [(OUTER, INNER), (INNER, OUTER), (INNER,), (OUTER, "8.8.8.8", INNER)])
def test_one_inner_address_among_others_is_enough_to_refuse(world: World, answer: tuple[str, ...]):
    assert blocked(world.http(Names(answer)), world.url)
    assert world.outer.connections == 0
    assert world.reached() == (0, 0)


@pytest.mark.parametrize("spelling", [INNER, "[::ffff:127.0.0.2]", "[::ffff:7f00:2]", "127.0.0.2."])
def test_an_inner_address_itself_is_refused(world: World, spelling: str):
    with pytest.raises(Permanent):
        post(world.http(Names([OUTER])), world.at(spelling))
    assert world.reached() == (0, 0)


@pytest.mark.parametrize("status", REDIRECTS)
def test_a_redirect_inside_is_not_followed(world: World, status: int):
    world.outer.script("/hook", Answer(status, {"Location": world.at(INNER)}))
    assert post(world.http(Names([OUTER])), world.url).status == status
    assert world.reached() == (1, 0)


def test_proxies_and_logins_of_the_environment_are_not_used(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    netrc = tmp_path / ".netrc"
    netrc.write_text(f"machine {NAME} login a password b\ndefault login a password b\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        for spelled in (name, name.upper()):
            monkeypatch.setenv(spelled, f"http://{INNER}:{world.inner.port}")
    assert post(world.http(Names([OUTER])), world.url).status == 200
    assert "authorization" not in world.outer.ledger.entries()[0]["headers"]
    assert world.reached() == (1, 0)


@pytest.mark.parametrize("name", ["other.example", "hooks.example.evil.example", "xhooks.example"])
def test_a_certificate_for_another_name_is_not_talked_to(name: str, tmp_path: Path):
    server, client = self_signed(tmp_path, NAME)
    with Receiver(tls=server) as receiver:
        http = Http(2.0, ALLOWED, resolver=Names([OUTER]), tls=client)
        with pytest.raises(Transient, match="certificate") as caught:
            post(http, f"https://{name}:{receiver.port}/")
        assert not caught.value.unknown
        assert receiver.ledger.entries() == []


def test_an_authority_nobody_knows_is_not_talked_to(tmp_path: Path):
    server, _ = self_signed(tmp_path, NAME)
    with Receiver(tls=server) as receiver:
        with pytest.raises(Transient, match="certificate"):
            post(Http(2.0, ALLOWED, resolver=Names([OUTER])), f"https://{NAME}:{receiver.port}/")
        assert receiver.ledger.entries() == []


def test_a_connection_that_ends_elsewhere_is_not_used(world: World, monkeypatch: pytest.MonkeyPatch):
    class Diverted(socket.socket):
        def connect(self, address: Any) -> None:
            super().connect((INNER, address[1]))

    monkeypatch.setattr(socket, "socket", Diverted)
    with pytest.raises(OSError):
        dial([ip_address(OUTER)], world.outer.port, Deadline.after(2))
    with pytest.raises(Transient) as caught:
        post(world.http(Names([OUTER])), world.url)
    assert not caught.value.unknown
    assert world.inner.ledger.entries() == []


def test_what_is_said_is_the_same_whether_or_not_anything_is_there(world: World):
    assert blocked(world.http(Names([INNER])), world.url)
    world.inner.down()
    assert blocked(world.http(Names([INNER])), world.url)


def _now() -> datetime:
    return datetime.now(UTC)


def _opsgenie(guarded: Http, trusted: Http) -> Opsgenie:
    return Opsgenie(OpsgenieSettings(), trusted, guarded, Guard(ALLOWED), _now, 2.0, pause=lambda _seconds: None)


HOOKS: dict[str, tuple[Callable[[Http, Http], Channel], Callable[[str], Any]]] = {
    "webhook": (lambda guarded, _trusted: Webhook(guarded, Guard(ALLOWED), _now), lambda url: {"url": url}),
    "slack": (lambda guarded, trusted: Slack(guarded, trusted, Guard(ALLOWED), _now, None), lambda url: {"url": url}),
    "discord": (
        lambda guarded, trusted: Discord(guarded, trusted, Guard(ALLOWED), _now, None),
        lambda url: {"url": url},
    ),
    "opsgenie": (_opsgenie, lambda url: {"api_key": "key", "url": url}),
}
"""The channels on which users enter URLs: how each is made of its clients, and a contact with a URL."""
with_urls = pytest.mark.parametrize("name", HOOKS)


def sent(channel: Channel, contact: Contact) -> Receipt | DeliveryError:
    try:
        return channel.send(message(), contact)
    except DeliveryError as error:
        return error


def test_these_are_all_the_channels_on_which_users_enter_urls(tmp_path: Path):
    taking = set()
    for name, channel in build_channels(channel_env(tmp_path)).items():
        for extra in ({}, {"api_key": "key"}, {"routing_key": "key"}):
            try:
                contact = channel.read_contact({"url": "https://hooks.example/a", **extra}, None)
            except ValueError:
                continue
            if "hooks.example" in str(contact):
                taking.add(name)
    assert taking == set(HOOKS)


@with_urls
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", [*LOOPBACK_SPELLINGS, "169.254.169.254", "10.0.0.1", "[fd00::1]", "[fe80::1]"])
def test_no_inner_url_can_be_saved(name: str, scheme: str, host: str, tmp_path: Path):
    channel = build_channels(channel_env(tmp_path, allowed_networks=[]))[name]
    _, contact = HOOKS[name]
    with pytest.raises(ValueError):
        channel.read_contact(contact(f"{scheme}://{host}/hook"), None)


@with_urls
def test_a_name_for_our_own_machine_is_refused_by_every_channel_as_it_is_built(name: str, tmp_path: Path):
    server, _ = self_signed(tmp_path, "localhost")
    channel = build_channels(channel_env(tmp_path, allowed_networks=[]))[name]
    with Receiver(tls=server) as receiver:
        contact = channel.read_contact(HOOKS[name][1](f"https://localhost:{receiver.port}/hook"), None)
        refused = sent(channel, contact)
        assert isinstance(refused, Permanent)
        assert refused.detail == NOT_ALLOWED
        assert not refused.disables
        assert receiver.connections == 0


@with_urls
def test_a_name_that_turns_inside_between_two_messages_reaches_nothing(name: str, world: World):
    make, contact_of = HOOKS[name]
    channel = make(world.http(Names([OUTER], [INNER])), Http(2.0, trusted=True))
    contact = channel.read_contact(contact_of(world.url), None)
    assert isinstance(sent(channel, contact), Receipt)
    world.outer.drop_idle()
    refused = sent(channel, contact)
    assert isinstance(refused, Permanent)
    assert (refused.reason, refused.detail) == ("rejected", NOT_ALLOWED)
    assert world.reached()[1] == 0


@with_urls
@pytest.mark.parametrize("status", REDIRECTS)
def test_no_channel_follows_a_redirect_inside(name: str, status: int, world: World):
    make, contact_of = HOOKS[name]
    channel = make(world.http(Names([OUTER])), Http(2.0, trusted=True))
    world.outer.script("*", Answer(status, {"Location": world.at(INNER)}))
    assert isinstance(sent(channel, channel.read_contact(contact_of(world.url), None)), DeliveryError)
    assert world.reached() == (1, 0)


ENVIRONMENTS: dict[str, Callable[[str], dict[str, Any]]] = {
    "slack": lambda url: {"slack_url": url},
    "discord": lambda url: {"discord_url": url},
    "pagerduty": lambda url: {"pagerduty": PagerDutySettings(routing_key="key", events_url=url)},
    "pagerduty incidents": lambda url: {"pagerduty": PagerDutySettings(api_key="key", service_id="P1", api_url=url)},
    "opsgenie": lambda url: {"opsgenie": OpsgenieSettings(api_key="key", api_url=url)},
}
"""What the environment says of where the operators are reached."""


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_url_of_the_environment_is_trusted(name: str, tmp_path: Path):
    with Receiver() as receiver:
        env = channel_env(tmp_path, allowed_networks=[], **ENVIRONMENTS[name](receiver.url("/inside")))
        channel = build_channels(env)[name.partition(" ")[0]]
        contact = channel.operators_contact()
        assert contact is not None
        assert isinstance(channel.send(message(), contact), Receipt)
        assert receiver.ledger.entries()[0]["path"].startswith("/inside")
        channel.close()


def test_what_is_blocked_has_failed_at_once_and_is_not_tried_again(
    world: World, database: Database, clock: FakeClock, gate_server: GateServer
):
    names = Names([INNER])
    channel = Webhook(world.http(names), Guard(ALLOWED), clock.now)
    spine = Spine(database, clock, gate_server.url, more=[channel])
    spine.preferences.merge("u-1", {"contacts": {"webhook": {"url": world.url}}}, actor="key:test")
    (one,) = spine.submit("u-1", channel="webhook")
    assert spine.delivery.deliver("webhook", [one]) == []
    assert spine.states([one]) == [("failed", "rejected")]
    assert spine.attempts(one) == ["permanent"]
    clock.advance(days=1)
    assert spine.relay.feed() == 0
    assert names.asked == 1
    assert world.reached() == (0, 0)
    spine.close()
