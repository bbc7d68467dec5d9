"""Slack and Discord against services that check, limit and refuse as theirs do."""

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from channels.base import Contact, DeliveryError, Permanent, Receipt, Transient
from channels.chat import ChatHook
from channels.discord import Discord
from channels.slack import Slack
from tests.fakes import discord, slack
from tests.fakes.clock import FakeClock
from tests.fakes.pace import Pace
from tests.fakes.receiver import Answer, Receiver
from tests.fakes.samples import channel_env, message

Hook = TypeVar("Hook", bound=ChatHook)
SLACK_PATH = "/services/T0SECRET/B0SECRET/hookSecretToken"
BOTH = pytest.mark.parametrize("kind", [Slack, Discord])


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """It answers what it is told."""
    with Receiver() as started:
        yield started


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Callable[..., ChatHook]]:
    """Make a channel, with changes to what the process has."""
    made: list[ChatHook] = []

    def build_one(kind: type[Hook], **changes: object) -> Hook:
        channel = kind.build(channel_env(tmp_path, **changes))
        made.append(channel)
        return channel

    yield build_one
    for channel in made:
        channel.close()


def sent(channel: ChatHook, url: str) -> Receipt | DeliveryError:
    try:
        return channel.send(message(), channel.read_contact({"url": url}, None))
    except DeliveryError as error:
        return error


@BOTH
def test_only_the_environments_contact_goes_to_a_private_address(kind: type[Hook], build, receiver: Receiver):
    own = receiver.url("/own")
    channel = build(kind, allowed_networks=[], slack_url=own, discord_url=own)
    trusted = channel.operators_contact()
    channel.send(message(), trusted)
    # Should one have got past the check of its contact, as when the allowed networks were other ones then.
    with pytest.raises(Permanent, match="not allowed"):
        channel.send(message(), Contact({}, trusted.secret))
    assert len(receiver.ledger.entries()) == 1


@BOTH
@pytest.mark.parametrize("status", [200, 204, 302, 400, 401, 403, 404, 410, 413, 429, 500, 503])
def test_no_word_of_the_url_is_in_what_is_said_or_logged(
    kind: type[Hook], status: int, build, receiver: Receiver, caplog: pytest.LogCaptureFixture
):
    secrets = ["T0SECRET", "B0SECRET", "hookSecretToken", "querySecret"]
    path = f"{SLACK_PATH}?key=querySecret"
    said = f"POST {path} failed: https://hooks.example{path} {' '.join(secrets)}"
    receiver.script("*", Answer(status, {"X-Echo": path}, "" if status == 204 else json.dumps(said)))
    caplog.set_level(logging.DEBUG)
    channel = build(kind)
    outcome = sent(channel, receiver.url(path))
    contact = channel.read_contact({"url": receiver.url(path)}, None)
    told = f"{outcome!r} {outcome.detail} {channel.target(contact)} {channel.show_contact(contact)} {caplog.text}"
    assert [secret for secret in secrets if secret in told] == []


@BOTH
def test_a_fault_of_ours_is_logged_without_anybodys_words(
    kind: type[Hook], build, receiver: Receiver, caplog: pytest.LogCaptureFixture
):
    receiver.script("*", Answer(400, body="invalid_blocks: Ada Lovelace"))
    refused = sent(build(kind), receiver.url(SLACK_PATH))
    assert isinstance(refused, Permanent)
    assert "invalid_blocks" in refused.detail
    (record,) = [one for one in caplog.records if one.name.startswith("channels")]
    assert (record.message, record.levelname) == ("message_refused_as_malformed", "ERROR")
    assert vars(record)["channel"] == kind.name
    assert vars(record)["notification_id"] == "ntf_0190"
    assert "Ada" not in str(vars(record))


@pytest.mark.parametrize(
    ("kind", "status", "code", "words"),
    [
        (Slack, 403, "action_prohibited", "an admin of the workspace does not allow it"),
        (Slack, 403, "invalid_token", "its URL is not, or no longer, valid"),
        (Slack, 403, "posting_to_general_channel_denied", "closed the general channel"),
        (Slack, 404, "channel_not_found", "its channel is gone"),
        (Slack, 404, "no_service", "it was removed or turned off"),
        (Slack, 404, "no_service_id", "its URL is not complete"),
        (Slack, 404, "no_team", "its workspace is gone"),
        (Slack, 404, "no_active_hooks", "it was turned off"),
        (Slack, 410, "channel_is_archived", "its channel was archived"),
        (Discord, 404, 10015, "it was deleted"),
        (Discord, 404, 10003, "its channel or thread is gone"),
        (Discord, 401, 50027, "the token in its URL is not, or no longer, valid"),
        (Discord, 400, 220001, "add ?thread_id=… with the id of a thread to its URL"),
    ],
)
def test_an_owner_is_told_why_the_hook_is_not_used_any_more(
    kind: type[Hook], status: int, code: str | int, words: str, build, receiver: Receiver
):
    body = code if isinstance(code, str) else json.dumps({"code": code, "message": "…"})
    receiver.script("*", Answer(status, body=body))
    refused = sent(build(kind), receiver.url(SLACK_PATH))
    assert isinstance(refused, Permanent)
    assert refused.disables
    assert words in refused.detail
    assert f"{status}" in refused.detail
    assert f"{code}" in refused.detail


@pytest.mark.parametrize(("said", "kept"), [("77", "77"), (77, None), ("../x", None), (None, None), ("7" * 21, None)])
def test_only_what_is_the_id_of_a_message_is_kept(said: object, kept: str | None, build, receiver: Receiver):
    receiver.script("*", Answer(200, body=json.dumps({"id": said})))
    outcome = sent(build(Discord), receiver.url("/a"))
    assert isinstance(outcome, Receipt)
    assert outcome.provider_ref == kept


@pytest.mark.parametrize(
    ("remaining", "reset_after", "rest"),
    [
        ("0", "1.25", 1.25),
        ("0", "0.004", 1.0),
        ("0", "999999", 3_600.0),
        ("0", "nan", None),
        ("0", None, None),
        ("1", "1.25", None),
        (None, "1.25", None),
    ],
)
def test_a_hook_that_takes_no_more_for_now_gets_its_rest(
    remaining: str | None, reset_after: str | None, rest: float | None, build, receiver: Receiver
):
    headers = {"X-RateLimit-Remaining": remaining, "X-RateLimit-Reset-After": reset_after}
    receiver.script("*", Answer(200, {name: value for name, value in headers.items() if value is not None}))
    outcome = sent(build(Discord), receiver.url("/a"))
    assert isinstance(outcome, Receipt)
    assert outcome.rest_seconds == rest


def seconds(clock: FakeClock) -> Callable[[], float]:
    return lambda: clock.now().timestamp()


def test_slack_takes_a_burst_and_then_says_when_to_come_back(build, clock: FakeClock):
    with Receiver(dialects=[slack.Slack(Pace(3, 3, seconds(clock)))]) as receiver:
        channel, url = build(Slack), receiver.url(slack.HOOK)
        assert all(isinstance(sent(channel, url), Receipt) for _ in range(3))
        clock.advance(seconds=1)
        limited = sent(channel, url)
        assert isinstance(limited, Transient)
        assert (limited.retry_after, limited.scope, limited.unknown) == (2.0, "target", False)
        clock.advance(seconds=2)
        assert isinstance(sent(channel, url), Receipt)


@pytest.mark.parametrize("hook", [discord.HOOK, discord.HOOK.replace("/api/", "/api/v9/")])
def test_discord_is_never_asked_beyond_its_bucket(hook: str, build, clock: FakeClock):
    with Receiver(dialects=[discord.Discord(Pace(5, 2, seconds(clock)))]) as receiver:
        channel, url = build(Discord), receiver.url(hook)
        rests = []
        for _ in range(13):
            outcome = sent(channel, url)
            assert isinstance(outcome, Receipt), outcome
            rests.append(outcome.rest_seconds)
            clock.advance(seconds=outcome.rest_seconds or 0.0)
        assert rests == ([None] * 4 + [2.0]) * 2 + [None] * 3


def test_discord_says_how_long_to_wait_as_the_version_we_ask_for_does(build, clock: FakeClock):
    with Receiver(dialects=[discord.Discord(Pace(1, 5.5, seconds(clock)))]) as receiver:
        channel, url = build(Discord), receiver.url(discord.HOOK)
        sent(channel, url)
        limited = sent(channel, url)
        assert isinstance(limited, Transient)
        assert limited.retry_after == 5.5


def test_a_message_on_discord_is_changed_in_place(build):
    service = discord.Discord()
    with Receiver(dialects=[service]) as receiver:
        channel, (hook,) = build(Discord), service.hooks.values()
        contact = channel.read_contact({"url": receiver.url(f"{discord.HOOK}?thread_id=5")}, None)
        first = channel.send(message(title="42 %"), contact)
        again = channel.edit(message(title="43 %"), contact, first.provider_ref)
        assert again.provider_ref == first.provider_ref
        assert [said["embeds"][0]["title"] for said in hook.messages.values()] == ["43 %"]
        assert [(entry["method"], entry["path"].rpartition("?")[2]) for entry in receiver.ledger.entries()] == [
            ("POST", "thread_id=5&wait=true"),
            ("PATCH", "thread_id=5"),
        ]
        hook.messages.clear()
        with pytest.raises(Permanent) as caught:
            channel.edit(message(), contact, first.provider_ref)
        assert (caught.value.http_status, caught.value.disables) == (404, False)


def test_a_channel_that_cannot_change_what_it_sent_says_so(build):
    channel = build(Slack)
    assert not channel.edits
    with pytest.raises(TypeError):
        channel.edit(message(), channel.read_contact({"url": "https://hooks.example/a"}, None), "1")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/webhooks/100000000000000001/other-token", 401, "50027"),
        ("/api/webhooks/100000000000000002/sink-token", 404, "10015"),
    ],
)
def test_a_hook_that_discord_does_not_know_is_disabled(path: str, status: int, code: str, build):
    with Receiver(dialects=[discord.Discord()]) as receiver:
        refused = sent(build(Discord), receiver.url(path))
        assert isinstance(refused, Permanent)
        assert (refused.disables, refused.http_status) == (True, status)
        assert code in refused.detail


def test_a_forum_needs_a_thread(build):
    service = discord.Discord()
    service.hooks["100000000000000001"].is_forum = True
    with Receiver(dialects=[service]) as receiver:
        channel = build(Discord)
        refused = sent(channel, receiver.url(discord.HOOK))
        assert isinstance(refused, Permanent)
        assert refused.disables
        assert isinstance(sent(channel, receiver.url(f"{discord.HOOK}?thread_id=5")), Receipt)


def test_a_hook_that_slack_has_ended_is_disabled(build):
    service = slack.Slack()
    with Receiver(dialects=[service]) as receiver:
        channel, url = build(Slack), receiver.url(slack.HOOK)
        assert isinstance(sent(channel, url), Receipt)
        service.end(slack.HOOK, 410, "channel_is_archived")
        refused = sent(channel, url)
        assert isinstance(refused, Permanent)
        assert refused.disables
