"""The fakes of Slack and Discord refuse what the services refuse."""

import json
from typing import Any

import pytest

from tests.fakes import discord, slack
from tests.fakes.receiver import Request

AS_JSON = {"content-type": "application/json", "user-agent": "tests"}


def plain(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, **more}


def header(text: str) -> dict[str, Any]:
    return {"type": "header", "text": plain(text)}


def section(text: str, kind: str = "mrkdwn") -> dict[str, Any]:
    return {"type": "section", "text": {"type": kind, "text": text}}


def posted(path: str, body: Any, method: str = "POST", **headers: str) -> Request:
    return Request(method, path, AS_JSON | headers, body if isinstance(body, bytes) else json.dumps(body).encode())


@pytest.mark.parametrize(
    "payload",
    [
        {"text": "hello"},
        {"text": "hello", "blocks": [header("x" * 150), section("x" * 3_000)]},
        {"blocks": [{"type": "context", "elements": [plain("a", emoji=False)] * 10}] * 50},
        {"text": "hello", "blocks": [section("x" * 3_000)] * 4},
    ],
)
def test_slack_takes_what_is_within_its_limits(payload: dict[str, Any]):
    answer = slack.Slack().answer(posted(slack.HOOK, payload))
    assert (answer.status, answer.body) == (200, "ok")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "invalid_payload"),
        (b"[]", "invalid_payload"),
        ({}, "no_text"),
        ({"text": ""}, "no_text"),
        ({"text": "a", "attachments": [{}] * 101}, "too_many_attachments"),
        ({"text": "a", "blocks": [section("a")] * 51}, "invalid_blocks"),
        ({"text": "a", "blocks": [header("x" * 151)]}, "invalid_blocks"),
        ({"text": "a", "blocks": [header("")]}, "invalid_blocks"),
        ({"text": "a", "blocks": [{"type": "header", "text": {"type": "mrkdwn", "text": "a"}}]}, "invalid_blocks"),
        ({"text": "a", "blocks": [section("x" * 3_001)]}, "invalid_blocks"),
        ({"text": "a", "blocks": [{"type": "section", "text": plain("a", verbatim=True)}]}, "invalid_blocks"),
        ({"text": "a", "blocks": [{"type": "section", "fields": [plain("x" * 2_001)]}]}, "invalid_blocks"),
        ({"text": "a", "blocks": [{"type": "section", "fields": [plain("x")] * 11}]}, "invalid_blocks"),
        ({"text": "a", "blocks": [{"type": "context", "elements": []}]}, "invalid_blocks"),
        ({"text": "a", "blocks": [{"type": "context", "elements": [plain("a")] * 11}]}, "invalid_blocks"),
        ({"text": "a", "blocks": [{**section("a"), "block_id": "x" * 256}]}, "invalid_blocks"),
        ({"text": "a", "blocks": [{"type": "fireworks"}]}, "invalid_blocks"),
        ({"text": "a", "blocks": [section("x" * 3_000)] * 5}, "msg_blocks_too_long"),
    ],
)
def test_slack_refuses_by_its_code(body: Any, said: str):
    answer = slack.Slack().answer(posted(slack.HOOK, body))
    assert (answer.status, answer.body) == (400, said)


def test_slack_knows_hooks_by_their_form_and_wants_json():
    assert slack.Slack().answer(posted("/services/T0/B0", {"text": "a"})).status == 404
    refused = slack.Slack().answer(posted(slack.HOOK, {"text": "a"}, **{"content-type": "text/plain"}))
    assert (refused.status, refused.body) == (400, "invalid_payload")


@pytest.mark.parametrize(
    "payload",
    [
        {"content": "x" * 2_000},
        {"embeds": [{"title": "x" * 256, "description": "x" * 4_096, "author": {"name": "x" * 256}}]},
        {
            "embeds": [{"title": "a", "footer": {"text": "x" * 2_048}, "color": 0xFFFFFF, "url": "https://a.example"}]
            * 2
        },
    ],
)
def test_discord_takes_what_is_within_its_limits(payload: dict[str, Any]):
    answer = discord.Discord().answer(posted(f"{discord.HOOK}?wait=true", payload))
    assert answer.status == 200
    assert json.loads(answer.body)["id"].isdecimal()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", 50109),
        ({}, 50006),
        ({"embeds": []}, 50006),
        ({"content": "x" * 2_001}, 50035),
        ({"content": "a", "username": "x" * 81}, 50035),
        ({"embeds": [{"title": "a"}] * 11}, 50035),
        ({"embeds": [{"title": "x" * 257}]}, 50035),
        ({"embeds": [{"description": "x" * 4_097}]}, 50035),
        ({"embeds": [{"title": "a", "author": {"name": "x" * 257}}]}, 50035),
        ({"embeds": [{"title": "a", "footer": {"text": "x" * 2_049}}]}, 50035),
        ({"embeds": [{"title": "a", "url": "javascript:alert(1)"}]}, 50035),
        ({"embeds": [{"title": "a", "color": 0x1000000}]}, 50035),
        ({"embeds": [{"footer": {"text": "a"}}]}, 50035),
        ({"embeds": [{"description": "x" * 3_001}] * 2}, 50035),
    ],
)
def test_discord_refuses_by_its_code(body: Any, code: int):
    answer = discord.Discord().answer(posted(f"{discord.HOOK}?wait=true", body))
    assert (answer.status, json.loads(answer.body)["code"]) == (400, code)


@pytest.mark.parametrize(
    ("path", "method", "headers", "status"),
    [
        (discord.HOOK, "POST", {}, 204),
        (f"{discord.HOOK}?wait=false", "POST", {}, 204),
        (f"{discord.HOOK}?wait=true", "POST", {"user-agent": ""}, 403),
        ("/api/webhooks/1", "POST", {}, 404),
        (discord.HOOK, "PATCH", {}, 404),
        (f"{discord.HOOK}/messages/1", "POST", {}, 404),
        (f"{discord.HOOK}/messages/1", "PATCH", {}, 404),
    ],
)
def test_discord_answers_what_it_is_asked(path: str, method: str, headers: dict[str, str], status: int):
    assert discord.Discord().answer(posted(path, {"content": "a"}, method, **headers)).status == status
