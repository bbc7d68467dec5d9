"""Operators out of the box: a hook in the environment is all it takes for errors to reach them."""

from collections.abc import Iterator

import pytest

from tests.fakes import discord, slack
from tests.fakes.receiver import Receiver
from tests.integration.product import Product, eventually

ERROR = {"component": "encoder", "message": "no worker answers"}


@pytest.fixture(scope="module")
def chats() -> tuple[slack.Slack, discord.Discord]:
    return slack.Slack(), discord.Discord()


@pytest.fixture(scope="module")
def rooms(chats: tuple[slack.Slack, discord.Discord]) -> Iterator[Receiver]:
    """Slack and Discord at an address that nobody else may use."""
    with Receiver(dialects=list(chats)) as receiver:
        yield receiver


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory, rooms: Receiver) -> Iterator[Product]:
    folder = tmp_path_factory.mktemp("operators")
    hooks = {"SLACK_WEBHOOK_URL": rooms.url(slack.HOOK), "DISCORD_WEBHOOK_URL": rooms.url(discord.HOOK)}
    with Product(folder, WEBHOOK_ALLOWED_NETWORKS="", RELAY_TICK_SECONDS="1", **hooks) as product:
        yield product


def test_an_error_without_recipients_is_told_on_both(ours: Product, rooms: Receiver):
    ended = ours.ended(ours.submit("system.error", ERROR))
    told = {one["channel"]: one["status"] for one in ended["notifications"]}
    assert told == {"inapp": "delivered", "slack": "delivered", "discord": "delivered"}
    assert sorted(entry["channel"] for entry in rooms.ledger.entries()) == ["discord", "slack"]


def test_their_preferences_show_it_and_a_test_arrives(ours: Product, rooms: Receiver):
    before = ours.get("/preferences/operators")
    assert before["contacts"]["slack"] == {"url": {"set": True, "last4": slack.HOOK[-4:]}, "from": "environment"}
    assert ours.call("PUT", "/preferences/operators", json=before).json() == before
    count = len(rooms.ledger.entries())
    assert ours.call("POST", "/preferences/operators/test/discord").status_code == 202
    eventually(lambda: len(rooms.ledger.entries()) == count + 1)


def test_a_hook_that_is_gone_is_asked_once(ours: Product, rooms: Receiver, chats: tuple[slack.Slack, discord.Discord]):
    count = len(rooms.ledger.entries())
    chats[0].end(slack.HOOK, 410, "channel_is_archived")
    for number in range(2):
        data = {**ERROR, "component": f"encoder-{number}"}
        counts = ours.ended(ours.submit("system.error", data, channels=["slack"]))["counts"]
        assert counts == ({"suppressed": 1} if number else {"failed": 1})
    assert len(rooms.ledger.entries()) == count + 1
    shown = ours.get("/preferences/operators")
    assert "archived" in shown["contacts"]["slack"]["disabled"]
    assert shown["effective"]["system.error"]["slack"]["source"] == "no_contact"
    audited = ours.get("/audit", action="contact.disable")["items"]
    assert [entry["object"] for entry in audited] == ["user:operators"]
