"""Discord's webhooks, as they check and answer (discord/discord-api-docs: webhook, message, rate-limits, reference)."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.fakes.pace import Pace
from tests.fakes.receiver import Answer, Dialect, Request

HOOK = "/api/webhooks/100000000000000001/sink-token"
_PATH = re.compile(r"/api/(?:v(?P<version>\d+)/)?webhooks/(?P<id>\d+)/(?P<token>[\w-]+)(?:/messages/(?P<message>\d+))?")
_DEFAULT_VERSION = 6
_IN_SECONDS_SINCE = 8
_JSON = {"Content-Type": "application/json"}
_TEXTS = {"title": 256, "description": 4_096}
_WEB = re.compile(r"https?://\S{1,2040}")


@dataclass
class Hook:
    """One webhook: its token, and what it has posted, by id."""

    token: str
    is_forum: bool = False
    messages: dict[str, Mapping[str, Any]] = field(default_factory=dict)


class Discord(Dialect):
    """Hooks that are known post, show how much more they take, and let their messages be changed."""

    channel = "discord"

    def __init__(self, pace: Pace | None = None) -> None:
        self._pace = pace
        self._ids = count(1_300_000_000_000_000_000)
        self.hooks = {"100000000000000001": Hook("sink-token")}

    def speaks_at(self, path: str) -> bool:
        return path.startswith("/api/")

    def key(self, request: Request) -> str:
        """The short id that people see, as there is no other."""
        try:
            return str(json.loads(request.body)["embeds"][0]["footer"]["text"]).rpartition("#")[2]
        except (ValueError, KeyError, IndexError, TypeError):
            return ""

    def answer(self, request: Request) -> Answer:
        address = urlsplit(request.path)
        place = _PATH.fullmatch(address.path)
        if not request.headers.get("user-agent"):
            return Answer(403, body="error code: 1010")
        if (
            not place
            or request.method not in ("POST", "PATCH")
            or (request.method == "PATCH") != bool(place["message"])
        ):
            return _said(404, 0, "404: Not Found")
        hook = self.hooks.get(place["id"])
        if hook is None:
            return _said(404, 10015, "Unknown Webhook")
        if hook.token != place["token"]:
            return _said(401, 50027, "Invalid Webhook Token")
        if self._pace and (wait := self._pace.take(place["id"])):
            return self._too_fast(wait, int(place["version"] or _DEFAULT_VERSION))
        return self._told(self._done(request, hook, place["message"], parse_qs(address.query)), place["id"])

    def reading(self, body: str) -> list[str]:
        """Title with its sign, text, link, footer; markdown as it shows, if all of it is escaped."""
        (embed,) = json.loads(body)["embeds"]
        title = f"{embed['author']['name']}: {embed['title']}"
        lines = [title, *embed.get("description", "").split("\n"), embed.get("url", ""), embed["footer"]["text"]]
        return [re.sub(r"\\(\W|_)", r"\1", line) for line in lines if line]

    def _done(self, request: Request, hook: Hook, message_id: str | None, query: Mapping[str, list[str]]) -> Answer:
        payload, fault = _read(request.body)
        if fault is not None:
            return fault
        if message_id is None and hook.is_forum and not query.get("thread_id") and not payload.get("thread_name"):
            return _said(400, 220001, "Webhooks posted to forum channels must have a thread_name or thread_id")
        if message_id is not None and message_id not in hook.messages:
            return _said(404, 10008, "Unknown Message")
        message_id = message_id or str(next(self._ids))
        hook.messages[message_id] = payload
        if request.method == "POST" and query.get("wait") != ["true"]:
            return Answer(204, body="")
        return Answer(200, _JSON, json.dumps({"id": message_id, "type": 0, **payload}))

    def _told(self, answer: Answer, place: str) -> Answer:
        """The answer with how much more is taken."""
        if self._pace is None:
            return answer
        return Answer(answer.status, {**answer.headers, **self._limits(self._pace, place)}, answer.body)

    def _too_fast(self, wait: float, version: int) -> Answer:
        """429; before version 8, which is what a URL without a version means, waits are in milliseconds."""
        unit = 1 if version >= _IN_SECONDS_SINCE else 1_000
        body = {"message": "You are being rate limited.", "retry_after": round(wait * unit, 3), "global": False}
        headers = {**_JSON, "Retry-After": str(math.ceil(wait * unit)), "X-RateLimit-Scope": "user"}
        return Answer(429, headers, json.dumps(body))

    @staticmethod
    def _limits(pace: Pace, place: str) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(pace.most),
            "X-RateLimit-Remaining": str(pace.left(place)),
            "X-RateLimit-Reset-After": f"{pace.resets_in(place):.3f}",
            "X-RateLimit-Bucket": "b0c4e7",
        }


def _read(body: bytes) -> tuple[Mapping[str, Any], Answer | None]:
    """The payload, and the refusal when it is not as it must be."""
    try:
        payload = json.loads(body)
    except ValueError:
        return {}, _said(400, 50109, "The request body contains invalid JSON.")
    if not payload.get("content") and not payload.get("embeds"):
        return {}, _said(400, 50006, "Cannot send an empty message")
    if fault := payload_fault(payload):
        return {}, _said(400, 50035, "Invalid Form Body", errors=fault)
    return payload, None


def payload_fault(payload: Mapping[str, Any]) -> dict[str, Any] | None:
    """What is wrong with a payload, by field, or None."""
    embeds = payload.get("embeds", [])
    faults: dict[str, Any] = {}
    if len(payload.get("content") or "") > 2_000:
        faults["content"] = "Must be 2000 or fewer in length."
    if len(payload.get("username") or "") > 80:
        faults["username"] = "Must be 80 or fewer in length."
    if len(embeds) > 10:
        faults["embeds"] = "Must be 10 or fewer in length."
    elif sum(sum(map(len, _texts(embed).values())) for embed in embeds) > 6_000:
        faults["embeds"] = "Embed size exceeds maximum size of 6000"
    for number, embed in enumerate(embeds):
        faults |= {f"embeds.{number}.{name}": fault for name, fault in _embed_faults(embed).items()}
    return faults or None


def _embed_faults(embed: Mapping[str, Any]) -> dict[str, str]:
    most = {**_TEXTS, "author": 256, "footer": 2_048}
    faults = {
        name: f"Must be {most[name]} or fewer in length."
        for name, text in _texts(embed).items()
        if len(text) > most[name]
    }
    if "url" in embed and not _WEB.fullmatch(embed["url"]):
        faults["url"] = "Not a well formed URL."
    if not 0 <= embed.get("color", 0) <= 0xFFFFFF:
        faults["color"] = "int value should be less than or equal to 16777215."
    if not set(embed) & {"title", "description"}:
        faults["description"] = "This field is required"
    return faults


def _texts(embed: Mapping[str, Any]) -> dict[str, str]:
    """The texts that count towards the sum."""
    nested = {"author": embed.get("author", {}).get("name", ""), "footer": embed.get("footer", {}).get("text", "")}
    return {name: embed.get(name, "") for name in _TEXTS} | nested


def _said(status: int, code: int, message: str, **more: Any) -> Answer:
    return Answer(status, _JSON, json.dumps({"message": message, "code": code, **more}))
