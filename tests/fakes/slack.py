"""Slack's incoming webhooks, as they check and answer (docs.slack.dev; what is measured says so)."""

import html
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tests.fakes.pace import Pace
from tests.fakes.receiver import Answer, Dialect, Request

HOOK = "/services/T0SINK/B0SINK/sink"
_HOOK = re.compile(r"/services/T[A-Z0-9]+/B[A-Z0-9]+/[A-Za-z0-9]+")
_LINK = re.compile(r"<([^|>]*)\|([^>]*)>")
_SHORT_ID = re.compile(r"#(\S+)$")
_MOST_OF_ALL_BLOCKS = 13_200  # measured: slackapi/bolt-js#2509
_TEXTS = {"header": ("plain_text",), "section": ("plain_text", "mrkdwn")}
_MOST = {"header": 150, "section": 3_000}


class Slack(Dialect):
    """Every hook of the right form takes messages, until it is told why it does not any more."""

    channel = "slack"

    def __init__(self, pace: Pace | None = None) -> None:
        self._pace = pace
        self._gone: dict[str, Answer] = {}

    def end(self, path: str, status: int, code: str) -> None:
        """Let a hook take nothing from now on."""
        self._gone[path] = Answer(status, body=code)

    def speaks_at(self, path: str) -> bool:
        return path.startswith("/services/")

    def key(self, request: Request) -> str:
        """The short id that people see, as there is no other."""
        try:
            line = json.loads(request.body)["blocks"][-1]["elements"][0]["text"]
        except (ValueError, KeyError, IndexError, TypeError):
            return ""
        found = _SHORT_ID.search(line)
        return found[1] if found else ""

    def answer(self, request: Request) -> Answer:
        if not _HOOK.fullmatch(request.path):
            return Answer(404, body="no_service")
        if request.path in self._gone:
            return self._gone[request.path]
        if self._pace and (wait := self._pace.take(request.path)):
            return Answer(429, {"Retry-After": str(math.ceil(wait))}, "rate_limited")
        fault = fault_of(request)
        return Answer(400, body=fault) if fault else Answer(200)

    def reading(self, body: str) -> list[str]:
        """Header, sections, links as `label → URL`, context."""
        blocks = json.loads(body)["blocks"]
        texts = [one["text"] for block in blocks for one in block.get("elements", [block.get("text")])]
        return [html.unescape(_LINK.sub(r"\2 → \1", line)) for text in texts for line in text.split("\n")]


def fault_of(request: Request) -> str | None:
    """Slack's code for what is wrong with a request, or None."""
    if request.method != "POST" or not request.headers.get("content-type", "").startswith("application/json"):
        return "invalid_payload"
    try:
        payload = json.loads(request.body)
    except ValueError:
        return "invalid_payload"
    return payload_fault(payload) if isinstance(payload, Mapping) else "invalid_payload"


def payload_fault(payload: Mapping[str, Any]) -> str | None:
    """Slack's code for what is wrong with a payload, or None."""
    blocks = payload.get("blocks", [])
    if len(payload.get("attachments", [])) > 100:
        return "too_many_attachments"
    if not payload.get("text") and not blocks:
        return "no_text"
    if not isinstance(blocks, Sequence) or len(blocks) > 50 or not all(_is_right(block) for block in blocks):
        return "invalid_blocks"
    return "msg_blocks_too_long" if sum(map(_length, blocks)) > _MOST_OF_ALL_BLOCKS else None


def _is_right(block: Mapping[str, Any]) -> bool:
    kind = block.get("type")
    if len(block.get("block_id", "")) > 255:
        return False
    if kind == "context":
        elements = block.get("elements", [])
        return 1 <= len(elements) <= 10 and all(_is_text(one, ("plain_text", "mrkdwn"), 3_000) for one in elements)
    if kind == "section" and "fields" in block:
        return len(block["fields"]) <= 10 and all(_is_text(one, _TEXTS[kind], 2_000) for one in block["fields"])
    return kind in _TEXTS and _is_text(block.get("text"), _TEXTS[kind], _MOST[kind])


def _is_text(text: Any, kinds: Sequence[str], most: int) -> bool:
    if not isinstance(text, Mapping) or text.get("type") not in kinds or not isinstance(text.get("text"), str):
        return False
    allowed = {"type", "text", "emoji"} if text["type"] == "plain_text" else {"type", "text", "verbatim"}
    return 1 <= len(text["text"]) <= most and set(text) <= allowed


def _length(block: Any) -> int:
    """The characters of all texts in a block."""
    if isinstance(block, Mapping):
        return sum(
            len(part) if name == "text" and isinstance(part, str) else _length(part) for name, part in block.items()
        )
    return sum(map(_length, block)) if isinstance(block, list) else 0
