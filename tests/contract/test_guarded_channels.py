"""Nobody reaches our own network through any of the channels on which people enter URLs."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.store.engine import Database
from channels.base import Channel, Contact, DeliveryError, OpsgenieSettings, PagerDutySettings, Permanent, Receipt
from channels.discord import Discord
from channels.guard import Guard
from channels.http import Http
from channels.opsgenie import Opsgenie
from channels.registry import build_channels
from channels.slack import Slack
from channels.webhook import Webhook
from tests.contract.test_guarded_urls import NOT_ALLOWED
from tests.fakes.certificate import self_signed
from tests.fakes.clock import FakeClock
from tests.fakes.gate_server import GateServer
from tests.fakes.names import Names
from tests.fakes.receiver import Answer, Receiver
from tests.fakes.samples import channel_env, message
from tests.fakes.spine import Spine
from tests.fakes.world import ALLOWED, INNER, OUTER, World
from tests.unit.test_guard import LOOPBACK_SPELLINGS


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
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
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
