"""Slack and Discord from outside: one event of each type, and a hook that is gone."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.fakes import discord, slack
from tests.fakes.receiver import Receiver
from tests.integration.product import Product
from tests.integration.story import OCCURRED_AT, events

SIGNS = {
    "job.completed": "✅",
    "job.failed": "❗",
    "system.error": "🚨",
    "system.warning": "🔔",
    "quota.exceeded": "🚨",
    "quota.approaching": "🔔",
}
"""All types but the one that chats do not get by default."""
READERS = {"slack": slack.Slack(), "discord": discord.Discord()}


@pytest.fixture(scope="module")
def rooms() -> Iterator[Receiver]:
    """Slack and Discord at one address."""
    with Receiver(dialects=list(READERS.values())) as receiver:
        yield receiver


@pytest.fixture(scope="module")
def told(product: Product, rooms: Receiver) -> dict[str, list[list[str]]]:
    """What a German reader of both has read after one event of each type, by channel."""
    contacts = {"slack": {"url": rooms.url(slack.HOOK)}, "discord": {"url": rooms.url(discord.HOOK)}}
    product.set_user("chatty", locale="de", timezone="Europe/Berlin", contacts=contacts)
    for type_, data in events("chat").items():
        product.ended(product.submit(type_, data, "chatty", occurred_at=OCCURRED_AT, source="encoder"))
    entries = rooms.ledger.entries()
    assert {entry["status"] for entry in entries} == {200}
    return {
        name: [reader.reading(entry["body"]) for entry in entries if entry["channel"] == name]
        for name, reader in READERS.items()
    }


@pytest.mark.parametrize("channel", READERS)
def test_every_type_is_told_once_and_shows_how_urgent_it_is(told: dict[str, list[list[str]]], channel: str):
    firsts = [lines[0] for lines in told[channel]]
    assert sorted(first[0] for first in firsts) == sorted(SIGNS.values())
    assert len(set(firsts)) == len(SIGNS)


@pytest.mark.parametrize("channel", READERS)
def test_it_reads_in_the_readers_language_with_a_link_and_what_was_said_as_it_was(
    product: Product, told: dict[str, list[list[str]]], channel: str
):
    (failed,) = [lines for lines in told[channel] if "broken-chat" in str(lines)]
    text = "\n".join(failed)
    assert "Job fehlgeschlagen: disk full <b>on</b> node-7 & more (broken-chat)" in failed[0]
    assert "Die Ursache des Fehlers beheben und den Job dann neu starten." in failed[1:]
    assert "23. November 2026, 00:05 MEZ" in text
    assert f"{product.url}/ui/history?subject_key=broken-chat" in text
    assert "Hoch" in text
    assert "encoder · #" in text
    assert "Gesendet, weil „Fehlgeschlagene Jobs“ hier eingeschaltet ist." in text
    assert f"{product.url}/ui/preferences" in text


def test_what_discord_called_a_message_is_kept(product: Product, told: dict[str, Any]):
    assert told
    for one in product.history("chatty"):
        if one["channel"] == "discord":
            (attempt,) = product.get(f"/notifications/{one['id']}")["attempts"]
            assert (attempt["outcome"], attempt["http_status"]) == ("delivered", 200)


@pytest.mark.parametrize(
    ("channel", "path", "reason"),
    [
        ("slack", "/services/T0GONE/B0GONE/gone", "its channel was archived"),
        ("discord", "/api/webhooks/100000000000000099/gone", "it was deleted"),
    ],
)
def test_a_hook_that_is_gone_is_asked_once_and_its_owner_sees_why(
    product: Product, rooms: Receiver, channel: str, path: str, reason: str
):
    READERS["slack"].end("/services/T0GONE/B0GONE/gone", 410, "channel_is_archived")
    user = f"left-{channel}"
    product.set_user(user, contacts={channel: {"url": rooms.url(path)}})
    for number in range(3):
        event = product.submit("job.failed", {"job_id": f"j-{number}", "error": "e"}, user, channels=[channel])
        ended = product.ended(event)
        assert ended["counts"] == ({"failed": 1} if number == 0 else {"suppressed": 1})
    asked = [entry for entry in rooms.ledger.entries() if entry["path"].partition("?")[0].endswith("/gone")]
    assert len([entry for entry in asked if entry["channel"] == channel]) == 1
    shown = product.get(f"/preferences/{user}")["contacts"][channel]
    assert reason in shown["disabled"]
    assert shown["url"] == {"set": True, "last4": "gone"}
    again = product.set_user(user, contacts={channel: {"url": shown["url"]}})
    assert "disabled" not in again["contacts"][channel]


def test_a_job_is_one_message_on_discord_which_its_end_takes_over(product: Product, rooms: Receiver):
    contacts = {"discord": {"url": rooms.url(discord.HOOK)}}
    product.set_user("watcher", contacts=contacts, events={"job.progress": {"discord": "instant"}})
    for type_, data in (("job.progress", {"percent": 10}), ("job.completed", {})):
        product.ended(product.submit(type_, {"job_id": "watched", **data}, "watcher", channels=["discord"]))
    posted, changed = (entry for entry in rooms.ledger.entries() if "watched" in entry["body"])
    assert (posted["method"], changed["method"]) == ("POST", "PATCH")
    assert "10% done" in posted["body"]
    assert "Job completed: watched" in changed["body"]
    assert changed["status"] == 200
